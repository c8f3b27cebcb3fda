"""The check at the end: every panel has a whole file of the right kind and size."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.storyboard.checking import check, check_panel
from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from blender_comfyui.generation.storyboard.states import PanelProgress, PanelState, Progress, Take
from blender_comfyui.generation.tasks.book import TaskBook

TASKS = TaskBook().current().tasks
STILL = TASKS["image_generation"].tiers["low"]
VIDEO = TASKS["video_generation"].tiers["low"]
ASKED = {"width": 96, "height": 64}


def panel(path: Path | None, parameters: dict[str, object] | None = None) -> PanelProgress:
    files = () if path is None else (path,)
    take = Take(0, "job", PanelState.FINISHED, 1.0, files, parameters=ASKED if parameters is None else parameters)
    return PanelProgress("p1", PanelState.FINISHED, 1.0, (take,))


def said(path: Path, parameters: dict[str, object] | None = None, tier=STILL) -> str:
    found = check_panel(panel(path, parameters), tier)
    assert found is None or (found.panel_id, found.path) == ("p1", path)
    return found.sentence if found else ""


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "fox.png"
    Image.effect_noise((96, 64), 90).convert("RGB").save(path)
    return path


def mp4(path: Path, width: int, height: int, is_cut: bool = False) -> Path:
    """The boxes of a video, as far as they tell its size: a sound track before it has none."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    def track(width: int, height: int) -> bytes:
        return box(b"trak", box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16)))

    told = box(b"moov", box(b"mvhd", bytes(100)) + track(0, 0) + track(width, height))
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + box(b"mdat", bytes(1000)) + (b"" if is_cut else told))
    return path


def test_a_right_picture(picture):
    assert said(picture) == ""
    assert said(picture, {}) == ""  # a task that makes sizes of its own


def test_a_picture_of_another_size(picture):
    assert said(picture, {"width": 96, "height": 72}) == (
        "fox.png is 96 × 64 pixels, and 96 × 72 were asked for. See what the workflow does to its pictures."
    )


def test_an_enlarged_picture_is_measured_after_it(picture):
    assert said(picture, {"width": 48, "height": 32, "Enlarge.scale_by": 2.0}) == ""
    assert said(picture, {"width": 48, "height": 36, "Enlarge.scale_by": 2.0}) == ""  # within a latent's pixel
    assert "96 × 96 were asked for" in said(picture, {"width": 48, "height": 48, "Enlarge.scale_by": 2.0})


def test_a_cut_picture(picture):
    picture.write_bytes(picture.read_bytes()[:-500])
    assert "fox.png" in said(picture)
    assert "cut" in said(picture)


def test_a_web_page_by_the_name_of_a_picture(picture):
    picture.write_text("<html><body>Bad gateway</body></html>")
    assert "a web page" in said(picture)


def test_an_empty_file(picture):
    picture.write_bytes(b"")
    assert "empty" in said(picture)


def test_a_file_that_is_gone(picture):
    picture.unlink()
    assert said(picture).startswith(f"The file fox.png is gone from {picture.parent}. ")


def test_a_file_of_another_kind(tmp_path, picture):
    path = tmp_path / "fox.txt"
    path.write_text("a red fox")
    assert said(path).startswith("fox.txt is neither a picture nor a video.")
    assert said(picture, tier=VIDEO).startswith("fox.png is a picture, and a video was asked for.")


def test_a_video(tmp_path):
    assert said(mp4(tmp_path / "fox.mp4", 96, 64), tier=VIDEO) == ""
    assert "is 192 × 64 pixels, and 96 × 64 were asked for" in said(mp4(tmp_path / "fox.mp4", 192, 64), tier=VIDEO)
    assert "is damaged or cut" in said(mp4(tmp_path / "fox.mp4", 96, 64, is_cut=True), tier=VIDEO)


@pytest.mark.parametrize("is_fast", [False, True], ids=["told at its end", "told at its start"])
def test_wherever_a_video_is_cut_a_sentence_comes(tmp_path, is_fast):
    path = mp4(tmp_path / "fox.mp4", 96, 64)
    whole = path.read_bytes()
    if is_fast:
        data = whole.index(b"mdat") - 4
        whole = whole[:data] + whole[data + 1008 :] + whole[data : data + 1008]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert said(path, tier=VIDEO).endswith("."), cut
    path.write_bytes(whole)
    assert said(path, tier=VIDEO) == ""


def test_panels_without_a_file_are_found_with_their_reasons(picture):
    failed = Take(0, "job", PanelState.FAILED, reason="No room.")
    panels = (panel(picture), PanelProgress("p2"), PanelProgress("p3", PanelState.FAILED, 0.0, (failed,)))
    board = Storyboard("x", panels=tuple(Panel(one.panel_id, "") for one in panels))
    assert [(found.panel_id, found.sentence) for found in check(Progress(board, panels))] == [
        ("p2", "It has no file."),
        ("p3", "It has no file. No room."),
    ]
