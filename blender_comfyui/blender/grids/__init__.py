"""Grids in Blender: what is gone through, the pictures on their way, and the whole, which arrives as an image.

`state` lies in the .blend, `running` has the grids that are being made, `drawing` and `panel` show both.
"""


def register() -> None:
    from . import panel, running, state  # not above: the tab's own panels draw how far a grid is

    for module in (state, running, panel):
        module.register()


def unregister() -> None:
    from . import panel, running, state

    for module in (panel, running, state):
        module.unregister()
