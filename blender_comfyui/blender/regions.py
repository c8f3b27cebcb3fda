"""The parts of Blender's windows that show us: only these are redrawn when something changes."""

from collections.abc import Iterator

import bpy
from bpy.types import Area, Region

CATEGORY = "ComfyUI"  # the tab's name
_SPACES = ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")


def redraw() -> None:
    for region in showing():
        region.tag_redraw()


def redraw_popups() -> None:
    """Have popups drawn again, as they are laid out: Blender does so whenever it draws anything of their window."""
    for window in bpy.context.window_manager.windows:
        min(window.screen.areas, key=lambda area: area.width * area.height).tag_redraw()


def showing() -> Iterator[Region]:
    """Return the regions in which our tab or our preferences may be seen."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            yield from (region for region in area.regions if _shows_us(area, region))


def _shows_us(area: Area, region: Region) -> bool:
    if area.type == "PREFERENCES":
        return region.type == "WINDOW"
    return (
        area.type in _SPACES
        and region.type == "UI"
        and region.width > 1  # 1 where it is folded away
        and region.active_panel_category == CATEGORY
    )
