"""Types, lint and formatting are tests like the others."""

import subprocess
import sys

from tools.project import ROOT

# Blender's stubs and Blender itself differ in details, and operators are classes of its own kind.
WITH_BPY = ("blender_comfyui/blender", "tools/demo_scene.py")


def _run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
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


def test_code_with_bpy_is_typed() -> None:
    _run("mypy", "--config-file=tools/mypy-blender.ini", *WITH_BPY)
