"""What a test can turn on a running server, and what it can read from it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .node_types import NODE_TYPES, NodeType

DEFAULT_MODELS: dict[str, tuple[str, ...]] = {
    "checkpoints": ("random_sd15.safetensors", "dreamshaper_8.safetensors", "SDXL/sd_xl_base_1.0.safetensors"),
    "configs": (),
    "loras": ("random_lora.safetensors", "sub dir/random_lora.safetensors"),
    "vae": ("random_vae.safetensors",),
    "text_encoders": (),
    "diffusion_models": (),
    "clip_vision": (),
    "style_models": (),
    "embeddings": ("random_ti.safetensors",),
    "diffusers": (),
    "vae_approx": (),
    "controlnet": ("control_depth.safetensors",),
    "gligen": (),
    "upscale_models": (),
    "custom_nodes": (),
    "hypernetworks": (),
    "photomaker": (),
    "classifiers": (),
    "model_patches": (),
    "audio_encoders": (),
}

Answer = tuple[int, Mapping[str, str], bytes | str | dict[str, Any]]
"""Status (0: close the connection without an answer), headers, body."""


class Gate:
    """Holds the execution of nodes until released, so that tests need no sleeps.

    ``set()`` closes the gate before every node and every sampler step, ``clear()`` opens it for good,
    ``step(n)`` lets n checks through. ``wait_reached()`` returns once something stands before the gate.
    An interrupt goes through a closed gate, as the real check would see it, unless ``deaf`` is set.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._permits = 0
        self._waiting = 0
        self.deaf = False

    def set(self) -> None:
        with self._changed:
            self._closed = True
            self._permits = 0

    def clear(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    release = clear

    def is_set(self) -> bool:
        return self._closed

    def step(self, count: int = 1) -> None:
        with self._changed:
            self._permits += count
            self._changed.notify_all()

    def wait_reached(self, timeout: float = 10.0) -> None:
        """Raises TimeoutError when nothing has come to the gate within ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting > 0 and not self._permits, timeout):
                raise TimeoutError("no node has come to the gate")

    def wake(self) -> None:
        """Lets a waiting execution look at its interrupt and stop flags again."""
        with self._changed:
            self._changed.notify_all()

    def pass_through(self, given_up: Callable[[], bool]) -> None:
        """Called by the execution thread; returns when open, when a permit is there, or when given up."""
        if not self._closed:
            return
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: not self._closed or self._permits > 0 or given_up())
                self._permits = max(0, self._permits - 1)
            finally:
                self._waiting -= 1


@dataclass
class Knobs:
    """All may be changed while the server runs; times are seconds."""

    step_delay: float = 0.0  # each sampler step takes at least this long
    post_delay: float = 0.0  # POST /prompt is done at once, its answer comes this much later
    history_delay: float = 0.0  # the history entry comes this much later than execution_success
    auth: tuple[str, str] | None = None  # (header name, value) without which everything is 401
    refuse_websocket: int = 0  # 403 or 404: what /ws answers, while HTTP works
    vram_batch_limit: int | None = None  # a sampler with a greater batch runs out of memory
    troubles: dict[str, str] = field(default_factory=dict)  # words of a prompt -> "memory", or the sampler's error
    previews: bool = True
    preview_size: int = 512  # longest side of a preview, pixels
    models: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_MODELS))
    node_types: dict[str, NodeType] = field(default_factory=lambda: NODE_TYPES)  # what this server can run
    partner_account: bool = False  # partner nodes run, as if somebody had logged in
    partner_side: int = 1024  # the longer side of what they make, pixels
    node_replacements: dict[str, Any] = field(default_factory=dict)  # as /node_replacements gives them
    fail_next: dict[str, list[Answer]] = field(default_factory=dict)  # "METHOD /route" -> given instead, in order
    cut_next: dict[str, list[int]] = field(default_factory=dict)  # "METHOD /route" -> bytes sent before it breaks off
    drop_answer_next: int = 0  # so many POST /prompt are done, but the connection closes without an answer
    probe_tick: float = 0.1  # what a tenth of a second of ProbeSleep takes; it can be interrupted after each
    gate: Gate = field(default_factory=Gate)
    picture_gate: Gate = field(default_factory=Gate)  # holds the pictures of templates

    @property
    def checkpoints(self) -> tuple[str, ...]:
        return self.models["checkpoints"]

    @checkpoints.setter
    def checkpoints(self, names: Sequence[str]) -> None:
        self.models["checkpoints"] = tuple(names)


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came; ``path`` is without the server's prefix, ``route`` also without /api."""

    method: str
    path: str
    route: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    seconds: float  # time.monotonic() when it came

    @property
    def json(self) -> Any:
        """The body as JSON, None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Journal:
    """Counters and the log of requests; every change can be waited for."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.requests: list[RecordedRequest] = []
        self.posts = 0  # POST /prompt that came to the server, refused ones too
        self.frees = 0  # POST /free
        self.executions: Counter[str] = Counter()  # prompt id -> times its execution began
        self.finished: Counter[str] = Counter()  # prompt id -> times its execution ended, however
        self.nodes_run: Counter[str] = Counter()  # class type -> times such a node really ran

    def note(self, change: Callable[[Journal], None]) -> None:
        with self.changed:
            change(self)
            self.changed.notify_all()

    def touch(self) -> None:
        self.note(lambda _: None)

    def wait_for(self, holds: Callable[[], bool], timeout: float = 10.0) -> None:
        """Waits until ``holds()``; it is asked after each request, socket, start and end of a prompt."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while not holds():
                if not self.changed.wait(min(0.2, max(0.0, deadline - time.monotonic()))) and (
                    time.monotonic() >= deadline
                ):
                    raise TimeoutError("what was waited for did not happen")
