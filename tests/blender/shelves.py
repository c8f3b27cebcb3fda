"""A history with things in it, and the gallery that shows them, for tests inside Blender."""

import struct
import time
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy

from tests.blender.recorder import Recorder


def write_picture(path: Path, colour: tuple[int, int, int] = (200, 30, 30), side: int = 8) -> Path:
    """A small PNG of one colour: Blender's Python has no Pillow of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = b"".join(b"\0" + bytes(colour) * side for _ in range(side))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


class Shelves:
    """What tests do with the gallery: put results into the history, look, and wait."""

    def __init__(self, module: Callable[[str], ModuleType], deliver: Callable[..., None], folder: Path) -> None:
        self._module, self._deliver, self.folder = module, deliver, folder
        self.history = module("generation.history").History(module("blender.settings").user_folder("session"))
        self.shelf = module("blender.gallery.reading").shelf
        self.thumbnails = module("blender.gallery.reading").thumbnails
        self.large = module("blender.gallery.reading").large

    def keep(
        self,
        label: str = "a red fox",
        state: str = "finished",
        files: tuple[str, ...] = ("picture.png",),
        *,
        error: Exception | None = None,
        seconds: float = 3.2,
        texts: tuple[str, ...] = (),
        context: dict[str, str] | None = None,
        parameters: dict[str, object] | None = None,
        **request: Any,
    ) -> str:
        """Put a job that ended into the history; return its id. Its files are written, pictures as such."""
        outcomes = self._module("generation.outcome")
        job_id = str(uuid.uuid4())
        asked = {"seed": 7, "width": 64, "height": 48, "steps": 2, **(parameters or {})}
        kind = self._module("generation.request").Request
        made = kind(
            {"1": {"class_type": "X", "inputs": {}}},
            {"prompt": label, **asked},
            label=label,
            context=context or {},
            workflow_name=request.pop("workflow_name", "sd_basic"),
            task=request.pop("task", "image_generation"),
            **request,
        )
        self.history.add(job_id, made, "http://127.0.0.1:8188", "test", 0.0)
        self.history.update(job_id, server_version="0.27.0")
        outputs = tuple(self._output(job_id, name) for name in files)
        ended = outcomes.Outcome(outcomes.JobState(state), outputs, error, texts=texts, seconds=seconds)
        self.history.end(job_id, ended, time.time())
        return job_id

    def _output(self, job_id: str, name: str) -> object:
        path = self.folder / f"{job_id[:6]}_{name}"
        kind = self._module("generation.outputs").kind_of(name)
        if kind == "image":
            write_picture(path)
        else:
            path.write_bytes(b"x" * 1500)
        return self._module("generation.outcome").Output(path, "2", "Save", kind, "output")

    def look(self) -> Recorder:
        """Draw the gallery until it shows what the history holds now; return what is drawn."""
        self.shelf.refresh()
        return self.wait()

    def wait(self) -> Recorder:
        """Draw the gallery until nothing more is asked."""
        self._deliver(lambda: not self._is_busy())
        return self.draw()

    def _is_busy(self) -> bool:
        self.draw()
        shelf, desk = self.shelf, self._module("blender.archive")._current
        return (
            desk.owed > 0
            or shelf._waiting
            or shelf._wants_page
            or shelf._wants_request
            or (shelf.selected and shelf.whole is None)
            or self.thumbnails.is_missing_some
            or bool(self.thumbnails._asked or self.large._asked)
            or self.large.is_missing_some
        )

    def draw(
        self, width: int = 280, space: str = "VIEW_3D", closed: tuple[str, ...] = ("COMFYUI_foreign",)
    ) -> Recorder:
        """Draw the gallery's panel once."""
        panel = self._module("blender.gallery.panel")
        kinds = (
            panel.COMFYUI_PT_gallery_view3d,
            panel.COMFYUI_PT_gallery_image_editor,
            panel.COMFYUI_PT_gallery_sequencer,
        )
        kind = next(kind for kind in kinds if kind.bl_space_type == space)
        return self._drawn(lambda layout: kind.draw(SimpleNamespace(layout=layout), _context(width)), closed)

    def draw_larger(self) -> Recorder:
        """Draw the dialog of the selected result."""
        view = self._module("blender.operators.gallery").COMFYUI_OT_gallery_view
        return self._drawn(lambda layout: view.draw(SimpleNamespace(layout=layout), bpy.context))

    def draw_dialog(self, name: str, **values: object) -> Recorder:
        """Draw the dialog of an operator of gallery_upkeep."""
        kind = getattr(self._module("blender.operators.gallery_upkeep"), name)
        function = getattr(bpy.ops.comfyui, kind.bl_idname.partition(".")[2])
        values |= {"bl_rna": function.get_rna_type()}
        return self._drawn(lambda layout: kind.draw(SimpleNamespace(layout=layout, **values), bpy.context))

    def select(self, job_id: str) -> Recorder:
        """Select a result and wait until all of it is known."""
        self.wait()
        bpy.ops.comfyui.gallery_select(job_id=job_id)
        return self.wait()

    @property
    def captions(self) -> list[str]:
        """What stands below the pictures, in order."""
        return [drawn.text for drawn in self.draw().drawn if drawn.name == "comfyui.gallery_select"]

    @property
    def ids(self) -> list[str]:
        """The results of the page, in order."""
        return [
            drawn.arguments["properties"].job_id
            for drawn in self.draw().drawn
            if drawn.name == "comfyui.gallery_select"
        ]

    def _drawn(self, draw: Callable[[Recorder], None], closed: tuple[str, ...] = ()) -> Recorder:
        layout = Recorder(closed=closed)
        draw(layout)
        return layout


def _context(width: int) -> SimpleNamespace:
    return SimpleNamespace(
        scene=bpy.context.scene,
        preferences=bpy.context.preferences,
        region=SimpleNamespace(width=width),
        window_manager=bpy.context.window_manager,
    )
