"""The stack of LoRAs: on or off, which, how strong, and in which order."""

from functools import lru_cache

from bpy.types import PropertyGroup, UILayout

from ...workflow.errors import InvalidValue
from ...workflow.lora_names import on_server, tag, taken_out
from ..wrapping import draw_sentence
from . import models


def draw(layout: UILayout, chosen: PropertyGroup, width: int) -> None:
    header, body = layout.panel("COMFYUI_loras", default_closed=False)
    used = sum(found.on and bool(found.lora) for found in chosen.loras)
    header.label(text=f"LoRAs ({used})" if used else "LoRAs")
    header.operator("comfyui.add_lora", text="", icon="ADD", emboss=False)
    header.operator("comfyui.refresh_models", text="", icon="FILE_REFRESH", emboss=False)
    if body is None:
        return
    for at in range(len(chosen.loras)):
        _draw_lora(body.box().column(align=True), chosen, at)
    if not chosen.loras:
        body.operator("comfyui.add_lora", icon="ADD")
    of_prompt = _of_prompt(chosen.prompt)
    if of_prompt:
        draw_sentence(body, f"From the prompt: {of_prompt}", width)


def _draw_lora(column: UILayout, chosen: PropertyGroup, at: int) -> None:
    found = chosen.loras[at]
    row = column.row(align=True)
    row.prop(found, "on", text="")
    name = row.row(align=True)
    name.active, name.alert = found.on, _is_missing(found.lora)
    name.prop(found, "lora", text="", placeholder="Which one")
    for by in (-1, 1):
        place = row.row(align=True)
        place.enabled = 0 <= at + by < len(chosen.loras)
        move = place.operator("comfyui.move_lora", text="", icon="TRIA_UP" if by < 0 else "TRIA_DOWN", emboss=False)
        move.index, move.by = at, by
    row.operator("comfyui.remove_lora", text="", icon="X", emboss=False).index = at
    strengths = column.row(align=True)
    strengths.active = found.on
    strengths.prop(found, "strength_model", slider=True)
    strengths.prop(found, "strength_clip", slider=True)
    if _is_missing(found.lora):
        column.label(text="Not on this server", icon="ERROR")


def _is_missing(name: str) -> bool:
    known = models.names("loras")
    return bool(name) and bool(known) and not _is_among(name, known)


@lru_cache(maxsize=64)  # panels are drawn again and again, and lists may be long
def _is_among(name: str, known: tuple[str, ...]) -> bool:
    try:
        on_server(name, known)
    except InvalidValue:
        return False
    return True


def _of_prompt(prompt: str) -> str:
    try:
        return ", ".join(tag(lora).removeprefix("<lora:").removesuffix(">") for lora in taken_out(prompt).loras)
    except InvalidValue:  # that is said where the tier stands
        return ""
