"""Workflows out of all the files that ComfyUI writes, and nothing but sentences out of all others."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import NotAWorkflow, TooLarge, UnreadableFile
from blender_comfyui.workflow.metadata import Embedded, read_metadata
from tests.workflow.containers import (
    API,
    PARAMETERS,
    TEXTS,
    UI,
    animated_png,
    box,
    chunk,
    data_box,
    exif,
    glb,
    id3,
    itunes,
    large_box,
    live_matroska,
    mp4,
    png,
    safetensors,
    saved,
    sound,
    svg,
    user_comment,
    video,
)

BOTH = json.dumps({"prompt": API, "workflow": UI})
AS_TEXTS = json.dumps(TEXTS)  # as VideoHelperSuite writes the comment of a video

WRITERS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "SaveImage": ("PNG", png),
    "zTXt": ("PNG", lambda: png(zipped=True)),
    "iTXt": ("PNG", lambda: png(international=True)),
    "iTXt zipped": ("PNG", lambda: png(international=True, zipped=True)),
    "SaveAnimatedPNG": ("PNG", animated_png),
    "SaveAnimatedWEBP": ("WebP", lambda: saved("WEBP", exif=exif())),
    "WebP, marked EXIF": ("WebP", lambda: saved("WEBP", exif=b"Exif\0\0" + exif().tobytes().removeprefix(b"Exif\0\0"))),
    "WebP, big-endian": ("WebP", lambda: saved("WEBP", exif=big_endian())),
    "WebP, capitals": (
        "WebP",
        lambda: saved(
            "WEBP", exif=exif({0x010E: f"Workflow: {TEXTS['workflow']}", 0x010F: f"Prompt: {TEXTS['prompt']}"})
        ),
    ),
    "WebP, plain JSON": (
        "WebP",
        lambda: saved("WEBP", exif=exif({0x010F: TEXTS["prompt"], 0x010E: TEXTS["workflow"]})),
    ),
    "WebP, UserComment": ("WebP", lambda: saved("WEBP", exif=user_comment(BOTH))),
    "JPEG": ("JPEG", lambda: saved("JPEG", exif=exif())),
    "JPEG, UserComment": ("JPEG", lambda: saved("JPEG", exif=user_comment(BOTH, "ascii"))),
    "JPEG, UTF-16": ("JPEG", lambda: saved("JPEG", exif=user_comment(BOTH, "utf-16-be"))),
    "JPEG, the other UTF-16": ("JPEG", lambda: saved("JPEG", exif=user_comment(BOTH, "utf-16-le"))),
    "JPEG, comment": ("JPEG", lambda: saved("JPEG", comment=BOTH.encode())),
    "JPEG, split": ("JPEG", lambda: split_jpeg()),
    "AVIF": ("AVIF", lambda: saved("AVIF", exif=exif())),
    "TIFF": ("TIFF", lambda: saved("TIFF", exif=exif())),
    "SaveSVG": ("SVG", lambda: svg(json.dumps({"prompt": API, "workflow": UI}, indent=2))),
    "SaveVideo": ("MP4", lambda: video("mp4", "libx264", True)),
    "MOV": ("MP4", lambda: video("mov", "libx264", True)),
    "VideoHelperSuite": ("MP4", lambda: video("mp4", "libx264", False, (("comment", AS_TEXTS),))),
    "MP4, wrapped twice": ("MP4", lambda: video("mp4", "libx264", True, wrapped_twice())),
    "MP4, freeform": (
        "MP4",
        lambda: mp4(
            itunes(
                *(
                    box(b"----", box(b"mean", bytes(4), b"x"), box(b"name", bytes(4), n.encode()), data_box(t))
                    for n, t in TEXTS.items()
                )
            )
        ),
    ),
    "MP4, large boxes": ("MP4", lambda: mp4(large_box(b"mdat", bytes(99)), itunes(box(b"\xa9cmt", data_box(BOTH))))),
    "MOV, text in udta": (
        "MP4",
        lambda: mp4(box(b"moov", box(b"udta", box(b"\xa9cmt", struct.pack(">HH", len(BOTH), 0), BOTH.encode())))),
    ),
    "SaveWEBM": ("WebM", lambda: video("webm", "libvpx-vp9")),
    "MKV": ("Matroska", lambda: video("matroska", "libx264")),
    "MKV, streamed": ("Matroska", live_matroska),
    "SaveAudio": ("FLAC", lambda: sound("flac", "flac")),
    "SaveAudioMP3": ("MP3", lambda: sound("mp3", "libmp3lame")),
    "SaveAudioOpus": ("Ogg", lambda: sound("opus", "libopus")),
    "ID3v2.2": ("MP3", lambda: id3(2)),
    "ID3v2.3, UTF-16": ("MP3", lambda: id3(3, encoding=1)),
    "ID3v2.3, unsynchronised": ("MP3", lambda: id3(3, encoding=1, flags=0x80)),
    "ID3v2.4, UTF-16 without mark": ("MP3", lambda: id3(4, encoding=2)),
    "SaveGLB": ("GLB", lambda: glb({"asset": {"version": "2.0", "extras": TEXTS}})),
    "GLB, not as text": ("GLB", lambda: glb({"asset": {"version": "2.0", "extras": {"prompt": API, "workflow": UI}}})),
    "glTF": ("glTF", lambda: json.dumps({"asset": {"extras": TEXTS}}).encode()),
    "SaveLatent": ("safetensors", lambda: safetensors(TEXTS)),
    "POST /prompt": (
        "JSON",
        lambda: as_json({"prompt": API, "client_id": "x", "extra_data": {"extra_pnginfo": {"workflow": UI}}}),
    ),
    "graphToPrompt": ("JSON", lambda: as_json({"workflow": UI, "output": API})),
    "history": ("JSON", lambda: as_json({"prompt": [3, "id", API, {"extra_pnginfo": {"workflow": UI}}, ["9"]]})),
    "library": ("JSON", lambda: as_json({"version": 1, "name": "x", "ui": UI, "api": API})),
    "JSON in JSON": ("JSON", lambda: as_json(json.dumps({"prompt": json.dumps(API), "workflow": json.dumps(UI)}))),
    "indented": ("JSON", lambda: json.dumps({"prompt": API, "workflow": UI}, indent=4).encode()),
    "UTF-8 with a mark": ("JSON", lambda: BOTH.encode("utf-8-sig")),
    "UTF-16": ("JSON", lambda: BOTH.encode("utf-16")),
    "UTF-16 without a mark": ("JSON", lambda: BOTH.encode("utf-16-le")),
    "the other UTF-16 without a mark": ("JSON", lambda: BOTH.encode("utf-16-be")),
    "UTF-32": ("JSON", lambda: BOTH.encode("utf-32")),
}


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def wrapped_twice() -> tuple[tuple[str, str], ...]:
    return tuple((name, json.dumps(json.dumps(text))) for name, text in TEXTS.items())


def big_endian() -> bytes:
    text = f"prompt:{TEXTS['prompt']}".encode() + b"\0"
    other = f"workflow:{TEXTS['workflow']}".encode() + b"\0"
    entries = struct.pack(">HHII", 0x0110, 2, len(text), 38) + struct.pack(
        ">HHII", 0x010F, 2, len(other), 38 + len(text)
    )
    return b"MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4) + text + other


def split_jpeg() -> bytes:
    """A block of more than 64 KB does not fit into one segment."""
    block = exif({0x010E: "x" * 70_000, 0x0110: f"prompt:{TEXTS['prompt']}", 0x010F: f"workflow:{TEXTS['workflow']}"})
    body = block.tobytes().removeprefix(b"Exif\0\0")
    parts = [b"Exif\0\0" + body[start : start + 60_000] for start in range(0, len(body), 60_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)
    plain = saved("JPEG")
    return plain[:2] + segments + plain[2:]


@pytest.mark.parametrize("name", WRITERS)
def test_both_workflows_are_found(tmp_path: Path, name: str) -> None:
    format, write = WRITERS[name]
    path = tmp_path / "renamed.txt"  # names say nothing
    path.write_bytes(write())
    assert read_metadata(path) == Embedded(API, UI, format)
    assert read_metadata(path.read_bytes(), "x") == Embedded(API, UI, format)


WITHOUT = {
    "PNG": png({}),
    "WebP": saved("WEBP"),
    "JPEG": saved("JPEG"),
    "AVIF": saved("AVIF"),
    "GIF": saved("GIF"),
    "BMP": saved("BMP"),
    "TIFF": saved("TIFF"),
    "SVG": svg(""),
    "MP4": mp4(box(b"moov", bytes(8))),
    "GLB": glb({"asset": {}}),
    "safetensors": safetensors({}),
    "MP3": id3(4, {}),
    "PDF": b"%PDF-1.7",
}


@pytest.mark.parametrize("format", WITHOUT)
def test_files_without_a_workflow(format: str) -> None:
    assert read_metadata(WITHOUT[format], "x") == Embedded(None, None, format)


def test_odd_files_without_a_workflow() -> None:
    assert read_metadata(glb([]), "x") == Embedded(None, None, "GLB")
    assert read_metadata(b"\xff\xfb\x90\0", "x") == Embedded(None, None, "MP3")


def test_the_first_of_several_counts() -> None:
    second = json.dumps({"9": {"class_type": "B", "inputs": {}}})
    info = png()
    end = info.index(b"IEND") - 4
    assert read_metadata(info[:end] + chunk(b"tEXt", b"prompt\0" + second.encode()) + info[end:]).api == API


def test_a_prompt_alone_and_a_workflow_alone() -> None:
    assert read_metadata(png({"prompt": TEXTS["prompt"]})) == Embedded(API, None, "PNG")
    assert read_metadata(png({"workflow": TEXTS["workflow"]})) == Embedded(None, UI, "PNG")
    assert read_metadata(as_json(API)) == Embedded(API, None, "JSON")
    assert read_metadata(as_json(UI)) == Embedded(None, UI, "JSON")


def test_a_prompt_under_the_name_of_the_workflow_is_told_by_its_shape() -> None:
    assert read_metadata(png({"workflow": TEXTS["prompt"]})) == Embedded(API, None, "PNG")


def test_utf_8_where_latin_1_should_be() -> None:
    graph = {"1": {"class_type": "A", "inputs": {"text": "Häuser ☂"}}}
    body = b"prompt\0" + json.dumps(graph, ensure_ascii=False).encode()
    data = png({})
    assert read_metadata(data[:33] + chunk(b"tEXt", body) + data[33:]).api == graph


def test_what_servers_write_where_a_node_always_runs() -> None:
    """Servers leave NaN in the prompt: it is their mark for “changed”, not of the workflow."""
    text = TEXTS["prompt"].replace('"class_type"', '"is_changed": [NaN], "class_type"')
    api = read_metadata(png({"prompt": text})).api
    assert api is not None
    assert api["1"]["is_changed"] == [None]


def test_what_a_site_leaves_among_the_nodes() -> None:
    text = json.dumps(API | {"extra": {"airs": []}, "extraMetadata": "{}"})
    assert read_metadata(saved("JPEG", exif=user_comment(text, "utf-16-be"))).api == API


def test_nan_is_nothing_in_the_editors_workflow() -> None:
    assert read_metadata(b'{"nodes": [{"id": 1, "size": [NaN, -Infinity]}]}').ui == {
        "nodes": [{"id": 1, "size": [None, None]}]
    }


def test_seeds_stay_exact() -> None:
    graph = {"1": {"class_type": "A", "inputs": {"seed": 2**64 - 1}}}
    assert read_metadata(png({"prompt": json.dumps(graph)})).api == graph


@pytest.mark.parametrize(
    "data", [png({"parameters": PARAMETERS}), saved("JPEG", exif=user_comment(PARAMETERS, "utf-16-be"))]
)
def test_other_programs_are_told(data: bytes) -> None:
    assert "Automatic1111" in read_metadata(data).maker


def test_parameters_beside_a_workflow_do_no_harm() -> None:
    found = read_metadata(png({"parameters": PARAMETERS} | TEXTS))
    assert (found.api, found.ui) == (API, UI)


def test_a_damaged_workflow_is_told_from_none() -> None:
    found = read_metadata(png({"prompt": TEXTS["prompt"], "workflow": TEXTS["workflow"][:-9]}), "a.png")
    assert found.api == API
    assert found.ui is None
    assert found.damage == "The workflow in “a.png” is cut: it ends in the middle. Copy, download or export it again."


@pytest.mark.parametrize("text", ["a cat", "[1]", "{}", '"x"', "5", "{not json", ""])
def test_texts_that_are_no_workflow(text: str) -> None:
    found = read_metadata(png({"prompt": text, "comment": text, "description": "{"}), "x")
    assert (found.api, found.ui) == (None, None)


class TestWhatCannotBeRead:
    def refused(self, source: Path | bytes, part: str, kind: type[Exception] = NotAWorkflow) -> None:
        with pytest.raises(kind, match=part) as caught:
            read_metadata(source, "x.png")
        assert str(caught.value).startswith("“x.png”")

    def test_a_folder(self, tmp_path: Path) -> None:
        self.refused(tmp_path, "is a folder", UnreadableFile)

    def test_nothing(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "x", "is not there", UnreadableFile)
        self.refused(tmp_path / "x" / "y", "is not there", UnreadableFile)
        self.refused(Path("\0"), "is no name", UnreadableFile)
        self.refused(Path("x" * 5000), "cannot be read", UnreadableFile)

    def test_a_device(self) -> None:
        if not Path("/dev/zero").exists():
            pytest.skip("no such devices here")
        self.refused(Path("/dev/zero"), "is no file", UnreadableFile)

    def test_a_pipe(self, tmp_path: Path) -> None:
        os = pytest.importorskip("os")
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(tmp_path / "pipe")
        self.refused(tmp_path / "pipe", "is no file", UnreadableFile)

    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"{}")

        def refuse(*args: Any, **options: Any) -> Any:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        self.refused(path, "may not be read", UnreadableFile)

    def test_a_failing_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"{}")

        def fail(*args: Any, **options: Any) -> Any:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Path, "open", fail)
        self.refused(path, "Input/output error", UnreadableFile)

    def test_large_files_are_refused_unread(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        with path.open("wb") as file:
            file.write(b'{"1": ')
            file.truncate(100 << 20)
        tracemalloc.start()
        try:
            self.refused(path, "has 100 MB", TooLarge)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_large_videos_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with path.open("wb") as file:
        file.write(mp4())
        file.write(struct.pack(">I4sQ", 1, b"mdat", 4 << 30))
        file.seek((4 << 30) - 16, 1)
        file.write(itunes(box(b"\xa9cmt", data_box(BOTH))))
    tracemalloc.start()
    try:
        start = time.process_time()
        assert read_metadata(path).ui == UI
        assert time.process_time() - start < 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


HEAD, END = png({})[:33], png({})[33:]
DIRECTORY = b"II*\0" + struct.pack("<IH", 8, 1000)
# Files that would take minutes, or all memory, if they were believed.
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "zip bombs": lambda: HEAD + chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(200 << 20))) * 20 + END,
    "empty chunks": lambda: HEAD + chunk(b"tEXt", b"") * 500_000 + END,
    "overlapping texts": lambda: DIRECTORY + struct.pack("<HHII", 0x010F, 2, 4 << 20, 8) * 1000 + b"x" * (4 << 20),
    "circle of directories": lambda: DIRECTORY + struct.pack("<HHII", 0x8769, 4, 1, 8) * 1000,
    "boxes in boxes": lambda: mp4(box(b"moov", *[box(b"udta", *[box(b"moov")] * 1000)] * 200)),
    "boxes of nothing": lambda: mp4(itunes(*[box(b"\xa9cmt")] * 300_000)),
    "boxes that go on": lambda: mp4(struct.pack(">I4s", 0, b"moov") * 1000),
    "tags in tags": lambda: b"\x1a\x45\xdf\xa3\x80\x12\x54\xc3\x67\x08\x0f\xff\xff" + b"\x67\xc8\x80" * 300_000,
    "comments": lambda: b"fLaC\x84\xff\xff\xff" + struct.pack("<II", 0, 2**32 - 1) + bytes(0xFFFFF7),
    "Ogg pages": lambda: (b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)) * 100,
    "ID3 frames": lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + (b"TXXX" + bytes(6)) * 200_000,
    "brackets": lambda: b"[]" * (8 << 20),
    "depth": lambda: b"[" * (8 << 20),
    "a string without end": lambda: b'{"' + b"\\" * (8 << 20),
    "a flat list": lambda: b"[" + b"[]," * 300_000 + b"[]]",
    "a long number": lambda: b'{"1": ' + b"9" * (1 << 20) + b"}",
    "CDATA": lambda: b"<svg>" + b"<![CDATA[" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_nothing_takes_long_or_much(name: str) -> None:
    data = BOMBS[name]()
    start = time.process_time()
    try:
        found = read_metadata(data, "x")
    except NotAWorkflow:
        pass
    else:
        assert (found.api, found.ui) == (None, None)
    assert time.process_time() - start < 5


SMALL = {name: write() for name, (_, write) in WRITERS.items() if "split" not in name}


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_cut_and_changed_files_give_a_sentence_or_what_is_left(data: st.DataObject) -> None:
    content = bytearray(SMALL[data.draw(st.sampled_from(sorted(SMALL)))])
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    try:
        found = read_metadata(bytes(content[:length]), "x.png")
    except NotAWorkflow as error:
        assert str(error).startswith("“x.png” ")  # noqa: PT017
        assert str(error).endswith((".", ")."))  # noqa: PT017
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert all(graph is None or isinstance(graph, dict) for graph in (found.api, found.ui))
        assert found.damage.isprintable()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for start in (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"\xff\xd8\xff",
        b"OggS",
        b"ID3\4",
        b"\x1a\x45\xdf\xa3",
    ):
        try:
            read_metadata(start + data, "x")
        except NotAWorkflow as error:
            assert str(error).isprintable()  # noqa: PT017
