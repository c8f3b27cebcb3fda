"""Types, lint and formatting are tests like the others."""

import os
import subprocess
import sys

import pytest

from tools.project import ROOT
from tools.venvs import STUBS

# Blender's stubs and Blender itself differ in details, and operators are classes of its own kind.
BLENDER_FLOOR = "blender_comfyui/blender"


def _run(*words: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    _run("ruff", "check", "--output-format=concise", ".")


def test_everything_is_formatted() -> None:
    _run("ruff", "format", "--check", ".")


def test_code_without_bpy_is_strictly_typed() -> None:
    _run("mypy", "--strict")


def test_blender_floor_is_typed() -> None:
    if not STUBS.is_dir():
        pytest.skip("type stubs of bpy are not installed: python3 build_addon.py test does it")
    _run("mypy", "--config-file=tools/mypy-blender.ini", BLENDER_FLOOR, MYPYPATH=str(STUBS))
