"""OpenEXR and Radiance HDR: nobody decodes them before Blender does, so their headers are believed in nothing."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy.errors import FileBroken
from blender_comfyui.generation.pictures import check_picture

Window = tuple[int, int, int, int]
SMALL = (0, 0, 63, 47)
HUGE = (0, 0, 99_998, 99_998)
ENORMOUS = (-0x80000000, -0x80000000, 0x7FFFFFFF, 0x7FFFFFFF)
BACKWARDS = (63, 47, 0, 0)


def attribute(name: str, kind: str, value: bytes) -> bytes:
    return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value


def part(data: Window | None = SMALL, display: Window = SMALL, tile: tuple[int, int] = (64, 64)) -> bytes:
    """One header, as Blender writes it but for the order: a prompt before all else, longer than any first look."""
    return b"".join(
        [
            attribute("prompt", "string", b"{}" * 10_000),
            attribute("channels", "chlist", b"R\0" + struct.pack("<4i", 1, 0, 1, 1) + b"\0"),
            attribute("dataWindow", "box2i", struct.pack("<4i", *data)) if data else b"",
            attribute("displayWindow", "box2i", struct.pack("<4i", *display)),
            attribute("tiles", "tiledesc", struct.pack("<2IB", *tile, 0)),
            b"\0",
        ]
    )


def exr(*parts: bytes) -> bytes:
    several = len(parts) > 1
    return (
        b"v/1\x01" + struct.pack("<I", 2 | (several << 12)) + b"".join(parts) + (b"\0" if several else b"") + bytes(99)
    )


def hdr(size: bytes = b"-Y 48 +X 64\n", before: bytes = b"\n\n") -> bytes:
    return b"#?RADIANCE\n# by hand\nFORMAT=32-bit_rle_rgbe" + before + size + bytes(99)


@pytest.fixture
def check(tmp_path):
    def check(data: bytes, name: str) -> None:
        path = tmp_path / "part"
        path.write_bytes(data)
        check_picture(path, name)

    return check


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (exr(part()), "a.exr"),
        (exr(part(), part(), part()), "a.exr"),
        (exr(part(data=(-100, -100, 99, 99), display=(0, 0, 16383, 16383))), "a.exr"),
        (hdr(), "a.hdr"),
        (hdr(b"+X 16384  -Y 16384\n"), "a.hdr"),
    ],
)
def test_sound_ones_are_taken(check, data, name):
    check(data, name)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (exr(part(HUGE)), "a.exr"),
        (exr(part(ENORMOUS)), "a.exr"),
        (exr(part(BACKWARDS)), "a.exr"),
        (exr(part(display=HUGE)), "a.exr"),
        (exr(part(tile=(0xFFFFFFFF, 0xFFFFFFFF))), "a.exr"),
        (exr(part(tile=(0, 0))), "a.exr"),
        (exr(part(), part(HUGE)), "a.exr"),
        (hdr(b"-Y 99999 +X 99999\n"), "a.hdr"),
        (hdr(b"-Y 0 +X 64\n"), "a.hdr"),
    ],
)
def test_an_absurd_size_is_refused(check, data, name):
    with pytest.raises(FileBroken, match="it claims to have"):
        check(data, name)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (exr(part(data=None)), "a.exr"),
        (exr(part(), part(data=None)), "a.exr"),
        (exr(part(SMALL).replace(b"displayWindow", b"dataWindow\0\0\0")), "a.exr"),
        (exr(attribute("dataWindow", "box2i", struct.pack("<4i", *SMALL)) * 2 + b"\0"), "a.exr"),
        (exr(part())[:20_000], "a.exr"),
        (exr(part())[:20_100], "a.exr"),
        (exr(b"n" * 300), "a.exr"),
        (exr(b"a\0b\0" + struct.pack("<i", -8)), "a.exr"),
        (exr(attribute("a", "int", bytes(4)) * 100_000), "a.exr"),
        (exr(*[part()] * 300), "a.exr"),
        (b"v/1\x01", "a.exr"),
        (hdr(b""), "a.hdr"),
        (hdr(b"-Y 48"), "a.hdr"),
        (hdr(b"-Y 48 +X 9999999999\n"), "a.hdr"),
        (hdr(before=b"\r\n\r\n"), "a.hdr"),  # Blender would look further down
        (hdr(b"\n-Y 48 +X 64\n"), "a.hdr"),
        (b"#?RGBE" + b"\n", "a.hdr"),
    ],
)
def test_a_header_that_cannot_be_read_is_damaged(check, data, name):
    with pytest.raises(FileBroken, match="damaged or cut"):
        check(data, name)


@given(st.lists(st.binary(max_size=30) | st.sampled_from([part(), b"\0", exr(part()), hdr(), b"\n\n"]), max_size=6))
def test_no_bytes_whatever_are_more_than_broken(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("float") / "part"
    for start, name in ((b"v/1\x01\x02\x10\0\0", "a.exr"), (b"#?RADIANCE\n", "a.hdr")):
        path.write_bytes(start + b"".join(pieces))
        with contextlib.suppress(FileBroken):
            check_picture(path, name)
