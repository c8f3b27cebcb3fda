"""ComfyUI graphs: reading them, finding what can be set in them, setting it. No bpy, no network, no other floor."""
