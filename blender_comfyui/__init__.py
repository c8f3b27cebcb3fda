"""Generate pictures and videos in Blender with a ComfyUI server.

The package has four floors, and imports go down only: `blender` (the only one that knows bpy), then
`generation`, then `workflow` and `comfy`. Importing this module needs no Blender, so that the lower floors
serve scripts and tests too; `register` and `unregister` are what Blender calls.
"""


def register() -> None:
    """Add the extension's classes, properties, menus and timers to the running Blender."""
    from . import blender

    blender.register()


def unregister() -> None:
    """Take out of Blender whatever `register` put in, also while jobs are running."""
    from . import blender

    blender.unregister()
