"""The browser's search field and menu, as properties. They live in `reading.shelf`, so that no .blend keeps them."""

from collections.abc import Iterable

import bpy
from bpy.props import EnumProperty, PointerProperty, StringProperty
from bpy.types import Context, PropertyGroup, WindowManager

from .reading import shelf

_ALL = "All Categories"
_UNNAMED = "Others"


class _Offered:
    """Blender only borrows the texts of a list that is made at run time."""

    items: list[tuple[str, str, str, int]] = []


def refresh(context: Context) -> None:
    """Have the popup laid out anew in which something was clicked or typed."""
    if getattr(context, "region_popup", None) is not None:
        context.region_popup.tag_refresh_ui()


def _categories(_self: object, _context: Context | None) -> Iterable[tuple[str, str, str, int]]:
    names = (_ALL, *(name or _UNNAMED for name in shelf.categories))
    _Offered.items = [(str(number), name, "", number) for number, name in enumerate(names)]
    return _Offered.items


def _get_category(_self: object) -> int:
    return shelf.categories.index(shelf.view.category) + 1 if shelf.view.category else 0


def _set_category(_self: object, number: int) -> None:
    shelf.change(category=("", *shelf.categories)[number])


def _get_text(_self: object) -> str:
    return shelf.view.text


def _set_text(_self: object, text: str) -> None:
    shelf.change(text=text)


def _changed(_self: object, context: Context) -> None:
    refresh(context)


class ComfyTemplates(PropertyGroup):
    """`window_manager.comfyui_templates`: what the browser shows."""

    text: StringProperty(
        name="Search",
        description="Show templates that have all these words in title, name, description, tags or models",
        options={"TEXTEDIT_UPDATE", "SKIP_SAVE"},
        get=_get_text,
        set=_set_text,
        update=_changed,
    )
    category: EnumProperty(
        name="Category",
        description="Which templates to show",
        items=_categories,
        get=_get_category,
        set=_set_category,
        update=_changed,
    )


def register() -> None:
    bpy.utils.register_class(ComfyTemplates)
    WindowManager.comfyui_templates = PointerProperty(type=ComfyTemplates)


def unregister() -> None:
    del WindowManager.comfyui_templates
    bpy.utils.unregister_class(ComfyTemplates)
