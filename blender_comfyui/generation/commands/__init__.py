"""The command line: verbs for people and for machines, the same in Blender and without it. No bpy here."""
