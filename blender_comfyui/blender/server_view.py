"""The server, as the panels and the preferences show it: ready, not ready and why, and what can be done."""

import re

from bpy.types import UILayout

from ..generation.server_state import ServerState
from . import delivery, runtime, settings
from .wrapping import draw_sentence

GIGABYTE = 1024**3


def draw(layout: UILayout, width: int, *, in_preferences: bool = False) -> None:
    """Draw the server's state in at most `width` pixels, and have it asked for where it is not known."""
    refusal = runtime.refusal()
    if refusal is not None:
        draw_sentence(layout, str(refusal), width, icon="ERROR")
        _draw_way_out(layout, refusal, in_preferences)
        return
    if not in_preferences:
        delivery.want_server_state()
    state = runtime.server_state()
    match state.connection:
        case "ready":
            _draw_ready(layout, state, width)
        case "unreachable":
            draw_sentence(layout, str(state.error), width, icon="ERROR")
            row = layout.row(align=True)
            row.operator("comfyui.refresh_server", text="Try Again", icon="FILE_REFRESH")
            if not in_preferences:
                row.operator("comfyui.open_preferences", text="Preferences", icon="PREFERENCES")
        case "connecting":
            layout.label(text="Connecting …", icon="SORTTIME")
        case _ if not in_preferences:
            layout.label(text="Not connected yet", icon="UNLINKED")


def _draw_way_out(layout: UILayout, refusal: Exception, in_preferences: bool) -> None:
    if isinstance(refusal, runtime.NoOnlineAccess):
        delivery.wake()  # to part from the server, if the permission was withdrawn
        layout.operator("comfyui.allow_online_access", icon="INTERNET")
    elif in_preferences and settings.secrets_are_elsewheres():
        layout.operator("comfyui.use_login_here", icon="CHECKMARK")
    elif not in_preferences:
        layout.operator("comfyui.open_preferences", text="Open Preferences", icon="PREFERENCES")


def _draw_ready(layout: UILayout, state: ServerState, width: int) -> None:
    row = layout.row()
    row.label(text=f"ComfyUI {state.version}".rstrip(), icon="CHECKMARK")
    row.operator("comfyui.refresh_server", text="", icon="FILE_REFRESH", emboss=False)
    draw_sentence(layout, _facts(state), width)
    if not state.live:
        draw_sentence(layout, "No live progress: the server's websocket is closed", width)


def _facts(state: ServerState) -> str:
    facts = [device_name(state.device)]
    if state.vram_total:
        facts.append(f"{state.vram_free / GIGABYTE:.1f} of {state.vram_total / GIGABYTE:.1f} GB free")
    facts.append(f"{state.queue_remaining} in the queue" if state.queue_remaining else "queue empty")
    return " · ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts if fact)


def device_name(device: str) -> str:
    """Return "NVIDIA GeForce RTX 4090" for "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"."""
    return re.sub(r"^\w+:\d+ | : \w+$", "", device)
