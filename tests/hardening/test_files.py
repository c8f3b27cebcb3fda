"""Files and names that a server sends: what they may do on our disk, and what Blender is shown."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_comfyui.comfy import errors
from blender_comfyui.generation import taking
from blender_comfyui.generation.outputs import file_name, safe_stem
from tests import graphs

LIMIT = 120.0
PAGE = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"


def picture(format: str = "PNG", colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, format)
    return buffer.getvalue()


def images(*names: str, subfolder: str = "") -> dict[str, object]:
    return {"2": {"images": [{"filename": n, "subfolder": subfolder, "type": "output"} for n in names]}}


NASTY = [
    "../../../escaped.png",
    "..\\..\\escaped.png",
    "/tmp/escaped.png",
    "C:\\Windows\\escaped.png",
    "C:escaped.png",
    "\\\\host\\share\\escaped.png",
    "escaped.png:stream",
    "~/escaped.png",
    "$HOME/`id`.png",
    "con.png",
    "NUL",
    "com1.tar.png",
    "lpt9 .png",
    "COM\u00b9.png",
    "conin$.png",
    ".. .png",
    ".hidden.png",
    "-rf.png",
    "a\nb\0c\x1b[31m.png",
    "\u202egnp.exe",
    "trailing. .png",
    "n" * 300 + ".png",
    "\U0001f98a" * 100 + ".png",
    "x." + "p" * 300,
    "\ud800.png",
    "",
    " ",
    ".",
    "..",
    "/",
]


@pytest.mark.parametrize("subfolder", ["", "../..", "/etc", "C:\\", "a/../../b", "x" * 300, "con", "a\0b"])
def test_whatever_a_file_is_called_it_stays_in_the_folder(hostile, session, tmp_path, subfolder):
    hostile.outputs = images(*NASTY, subfolder=subfolder)
    hostile.file = lambda name: picture()
    folder = tmp_path / "wanted" / "here"
    before = everything(tmp_path / "data") | everything(tmp_path)
    outcome = session.submit(graphs.empty_save(), folder=folder).wait(LIMIT)
    arrived = set(folder.iterdir())
    assert {output.path for output in outcome.outputs} == arrived
    assert outcome.state == "finished"
    assert len(arrived) == len(outcome.outputs) == len(NASTY) - 1  # '' names nothing
    for path in arrived:
        assert path.is_file()
        assert PureWindowsPath(path.name).name == path.name
    strangers = {p for p in everything(tmp_path) - before if not p.is_relative_to(tmp_path / "data")}
    assert strangers == arrived


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_names_that_differ_by_case_or_composition_alone_do_not_overwrite_each_other(hostile, session, tmp_path):
    names = ["A.png", "a.png", "a.PNG", "\u00e9.png", "e\u0301.png", "\u212a.png", "k.png"]
    colours = dict(zip(names, ("red", "lime", "blue", "white", "black", "cyan", "pink"), strict=True))
    hostile.outputs = images(*names)
    hostile.file = lambda name: picture(colour=colours[name])
    outcome = session.submit(graphs.empty_save(), folder=tmp_path / "out").wait(LIMIT)
    assert outcome.state == "finished"
    alike = {unicodedata.normalize("NFC", path.name.casefold()) for path in outcome.files}
    assert len(alike) == len(names)
    assert [path.read_bytes() for path in outcome.files] == [picture(colour=colours[name]) for name in names]


def test_two_jobs_that_leave_the_same_name_keep_both(hostile, session, tmp_path):
    hostile.outputs = images("x.png")
    files = []
    for colour in ("red", "blue"):
        hostile.file = lambda name, colour=colour: picture(colour=colour)
        files += session.submit(graphs.empty_save(), folder=tmp_path / "out").wait(LIMIT).files
    assert [path.read_bytes() for path in files] == [picture(), picture(colour="blue")]


RESERVED = [f"{name}{end}" for name in ("con", "PRN", "aux", "nul", "com0", "LPT9", "com\u00b2") for end in ("", ".x")]


@pytest.mark.parametrize("name", [*RESERVED, "conin$", "CONOUT$.x", "clock$", "aux .b", "con ", "nul..a"])
def test_no_stem_is_a_device_of_windows(name):
    assert_plain(safe_stem(name) + ".png")


@given(st.text(max_size=400), st.sampled_from(["", "a fox", "con", "..", "x" * 300, "\U0001f98a" * 90]))
def test_whatever_the_server_calls_it_the_name_is_plain(server_name, stem):
    assert_plain(file_name(stem, "0a1b2c3d-0000-4000-8000-000000000000", 3, server_name))


def assert_plain(name: str) -> None:
    """One that every file system takes, and that is a name and nothing else."""
    assert name == Path(name).name == PureWindowsPath(name).name
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cf") for c in name)
    assert not set(name) & set('<>:"/\\|?*%')
    assert len(name.encode()) <= 160
    assert name == name.strip(" .")
    device = unicodedata.normalize("NFKC", name.split(".")[0]).rstrip().lower()
    devices = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    assert device not in devices | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}


# What they hold


@pytest.mark.parametrize("body", [PAGE, b'{"error": 1}', b"", picture("JPEG"), picture()[:-20]])
def test_what_is_no_picture_is_fetched_again(comfy_server, tmp_path, body):
    server = comfy_server()
    server.knobs.fail_next["GET /view"] = [(200, {"Content-Type": "image/png"}, body)] * 2
    with session_of(server.url, tmp_path) as session:
        outcome = session.submit(graphs.empty_save(colour=0xFF0000)).wait(LIMIT)
    assert outcome.state == "finished"
    with Image.open(outcome.files[0]) as image:
        assert image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("body", [PAGE, picture("JPEG"), picture()[:-20]])
def test_what_stays_no_picture_is_an_error_that_says_so(hostile, session, tmp_path, body):
    hostile.outputs = images("x.png")
    hostile.file = lambda name: body
    outcome = session.submit(graphs.empty_save(), folder=tmp_path / "out").wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileBroken)
    assert "x.png" in str(outcome.error)
    assert outcome.files == []
    assert everything(tmp_path / "out") == set()


def test_the_sound_files_of_a_job_are_kept_beside_a_broken_one(hostile, session, tmp_path):
    hostile.outputs = images("x.png", "y.png")
    hostile.file = lambda name: picture() if name == "y.png" else PAGE
    outcome = session.submit(graphs.empty_save(), folder=tmp_path / "out").wait(LIMIT)
    assert outcome.state == "failed"
    assert [path.read_bytes() for path in outcome.files] == [picture()]


def test_a_picture_that_came_over_the_websocket_is_checked_too(comfy_server, tmp_path, monkeypatch):
    graph = graphs.empty_save()
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    receive = taking.Taking.receive
    monkeypatch.setattr(taking.Taking, "receive", lambda self, node, image: receive(self, node, image[:-20]))
    with session_of(comfy_server().url, tmp_path) as session:
        outcome = session.submit(graph).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileBroken)
    assert [path for path in everything(tmp_path) if path.suffix in (".png", ".part")] == []


def session_of(url: str, folder: Path):
    from blender_comfyui.generation.session import Session
    from tests.hardening.conftest import QUICK

    return Session(url, data_dir=folder / "data", **QUICK)
