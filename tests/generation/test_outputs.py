"""Names that a server sends are not trusted, and every file of ours has a name of its own."""

from __future__ import annotations

import unicodedata
import uuid
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.outputs import file_name, kind_of, safe_stem

JOB = "0a1b2c3d-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("server_name", "expected"),
    [
        ("a_00001_.png", "a_00001_0a1b2c.png"),
        ("../../etc/passwd", "passwd_0a1b2c.bin"),
        ("..\\..\\boot.ini", "boot_0a1b2c.ini"),
        ("C:\\Windows\\x.PNG", "x_0a1b2c.png"),
        ("/etc/cron.d/job", "job_0a1b2c.bin"),
        ("con.png", "_con_0a1b2c.png"),
        ("a\nb\x00.png", "a_b_0a1b2c.png"),
        ("..", "result_0a1b2c.bin"),
        ("", "result_0a1b2c.bin"),
        ("狐.webp", "狐_0a1b2c.webp"),
        ("clip.tar.gz", "clip.tar_0a1b2c.gz"),
    ],
)
def test_a_servers_name_becomes_a_safe_one(server_name, expected):
    assert file_name("", JOB, 1, server_name) == expected


def test_our_own_stem_comes_first_and_pictures_are_numbered():
    assert file_name("a fox", JOB, 1, "x.png") == "a fox_0a1b2c.png"
    assert file_name("a fox", JOB, 2, "x.png") == "a fox_0a1b2c_2.png"


@given(st.text(max_size=400), st.text(max_size=400), st.integers(1, 99))
def test_whatever_comes_the_name_stays_one_plain_name(stem, server_name, number):
    name = file_name(stem, str(uuid.UUID(int=number)), number, server_name)
    assert name == PurePosixPath(name).name == PureWindowsPath(name).name
    assert not name.startswith(".")
    assert len(name.encode()) <= 160
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs", "Zl", "Zp"}
    assert name.rstrip(" .") == name


@given(st.text(max_size=300))
def test_a_safe_stem_is_safe_again(text):
    assert safe_stem(safe_stem(text)) == safe_stem(text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PNG", "image"),
        ("a.mp4", "video"),
        ("a.flac", "audio"),
        ("a.glb", "model"),
        ("a.latent", "other"),
        ("a", "other"),
    ],
)
def test_the_kind_is_told_by_the_extension(name, kind):
    assert kind_of(name) == kind
