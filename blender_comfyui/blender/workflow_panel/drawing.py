"""The panel of an imported workflow: its groups as sub-panels, made for 280 pixels. Only reads."""

from collections.abc import Callable, Mapping
from typing import Any

from bpy.types import UILayout

from .. import compat
from ..wrapping import draw_sentence
from . import building, checking, lines, media, problem_list, state, values
from .forms import Form, holds
from .lines import Line, Table
from .state import ComfyImported, ComfyValues


def draw(
    layout: UILayout, imported: ComfyImported, kept: ComfyValues, width: int, draw_action: Callable[[], None]
) -> None:
    """Draw the workflow's problems and values in at most `width` pixels.

    `draw_action` draws what starts it: after the prompts and pictures at the top, before all that is set less often.
    """
    built = building.built(imported)
    if built is None:
        _draw_unusable(layout, imported, width)
        draw_action()
        return
    problem_list.draw(layout, imported, width)
    table = lines.table(imported, kept, built)
    now = dict(kept.items())
    _draw_presets(layout, imported)
    marked = checking.marked(imported)
    for number, group in enumerate(table.groups):
        if number == table.given:
            draw_action()
        header, body = layout.panel(group.panel, default_closed=group.is_closed)
        header.label(text=group.title)
        if body is not None:
            _Drawing(body.column(), kept, now, table, marked, imported.arranging).draw(header, group.lines)
        if imported.arranging:
            header.operator("comfyui.rename_group", text="", icon="GREASEPENCIL", emboss=False).group = group.title
    if imported.arranging:
        _draw_adding(layout)
    if table.given == len(table.groups):
        draw_action()


class _Drawing:
    """One group being drawn."""

    def __init__(
        self,
        column: UILayout,
        kept: ComfyValues,
        now: Mapping[str, Any],
        table: Table,
        marked: frozenset[str],
        arranging: bool,
    ) -> None:
        self.column = column
        self.kept, self.now, self.table = kept, now, table
        self.marked, self.arranging = marked, arranging
        self.media = values.media(kept)
        column.use_property_split = True

    def draw(self, header: UILayout, group: tuple[Line, ...]) -> None:
        there = [line for line in group if self.is_there(line)]
        for line in there:
            if self.arranging:
                self.draw_arranging(line)
            elif not holds(line.form, self.now[line.name]):
                self.draw_damaged(line)
            elif line.is_wide or self.now.get(line.mode):  # a number that does not stay as it is
                # one alone needs no label: it has the group's
                self.draw_wide(line, header if len(there) == 1 else None)
            else:
                self.draw_line(line)

    def is_there(self, line: Line) -> bool:
        return line.name in self.now and (not line.is_conditional or self.table.is_visible(line, self.now))

    def draw_line(self, line: Line) -> None:
        is_modified = line.is_modified(self.now[line.name])
        if not is_modified and line.name not in self.marked:  # as most are: without a row of their own
            self.column.prop(self.kept, line.path, text=line.label, slider=line.is_slider)
            return
        row = self.column.row(align=True)
        row.alert = line.name in self.marked
        row.prop(self.kept, line.path, text=line.label, slider=line.is_slider)
        self.draw_reset(row, line, is_modified)

    def draw_wide(self, line: Line, header: UILayout | None) -> None:
        """What needs the whole width: its label, and what can be done with it, stand above."""
        column = self.column.column(align=True)
        column.use_property_split = False
        column.alert = line.name in self.marked
        row = header or column.row()
        if header is None:
            row.label(text=line.label)
        if line.mode in self.now:
            row.prop(self.kept, line.mode_path, text="")
        item = self.media.get(line.name) if line.form is Form.FILE else None
        self.draw_reset(row, line, media.is_chosen(item) or line.is_modified(self.now[line.name]))
        if item is not None:
            media.draw(column, item, line.parameter, takes_mask=line.takes_mask)
            if media.is_chosen(item):
                return
        if line.form is Form.LONG_TEXT:
            row.operator("comfyui.edit_value", text="", icon="GREASEPENCIL", emboss=False).name = line.name
            compat.prompt_field(column, self.kept, line.path, lines=4, placeholder="")
            return
        row = column.row(align=True)
        row.prop(self.kept, line.path, text="", slider=line.is_slider)
        if line.is_list:
            row.operator("comfyui.search_value", text="", icon="VIEWZOOM").name = line.name
        if self.now.get(line.mode) == values.ANIMATED:
            column.prop(self.kept, line.plus_path, text="Plus")
        elif line.mode and self.now.get(line.last, str(self.now[line.name])) != str(self.now[line.name]):
            row.operator("comfyui.use_last_value", text="", icon="RECOVER_LAST").name = line.name

    def draw_damaged(self, line: Line) -> None:
        """Something wrote into the property what no field of ours can show."""
        row = self.column.row(align=True)
        row.alert = True
        row.label(text=f"{line.label}: damaged", icon="ERROR")
        self.draw_reset(row, line, is_modified=True)

    def draw_reset(self, row: UILayout, line: Line, is_modified: bool) -> None:
        if is_modified:
            row.operator("comfyui.reset_value", text="", icon="LOOP_BACK", emboss=False).name = line.name

    def draw_arranging(self, line: Line) -> None:
        row = self.column.row(align=True)
        row.operator("comfyui.rename_value", text=line.label, icon="GREASEPENCIL").name = line.name
        up = row.operator("comfyui.move_value", text="", icon="TRIA_UP")
        up.name, up.by = line.name, -1
        down = row.operator("comfyui.move_value", text="", icon="TRIA_DOWN")
        down.name, down.by = line.name, 1
        row.operator("comfyui.hide_value", text="", icon="X").name = line.name


def _draw_unusable(layout: UILayout, imported: ComfyImported, width: int) -> None:
    contents = state.contents(imported)
    if contents is None:
        sentence = "The workflow in this file is damaged. Import it again, or choose another one."
    else:
        sentence = " ".join(contents.notes) or "The workflow was not converted yet."
    draw_sentence(layout, sentence, width, icon="INFO" if contents else "ERROR")
    if contents is not None:
        layout.operator("comfyui.convert_workflow", icon="FILE_REFRESH")


def _draw_presets(layout: UILayout, imported: ComfyImported) -> None:
    row = layout.row(align=True)
    row.menu("COMFYUI_MT_value_presets", text=_preset_title(imported))
    row.operator("comfyui.add_value_preset", text="", icon="ADD")
    row.operator("comfyui.add_value_preset", text="", icon="REMOVE").remove_active = True
    row.operator("comfyui.reset_values", text="", icon="LOOP_BACK")
    row.prop(imported, "arranging", text="", icon="PREFERENCES")


def _preset_title(imported: ComfyImported) -> str:
    if not imported.preset_name:
        return "Presets"
    return imported.preset_name + (" (modified)" if checking.preset_is_modified(imported) else "")


def _draw_adding(layout: UILayout) -> None:
    row = layout.row(align=True)
    row.operator("comfyui.show_value", icon="ADD")
    row.operator("comfyui.reset_layout", icon="LOOP_BACK")
