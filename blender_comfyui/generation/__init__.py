"""What a generation is, from Generate to files on disk. No bpy here."""
