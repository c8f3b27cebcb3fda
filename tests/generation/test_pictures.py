"""Pictures are checked before anything else opens them, made small, and read for the prompt inside."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from blender_comfyui.comfy.errors import FileBroken
from blender_comfyui.generation import pictures
from blender_comfyui.generation.pictures import (
    check_file,
    check_picture,
    embedded_prompt,
    make_thumbnail,
    thumbnail_pixels,
)

GRAPH = {"1": {"class_type": "EmptyImage", "inputs": {"text": "“Füchse” \U0001f98a", "width": 64}}}
PAGE = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
ANSWER = b'{"error": "not found"}'
NAMES = ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tif", "a.avif"]


def gradient(size: int = 40) -> Image.Image:
    return Image.linear_gradient("L").resize((size, size)).convert("RGB")


def encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, Image.registered_extensions()[Path(name).suffix], **options)
    return buffer.getvalue()


SOUND = {name: encoded(gradient(), name) for name in NAMES}


@pytest.fixture
def file(tmp_path: Path):
    def write(data: bytes, name: str = "part") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header may claim anything; every checksum is right."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# Checked


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_picture_passes_under_its_own_name_only(file, name):
    path = file(SOUND[name])
    check_picture(path, name)
    check_picture(path, name.upper())
    for other in set(NAMES) - {name}:
        with pytest.raises(FileBroken, match="another kind"):
            check_picture(path, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_picture_is_broken(file, name, share):
    data = SOUND[name]
    with pytest.raises(FileBroken):
        check_picture(file(data[: int(len(data) * share)]), name)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif", "a.avif"])
def test_even_its_last_bytes_are_missed(file, name):
    for missing in (1, 4, 8, 12):
        with pytest.raises(FileBroken):
            check_picture(file(SOUND[name][:-missing]), name)


def test_a_large_png_is_checked_without_decoding_it(file, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_DECODED", 10)
    check_picture(file(SOUND["a.png"]), "a.png")
    with pytest.raises(FileBroken):
        check_picture(file(SOUND["a.png"][:-20]), "a.png")


def test_a_png_with_good_checksums_and_too_little_in_it_is_broken(file):
    with pytest.raises(FileBroken, match="damaged"):
        check_picture(file(png(64, 64, bytes(100))), "a.png")


@pytest.mark.parametrize("name", [*NAMES, "a.exr", "a.hdr", "a.svg", "a.apng"])
@pytest.mark.parametrize(
    ("data", "what"), [(PAGE, "a web page"), (ANSWER, "JSON"), (b"", "empty"), (b"?" * 99, "else")]
)
def test_what_is_no_picture_is_said(file, name, data, what):
    with pytest.raises(FileBroken, match=what) as caught:
        check_picture(file(data), name)
    assert name in str(caught.value)
    assert caught.value.transient


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "a.svg"),
        (b"\xef\xbb\xbf <svg/>", "a.svg"),
    ],
)
def test_formats_that_pillow_does_not_know_are_told_by_their_first_bytes(file, data, name):
    check_picture(file(data), name)


@pytest.mark.parametrize(("width", "height"), [(1 << 16, 1 << 16), (0x7FFFFFFF, 0x7FFFFFFF), (23171, 23171)])
def test_an_absurd_size_is_refused_before_memory_is_asked_for(file, width, height):
    with pytest.raises(FileBroken, match="pixels"):
        check_picture(file(png(width, height)), "a.png")


def test_the_largest_that_the_panel_allows_is_taken(file):
    check_picture(file(png(16384, 16384)), "a.png")  # and Pillow's own, lower limit is not asked


def test_a_jpeg_that_goes_over_its_picture_for_ever_is_refused(file):
    progressive = encoded(gradient(), "a.jpg", progressive=True)
    check_picture(file(progressive), "a.jpg")
    start = progressive.rindex(b"\xff\xda")
    bomb = progressive[:start] + progressive[start:-2] * 200 + b"\xff\xd9"
    with pytest.raises(FileBroken, match="minutes"):
        check_picture(file(bomb), "a.jpg")


def test_no_rare_format_is_ever_decoded(file):
    """Pillow would open these under any name; some of its decoders start other programs."""
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    for data in (postscript, encoded(gradient(), "a.tga"), encoded(gradient(), "a.ppm")):
        with pytest.raises(FileBroken):
            check_picture(file(data), "a.png")
        assert make_thumbnail(file(data), file(b"").with_name("t.webp")) is False


@given(st.sampled_from(NAMES), st.binary(min_size=1, max_size=20), st.integers(0, 10_000), st.booleans())
def test_damage_is_a_broken_file_and_never_another_error(tmp_path_factory, name, junk, where, insert):
    data = bytearray(SOUND[name])
    where %= len(data)
    data[where : where if insert else where + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)
    with contextlib.suppress(FileBroken):
        check_picture(path, name)
    make_thumbnail(path, path.with_name("damaged.webp"))
    embedded_prompt(path)


def test_a_file_that_cannot_be_read_is_no_broken_picture(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_picture(tmp_path / "gone.png", "gone.png")


# Other files


@pytest.mark.parametrize("name", ["a.mp4", "a.glb", "a.flac", "a.latent", "a.safetensors"])
@pytest.mark.parametrize("data", [PAGE, ANSWER, b"\n  <html>", b"[1, 2]", b""])
def test_text_is_no_video_sound_or_model(file, name, data):
    with pytest.raises(FileBroken):
        check_file(file(data), name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mp4", b"\0\0\0\x18ftypmp42"),
        ("a.json", ANSWER),
        ("a.gltf", b'{"asset": {"version": "2.0"}}'),
        ("a.txt", b"{ a text }"),
        ("a.txt", b""),
        ("a.html", PAGE),
        ("a.obj", b"# Blender\nv 0 0 0\n"),
        ("a.safetensors", b"{\0\0\0\0\0\0\0" + ANSWER),  # a length before its JSON that looks like a brace
        ("a", b"[]"),
    ],
)
def test_what_may_be_text_may(file, name, data):
    check_file(file(data), name)


def test_a_web_page_is_no_text_either(file):
    with pytest.raises(FileBroken, match="web page"):
        check_file(file(PAGE), "a.txt")


def test_a_picture_is_checked_as_one(file):
    with pytest.raises(FileBroken):
        check_file(file(SOUND["a.jpg"]), "sub\\a.png")


# Made small


def modes() -> dict[str, Image.Image]:
    grey = gradient(600).convert("L")
    deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
    clear = gradient(600).copy()
    clear.putalpha(grey)
    return {
        "1.png": grey.convert("1"),
        "L.png": grey,
        "P.png": gradient(600).quantize(16),
        "P.gif": gradient(600).quantize(16),
        "16.png": deep,
        "16.tif": deep,
        "float.tif": grey.convert("F").point(lambda value: value * (1 / 255) + 0),
        "RGBA.png": clear,
        "LA.png": clear.convert("LA"),
        "RGBA.webp": clear,
        "CMYK.jpg": gradient(600).convert("CMYK"),
        "CMYK.tif": gradient(600).convert("CMYK"),
        "L.avif": gradient(600),
    }


@pytest.mark.parametrize("name", modes())
def test_every_kind_of_picture_becomes_a_thumbnail_that_looks_like_it(file, tmp_path, name):
    source = file(encoded(modes()[name], name), name)
    check_picture(source, name)
    target = tmp_path / "ab" / "t.webp"
    assert make_thumbnail(source, target)
    assert [path.name for path in target.parent.iterdir()] == ["t.webp"]
    with Image.open(target) as small:
        assert small.format == "WEBP"
        assert small.size == (256, 256)
        assert ("A" in small.getbands()) == ("A" in name.split(".")[0])
        light = [small.convert("RGBA").getpixel((128, y))[:3] for y in (20, 128, 250)]
    if "A" not in name.split(".")[0]:  # what is clear has no colour to speak of
        dark, middle, bright = (sum(colour) / 3 for colour in light)
        assert dark < 45
        assert 85 < middle < 170 or name == "1.png"
        assert bright > 210


def test_an_animation_is_shown_by_its_first_picture(file, tmp_path):
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("red", "blue", "lime")]
    for name in ("a.gif", "a.webp", "a.png"):
        source = file(encoded(frames[0], name, save_all=True, append_images=frames[1:]), name)
        check_picture(source, name)
        assert make_thumbnail(source, tmp_path / "t.webp")
        width, height, pixels = thumbnail_pixels(tmp_path / "t.webp")
        assert (width, height) == (64, 32)
        red, green, blue, alpha = struct.unpack("4f", pixels[:16])
        assert red > 0.9
        assert max(green, blue) < 0.1
        assert alpha == 1.0


def test_a_thumbnail_is_not_made_of_what_is_too_large_or_no_picture(file, tmp_path):
    target = tmp_path / "t.webp"
    for data in (png(10_001, 10_000), SOUND["a.png"][:60], b"v/1\x01", PAGE, b"", b"\0\0\0\x18ftypmp42"):
        assert make_thumbnail(file(data), target) is False
    assert not target.exists()


def test_pixels_come_as_blender_wants_them(file):
    picture = Image.new("RGBA", (3, 2), (0, 0, 0, 255))
    picture.putpixel((0, 1), (255, 51, 0, 102))  # bottom left
    picture.putpixel((2, 0), (0, 0, 255, 0))  # top right
    width, height, pixels = thumbnail_pixels(file(encoded(picture, "a.webp", lossless=True, exact=True)))
    assert (width, height) == (3, 2)
    values = [round(value, 4) for value in struct.unpack("24f", pixels)]
    assert values[:4] == [1.0, 0.2, 0.0, 0.4]
    assert values[-4:] == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("data", [b"", PAGE, SOUND["a.webp"][:60], png(2000, 2000)])
def test_pixels_of_a_damaged_thumbnail_are_an_error_of_ours(file, data):
    with pytest.raises(FileBroken):
        thumbnail_pixels(file(data))


# Read


def prompts() -> dict[str, bytes]:
    """As ComfyUI writes it: SaveImage, SaveAnimatedPNG, SaveAnimatedWEBP; and as others compress or translate it."""
    text = json.dumps(GRAPH)
    plain, international, squeezed, late = (PngImagePlugin.PngInfo() for _ in range(4))
    plain.add_text("workflow", "{}")
    plain.add_text("prompt", text)
    international.add_itxt("prompt", json.dumps(GRAPH, ensure_ascii=False), "en", "Prompt", zip=True)
    squeezed.add_text("prompt", text, zip=True)
    late.add(b"comf", b"prompt\0" + text.encode("latin-1"), after_idat=True)
    exif = gradient().getexif()
    exif[0x0110], exif[0x010F] = f"prompt:{text}", "workflow:{}"
    found = {
        name: encoded(gradient(), "a.png", pnginfo=info)
        for name, info in {"tEXt": plain, "iTXt": international, "zTXt": squeezed, "comf": late}.items()
    }
    return found | {name: encoded(gradient(), name, exif=exif) for name in ("a.webp", "a.jpg", "a.avif")}


@pytest.mark.parametrize("name", prompts())
def test_the_prompt_is_read_back(file, name):
    assert embedded_prompt(file(prompts()[name])) == GRAPH


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", '{"1": 7}', '{"1": {"inputs": {}}}', '{"1":' * 200 + "{}" + "}" * 200, "[" * 100_000],
)
def test_what_is_no_graph_is_none(file, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", text)
    assert embedded_prompt(file(encoded(gradient(), "a.png", pnginfo=info))) is None


def test_a_picture_without_one_and_a_file_that_is_none_have_none(file, tmp_path):
    for data in (*SOUND.values(), PAGE, b"", SOUND["a.png"][:20]):
        assert embedded_prompt(file(data)) is None
    assert embedded_prompt(tmp_path / "gone.png") is None


def test_a_text_that_unpacks_without_end_is_cut(file, monkeypatch):
    monkeypatch.setattr("blender_comfyui.workflow.png_chunks.MAX_TEXT", 1000)
    bomb = chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(10_000_000))[:900])
    assert embedded_prompt(file(b"\x89PNG\r\n\x1a\n" + bomb + chunk(b"IEND", b""))) is None


def test_pillow_is_not_loaded_with_the_extension():
    import subprocess

    code = "import sys, blender_comfyui.generation.pictures; assert not [m for m in sys.modules if m.startswith('PIL')]"
    subprocess.run([sys.executable, "-c", code], check=True)
