"""The models of a workflow: searched among the server's, liked, preferred for a task, and refreshed on demand."""

from bpy.types import PropertyGroup, UILayout

from ...generation.tasks.desk import ModelPlace, TierView
from ...workflow.graph import Place
from ..wrapping import ICON, scale, shortened, text_size
from . import choices, models

CHECKPOINT = "checkpoint"
_TAIL = 17  # characters at the end of a name that stay: its ending, and what is before
_MOST_SUGGESTIONS = 3


def draw(layout: UILayout, chosen: PropertyGroup, view: TierView, width: int) -> None:
    if not view.models:
        return
    header, body = layout.panel("COMFYUI_models", default_closed=False)
    header.label(text="Models")
    header.operator("comfyui.refresh_models", text="", icon="FILE_REFRESH", emboss=False)
    if body is None:
        return
    for place in view.models:
        _draw_place(body.column(align=True), chosen, view, place, width)
    if "prompt" in view.own and models.names("embeddings"):
        body.operator("comfyui.add_embedding", icon="ADD")


def draw_suggestions(layout: UILayout, view: TierView, width: int) -> None:
    """A button for each of the names most like one that the server lacks."""
    names = {place: model.name for model in view.models for place in model.places}
    wanted: dict[tuple[str, str], None] = {}
    for problem in view.offer.problems:
        name = names.get(Place(problem.node_id, problem.parameter))
        if name is not None:
            wanted |= {(name, str(suggestion)): None for suggestion in problem.suggestions[:_MOST_SUGGESTIONS]}
    for name, suggestion in wanted:
        text = shortened(suggestion, width - round(2 * ICON * scale()), text_size(), _TAIL)
        button = layout.operator("comfyui.use_model", text=text, icon="FORWARD")
        button.name, button.model = name, suggestion


def value_of(view: TierView, place: ModelPlace) -> str:
    """Return the model that counts as long as a person sets none: what is sent now, the tier's, the workflow's."""
    setting = view.offer.report.of(place.name) if view.offer.report else None
    value = setting.value if setting is not None and setting.is_set else None
    return str(value or view.offer.tier.parameters.get(place.name) or place.own)


def _draw_place(column: UILayout, chosen: PropertyGroup, view: TierView, place: ModelPlace, width: int) -> None:
    row = column.row(align=True)
    row.label(text=place.title)
    is_set = choices.is_set(chosen, place.name)
    value = str(choices.values(chosen).get(place.name) if is_set else value_of(view, place))
    _draw_buttons(row, chosen, place, value, is_set=is_set)
    row = column.row(align=True)
    is_missing = models.is_missing(place.folder, value)
    row.alert = is_missing
    text = shortened(value, width - round(ICON * scale()), text_size(), _TAIL)
    if place.name == CHECKPOINT:
        row.prop(chosen, CHECKPOINT, text="", placeholder=text)
    else:
        part = row.row(align=True)
        part.active = is_set or is_missing
        button = part.operator("comfyui.search_model", text=text)
        button.name, button.folder = place.name, place.folder
    if is_missing:
        column.label(text="Not on this server", icon="ERROR")


def _draw_buttons(row: UILayout, chosen: PropertyGroup, place: ModelPlace, value: str, *, is_set: bool) -> None:
    search = row.operator("comfyui.search_model", text="", icon="VIEWZOOM", emboss=False)
    search.name, search.folder = place.name, place.folder
    is_liked = value in models.favourites(place.folder)
    liking = row.operator(
        "comfyui.toggle_favourite_model", text="", icon="SOLO_ON" if is_liked else "SOLO_OFF", emboss=False
    )
    liking.folder, liking.name = place.folder, value
    pinned = models.preferred(chosen.task).get(place.name) == value
    preferring = row.operator("comfyui.prefer_model", text="", icon="PINNED" if pinned else "UNPINNED", emboss=False)
    preferring.task, preferring.name, preferring.model = chosen.task, place.name, value
    if is_set:
        row.operator("comfyui.reset_parameter", text="", icon="LOOP_BACK", emboss=False).name = place.name
