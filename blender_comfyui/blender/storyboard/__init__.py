"""The storyboard of a scene: its panels on the timeline, what is asked of the server for them, and what came of it.

`state` lies in the .blend, `contents` turns it into generation's frozen Storyboard and back; `markers` and
`text_strips` read panels from the scene and write them there; `running` has the Production that makes the pictures,
`errands` what reads and writes files meanwhile; `table`, `drawing` and `panel` show it all.
"""

from . import errands, panel, pictures, running, state

_MODULES = (state, running, errands, pictures, panel)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
