"""The embedded ComfyUI client: knows the protocol, not what it is used for. No bpy, no other floor."""
