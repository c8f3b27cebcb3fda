"""What a tier sets: each value greyed as long as it is the tier's. A click makes it one's own, one gives it back."""

from bpy.types import PropertyGroup, UILayout

from ...generation.tasks.desk import TierView
from ...workflow.roles import ROLES
from ..wrapping import draw_sentence
from . import choices, words

_ELSEWHERE = frozenset({"prompt", "negative_prompt", "seed", "checkpoint"})  # have places of their own in the panel
_SHARE = 0.4  # of the width for names


def names(chosen: PropertyGroup, view: TierView) -> list[str]:
    """Return what can be set, the tier's first, then what the workflow has a place for, then what is set besides."""
    of_models = {place.name for place in view.models}
    others = (role for role in ROLES if role in view.own)
    found = dict.fromkeys((*view.offer.tier.parameters, *others, *choices.names_set(chosen)))
    return [name for name in found if name not in _ELSEWHERE and name not in of_models]


def draw(layout: UILayout, chosen: PropertyGroup, view: TierView, width: int) -> None:
    header, body = layout.panel("COMFYUI_task_settings", default_closed=False)
    header.label(text="Settings")
    if any(choices.is_set(chosen, name) for name in names(chosen, view)):
        header.operator("comfyui.reset_parameters", text="", icon="LOOP_BACK", emboss=False)
    notes = words.notes(view.offer.report)
    if body is None:  # what is not as it was asked for is said all the same
        for sentence in notes.values():
            draw_sentence(layout, sentence, width, icon="INFO")
        return
    if "width" in view.own:
        row = body.row()
        row.use_property_split = True
        row.prop(chosen, "size_source", expand=True)
    column = body.column(align=True)
    there = names(chosen, view)
    for name in there:
        _draw_row(column, chosen, view, name, words.label(name, there), is_noted=name in notes)
        if name in notes:
            draw_sentence(column, notes.pop(name), width, icon="INFO")
    for sentence in notes.values():
        draw_sentence(column, sentence, width, icon="INFO")


def value_of(view: TierView, name: str) -> object:
    """Return what counts as long as a person sets nothing: the tier's value, else the workflow's own."""
    return view.offer.tier.parameters.get(name, view.own.get(name))


def _draw_row(
    column: UILayout, chosen: PropertyGroup, view: TierView, name: str, label: str, *, is_noted: bool
) -> None:
    split = column.split(factor=_SHARE, align=True)
    title = split.row()
    title.alignment = "RIGHT"
    title.label(text=label)
    row = split.row(align=True)
    if chosen.size_source == "RENDER" and name in choices.SIZES:
        row.label(text=str(dict(zip(choices.SIZES, chosen.picture_size(), strict=True))[name]))
    elif choices.is_set(chosen, name):
        row.alert = is_noted
        _draw_own(row, chosen, name)
        row.operator("comfyui.reset_parameter", text="", icon="LOOP_BACK").name = name
    else:
        row.active = False
        row.operator("comfyui.override_parameter", text=words.shown(value_of(view, name)) or "–").name = name


def _draw_own(row: UILayout, chosen: PropertyGroup, name: str) -> None:
    if name in choices.PROPERTIES:
        row.prop(chosen, choices.PROPERTIES[name], text="")
        return
    found = choices.item(chosen, name)
    if found is not None:
        row.prop(found, found.field, text="")
