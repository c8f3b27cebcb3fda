"""The browser of the server's templates: a popup with their pictures, where a click opens one in the scene.

`shelf` is what it shows, `pictures` and `stand_ins` are their pictures, `reading` is how both come from the workshop,
`filters` its search field and menu; `browser` draws it. Its buttons are in `operators/templates.py`.
"""

from . import filters, reading

_MODULES = (reading, filters)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
