"""The stack of LoRAs: on or off, which, how strong, and in which order."""

from functools import lru_cache

from bpy.types import PropertyGroup, UILayout

from ...workflow.errors import InvalidValue
from ...workflow.lora_names import on_server, tag, taken_out
from ..wrapping import draw_sentence, scale, shortened, text_size
from . import models

_BESIDE = 126  # pixels at scale 1 that the buttons beside a name take
_TAIL = 8  # characters at the end of a name that stay
_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".sft")


def draw(layout: UILayout, chosen: PropertyGroup, width: int) -> None:
    header, body = layout.panel("COMFYUI_loras", default_closed=False)
    used = sum(found.on and bool(found.lora) for found in chosen.loras)
    header.label(text=f"LoRAs ({used})" if used else "LoRAs")
    header.operator("comfyui.add_lora", text="", icon="ADD", emboss=False)
    header.operator("comfyui.refresh_models", text="", icon="FILE_REFRESH", emboss=False)
    if body is None:
        return
    for at in range(len(chosen.loras)):
        _draw_lora(body.box().column(align=True), chosen, at, width)
    if not chosen.loras:
        body.operator("comfyui.add_lora", icon="ADD")
    of_prompt = _of_prompt(chosen.prompt)
    if of_prompt:
        draw_sentence(body, f"From the prompt: {of_prompt}", width)


def _draw_lora(column: UILayout, chosen: PropertyGroup, at: int, width: int) -> None:
    found = chosen.loras[at]
    known = models.names(models.LORAS)
    whole = _on_server(found.lora, known) if found.lora else ""
    is_missing = bool(found.lora and known and not whole)
    row = column.row(align=True)
    row.prop(found, "on", text="")
    name = row.row(align=True)
    name.active, name.alert = found.on, is_missing
    if found.lora and known:  # a field would cut the end, which tells names apart
        room = width - round(_BESIDE * scale())
        text = shortened(_stem(found.lora), room, text_size(), _TAIL)
        name.operator("comfyui.choose_lora", text=text).index = at
    else:
        name.prop(found, "lora", text="", placeholder="Which one")
    if whole:
        _draw_liking(row, whole)
    _draw_moving(row, at, len(chosen.loras))
    row.operator("comfyui.remove_lora", text="", icon="REMOVE", emboss=False).index = at
    strengths = column.row(align=True)
    strengths.active = found.on
    strengths.prop(found, "strength_model", slider=True)
    strengths.prop(found, "strength_clip", slider=True)
    if is_missing:
        column.label(text="Not on this server", icon="ERROR")


def _draw_liking(row: UILayout, name: str) -> None:
    is_liked = name in models.favourites(models.LORAS)
    liking = row.operator(
        "comfyui.toggle_favourite_model", text="", icon="SOLO_ON" if is_liked else "SOLO_OFF", emboss=False
    )
    liking.folder, liking.name = models.LORAS, name


def _draw_moving(row: UILayout, at: int, count: int) -> None:
    for by in (-1, 1):
        place = row.row(align=True)
        place.enabled = 0 <= at + by < count
        move = place.operator("comfyui.move_lora", text="", icon="TRIA_UP" if by < 0 else "TRIA_DOWN", emboss=False)
        move.index, move.by = at, by


def _stem(name: str) -> str:
    """Return a name without folder and ending."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


@lru_cache(maxsize=64)  # panels are drawn again and again, and lists may be long
def _on_server(name: str, known: tuple[str, ...]) -> str:
    """Return the name as the server has it, '' where it has none."""
    try:
        return on_server(name, known)
    except InvalidValue:
        return ""


def _of_prompt(prompt: str) -> str:
    try:
        return ", ".join(tag(lora).removeprefix("<lora:").removesuffix(">") for lora in taken_out(prompt).loras)
    except InvalidValue:  # that is said where the tier stands
        return ""
