"""The gallery's search field and menus, as properties. They live in `reading.shelf`, so that no .blend keeps them."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, PointerProperty, StringProperty
from bpy.types import PropertyGroup, WindowManager

from ...generation.history import Sort
from .. import delivery
from .reading import shelf
from .shelf import Kind

_KINDS = (
    (Kind.ALL, "All Results", "Whatever ended, well or not, and what waits for its server"),
    (Kind.FINISHED, "Finished", "What ended well"),
    (Kind.UNPLACED, "Not Placed", "Results that are not in their .blend yet"),
    (Kind.FAILED, "Failed", "What ended with an error"),
    (Kind.CANCELLED, "Cancelled", "What was stopped"),
    (Kind.LOST, "Lost", "What the server forgot before it could be fetched"),
)
_SORTS = (
    (Sort.NEWEST, "Newest First", "The last result first"),
    (Sort.OLDEST, "Oldest First", "The first result first"),
    (Sort.LONGEST, "Longest First", "What took most time first"),
    (Sort.PROMPT, "By Prompt", "By the alphabet"),
)


def _items(choices: tuple[tuple[Any, str, str], ...]) -> list[tuple[str, str, str, int]]:
    return [(choice.name, name, text, number) for number, (choice, name, text) in enumerate(choices)]


def _choice(name: str, choices: tuple[tuple[Any, str, str], ...]) -> dict[str, Any]:
    """Return `get` and `set` of an enumeration that is a field of the view."""
    values = [choice for choice, _, _ in choices]
    return {
        "get": lambda _self: values.index(getattr(shelf.view, name)),
        "set": lambda _self, number: _change(name, values[number]),
    }


def _plain(name: str) -> dict[str, Any]:
    return {
        "get": lambda _self: getattr(shelf.view, name),
        "set": lambda _self, value: _change(name, value),
    }


def _change(name: str, value: object) -> None:
    shelf.change(**{name: value})
    delivery.wake()


class ComfyGallery(PropertyGroup):
    """`window_manager.comfyui_gallery`: what the gallery shows."""

    text: StringProperty(
        name="Search",
        description="Show results whose prompt has this in it",
        options={"TEXTEDIT_UPDATE", "SKIP_SAVE"},
        **_plain("text"),
    )
    kind: EnumProperty(
        name="State", description="Which results to show", items=_items(_KINDS), **_choice("kind", _KINDS)
    )
    sort: EnumProperty(name="Order", description="Which comes first", items=_items(_SORTS), **_choice("sort", _SORTS))
    favourites: BoolProperty(name="Favourites", description="Show favourites only", **_plain("favourites"))
    this_file: BoolProperty(
        name="This File", description="Show only what was asked for in the open .blend", **_plain("this_file")
    )


def register() -> None:
    bpy.utils.register_class(ComfyGallery)
    WindowManager.comfyui_gallery = PointerProperty(type=ComfyGallery)


def unregister() -> None:
    del WindowManager.comfyui_gallery
    bpy.utils.unregister_class(ComfyGallery)
