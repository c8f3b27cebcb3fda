"""The only floor that knows bpy: what the artist sees, and the way from Blender to a Session and back.

The main thread alone runs here. No network, no waiting for a disk or a lock; `delivery` says how results come in.
"""

from . import archive, blend_file, delivery, operators, panels, preferences, properties, runtime

# In this order: a file's marks before the delivery that reads them, properties before the panels that draw them.
_MODULES = (properties, preferences, blend_file, runtime, archive, delivery, operators, panels)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
