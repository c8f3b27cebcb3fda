"""The pictures of templates: fetched once, kept in a bounded folder, and never more trusted than anything else."""

from __future__ import annotations

import io
import os
import time
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_comfyui.comfy.errors import TimedOut
from blender_comfyui.comfy.offers import Template
from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.workshop import (
    Imported,
    ListTemplates,
    NoTemplateThumbnail,
    OpenTemplate,
    TemplateThumbnail,
    WantTemplateThumbnail,
    supplies,
    thumbnails,
)
from blender_comfyui.generation.workshop.thumbnails import TemplatePictures
from tests.generation.workshop.conftest import LIMIT, put, ui_file

FOX = Template("fox", title="A fox", picture="webp")
FOLDER = "pictures"


def picture(colour: str = "red", size: tuple[int, int] = (600, 300), kind: str = "WEBP", **options: object) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind, **options)
    return data.getvalue()


def huge() -> bytes:
    """Few bytes, and more pixels than a thumbnail is made of."""
    data = io.BytesIO()
    Image.new("1", (11000, 11000)).save(data, "PNG")
    return data.getvalue()


def offer(server, colour: str = "red", title: str = "A fox", data: bytes | None = None) -> None:
    index = [{"title": "Images", "templates": [{"name": "fox", "title": title, "mediaSubtype": "webp"}]}]
    put(server.folders.templates / "index.json", index)
    put(server.folders.templates / "fox-1.webp", picture(colour) if data is None else data)


def fetched(server) -> int:
    return sum(request.path.endswith("/templates/fox-1.webp") for request in server.requests)


def is_red(shown: TemplateThumbnail) -> bool:
    red, green = array("f", shown.pixels)[:2]
    return red > 0.9 and green < 0.1


@pytest.fixture
def keeping(workshop, tmp_path):
    """``keeping(server)`` is a workshop that keeps pictures in the test's folder."""
    return lambda server: workshop(server, pictures=tmp_path / FOLDER)


@pytest.fixture
def kept(tmp_path):
    """``kept(max_bytes)`` are pictures in the test's folder, without a workshop."""
    return lambda max_bytes=thumbnails.MAX_BYTES: TemplatePictures(tmp_path / FOLDER, max_bytes)


def test_a_picture_is_fetched_once_whoever_asks(comfy_server, keeping):
    server = comfy_server()
    offer(server)
    first = keeping(server).answer(WantTemplateThumbnail("fox", side=64))
    second = keeping(server).answer(WantTemplateThumbnail("fox", side=64, tag="t"))
    assert (first.width, first.height, second.tag, fetched(server)) == (64, 32, "t", 1)
    assert second.pixels == first.pixels
    assert keeping(server).answer(WantTemplateThumbnail("fox", side=32)).width == 32
    assert fetched(server) == 2


def test_another_server_has_pictures_of_its_own(comfy_server, keeping):
    one, other = comfy_server(), comfy_server()
    offer(one, "red")
    offer(other, "blue")
    ours = keeping(one)
    assert is_red(ours.answer(WantTemplateThumbnail("fox")))
    ours.use(other.url)
    assert not is_red(ours.answer(WantTemplateThumbnail("fox")))


def test_a_template_that_is_listed_otherwise_has_a_new_picture(comfy_server, keeping):
    server = comfy_server()
    offer(server, "blue")
    ours = keeping(server)
    assert not is_red(ours.answer(WantTemplateThumbnail("fox")))
    offer(server, "red", title="A red fox")
    ours.answer(ListTemplates())
    assert is_red(ours.answer(WantTemplateThumbnail("fox")))


def test_what_is_kept_is_there_without_the_server(comfy_server, keeping):
    server = comfy_server()
    offer(server)
    ours = keeping(server)
    shown = ours.answer(WantTemplateThumbnail("fox"))
    server.stop()
    assert ours.answer(WantTemplateThumbnail("fox")) == shown
    assert ours.answer(WantTemplateThumbnail("fox", side=32)) == NoTemplateThumbnail("fox", "", 32)


def test_the_first_picture_of_a_moving_one_is_shown(comfy_server, workshop):
    server = comfy_server()
    others = [Image.new("RGB", (600, 300), colour) for colour in ("blue", "green")]
    offer(server, data=picture("red", save_all=True, append_images=others, duration=100))
    assert is_red(workshop(server).answer(WantTemplateThumbnail("fox")))


def endless_jpeg() -> bytes:
    """One that takes minutes to decode: a progressive one whose last scan comes again and again."""
    data = picture(kind="JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 5000 + data[-2:]


BROKEN = {
    "nothing": bytes,
    "cut": lambda: picture()[:-40],
    "a page": lambda: b"<html>no</html>",
    "huge": huge,
    "endless": endless_jpeg,
    "text": lambda: b"\x89PNG\r\n\x1a\nno picture at all",
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_picture_is_not_kept(comfy_server, keeping, tmp_path, make):
    server = comfy_server()
    offer(server, data=make())
    assert keeping(server).answer(WantTemplateThumbnail("fox")) == NoTemplateThumbnail("fox", "")
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_pictures_of_another_kind_than_the_list_says_are_shown(comfy_server, workshop, kind):
    server = comfy_server()
    offer(server, data=picture(kind=kind))
    assert is_red(workshop(server).answer(WantTemplateThumbnail("fox")))


def test_a_picture_that_was_damaged_on_the_disk_is_fetched_again(comfy_server, keeping, tmp_path):
    server = comfy_server()
    offer(server)
    ours = keeping(server)
    ours.answer(WantTemplateThumbnail("fox"))
    [path] = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert is_red(ours.answer(WantTemplateThumbnail("fox")))
    assert fetched(server) == 2
    assert is_red(keeping(server).answer(WantTemplateThumbnail("fox")))
    assert fetched(server) == 2


def test_an_old_picture_is_fetched_again(kept, tmp_path):
    asked = []
    ask = lambda template: asked.append(template) or picture()  # noqa: E731
    kept().pixels("s", FOX, 64, ask)
    [path] = (tmp_path / FOLDER).iterdir()
    for age, times in ((thumbnails.MAX_AGE - 3600, 1), (thumbnails.MAX_AGE + 3600, 2)):
        os.utime(path, (time.time() - age,) * 2)
        assert kept().pixels("s", FOX, 64, ask) is not None
        assert len(asked) == times


def test_the_folder_is_bounded_and_the_oldest_go_first(kept, tmp_path):
    pictures, folder = kept(4000), tmp_path / FOLDER
    old = put(folder / ".left-by-a-crash.part", b"x" * 3000)
    os.utime(old, (1, 1))
    for number in range(60):
        pictures.pixels("s", Template(str(number)), 64, lambda _: picture())
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 4000 * 9 // 8
    assert not old.exists()
    asked = []
    pictures.pixels("s", Template("59"), 64, lambda template: asked.append(template))
    pictures.pixels("s", Template("0"), 64, lambda template: asked.append(template))
    assert asked == [Template("0")]


def test_a_folder_that_cannot_be_written_keeps_nothing_and_shows_all(kept, tmp_path):
    put(tmp_path / FOLDER, b"a file")
    assert kept().pixels("s", FOX, 64, lambda _: picture()) is not None
    assert (tmp_path / FOLDER).read_bytes() == b"a file"


def test_without_a_folder_nothing_is_kept():
    assert TemplatePictures(None).pixels("s", FOX, 64, lambda _: picture())[:2] == (64, 32)


def test_what_fetching_raises_is_raised(kept):
    def slow(_: Template) -> bytes:
        raise TimedOut("It took too long.")

    with pytest.raises(TimedOut):
        kept().pixels("s", FOX, 64, slow)


@given(st.text(), st.text(), st.text())
def test_no_name_leads_out_of_the_folder(tmp_path_factory, server, name, module):
    folder = tmp_path_factory.getbasetemp()
    path = TemplatePictures(folder)._path(server, Template(name, module), 64)
    assert path.parent == folder
    assert len(path.name) == 37
    assert path.name.isascii()


def test_whoever_opens_a_template_does_not_wait_long_for_a_picture(comfy_server, workshop, monkeypatch):
    monkeypatch.setattr(supplies, "PICTURE_PATIENCE", 0.2)
    server = comfy_server()
    offer(server)
    put(server.folders.templates / "fox.json", ui_file())
    server.knobs.picture_gate.set()
    try:
        ours = workshop(server, timeouts=Timeouts(read=2 * LIMIT, total=2 * LIMIT))
        ours.answer(ListTemplates())
        ours.ask(WantTemplateThumbnail("fox"))
        server.knobs.picture_gate.wait_reached()
        ours.ask(OpenTemplate("fox"))
        assert ours.next_answer() == NoTemplateThumbnail("fox", "")
        assert isinstance(ours.next_answer(), Imported)
    finally:
        server.knobs.picture_gate.clear()


def test_a_slow_server_keeps_nothing_else_waiting_at_the_end(keeping, silent_server):
    ours = keeping(silent_server.url)
    ours.ask(WantTemplateThumbnail("fox"))
    silent_server.wait_asked()
    ours.close()
    ours.join(LIMIT)
    assert not ours._thread.is_alive()
