"""Shared by all tests. No imports beyond pytest here: tests/blender runs in Blenders that have nothing else."""

from importlib.util import find_spec

# These run inside Blender; tests/matrix starts them there, once a version.
collect_ignore = [] if find_spec("bpy") else ["blender"]
