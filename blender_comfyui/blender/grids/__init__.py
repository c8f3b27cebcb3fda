"""Grids in Blender: what is gone through, the pictures on their way, and the whole, which arrives as an image.

`state` lies in the .blend, `running` has the grids that are being made, `panel` shows both.
"""

from . import panel, running, state

_MODULES = (state, running, panel)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
