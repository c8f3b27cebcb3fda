"""Runs the benchmarks: the session's in the development venv, the operator's in a Blender."""

import os
import shutil

from . import extension, venvs
from .project import BUILD, run_shown, say


def run_bench() -> int:
    """Print the figures of benchmarks/bench.py; returns its exit code."""
    development = venvs.ensure_development()
    [blender] = venvs.ensure_blenders([venvs.preferred_blender()])
    extension.build(blender)
    resources = BUILD / "bench"
    shutil.rmtree(resources, ignore_errors=True)
    resources.mkdir()
    env = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(resources),
        "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
        "BLENDER_COMFYUI_BPY": str(blender.venv.python),
        "BLENDER_COMFYUI_PYTHON": str(development.python),
    }
    say(f"benchmarks, Blender {blender.version}")
    return run_shown([development.python, "-m", "benchmarks.bench"], env=env)
