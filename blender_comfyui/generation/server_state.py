"""What is known of the server, as one frozen snapshot that any thread may read without a lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..comfy.errors import ComfyError


@dataclass(frozen=True)
class ServerState:
    """Memory in bytes; `queue_remaining` counts everybody's prompts, running ones too.

    `connection`: idle until somebody asks, ready when the last exchange went well, else unreachable with `error`.
    `features` are what the server says that it can, as "name: value"; only the websocket tells.
    `live` tells whether the websocket is open: without it results arrive all the same, but progress does not.
    """

    connection: Literal["idle", "connecting", "ready", "unreachable"] = "idle"
    live: bool = False
    version: str = ""
    device: str = ""
    vram_free: int = 0
    vram_total: int = 0
    queue_remaining: int = 0
    error: ComfyError | None = None
    checkpoints: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
