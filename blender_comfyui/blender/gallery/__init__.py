"""The gallery: every result of the history with its picture, and what can be done with it.

`shelf` and `thumbnails` are what it shows, `reading` is how that comes from the Desk, `panel`, `grid`, `details` and
`larger` draw it. Its buttons are in `operators/gallery.py` and `operators/gallery_upkeep.py`.
"""

from . import filters, panel, reading

_MODULES = (reading, filters, panel)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
