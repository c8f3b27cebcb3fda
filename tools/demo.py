"""One picture from start to end: a server, a headless Blender with the zip installed, files in out/demo/."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import extension, venvs
from .project import BUILD, OUT, ROOT, ToolError, run_shown, say

FOLDER = OUT / "demo"


def run_demo() -> int:
    """Make out/demo/*.png and out/demo/demo.blend; returns the exit code of Blender."""
    [blender] = venvs.ensure_blenders([venvs.preferred_blender()])
    extension.build(blender)
    resources = BUILD / "demo"
    for folder in (resources, FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with _server() as url:
        env = {
            **os.environ,
            "BLENDER_USER_RESOURCES": str(resources),
            "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
            "COMFYUI_URL": url,
        }
        say(f"Blender {blender.version} generates on {url}")
        code = run_shown([blender.venv.python, "tools/demo_scene.py", FOLDER], env=env)
    _report()
    return code


def _report() -> None:
    made = sorted(FOLDER.iterdir())
    if not made:
        raise ToolError("The demo left no files.")
    for path in made:
        say(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e3:.0f} kB")


@contextmanager
def _server() -> Iterator[str]:
    """The address of COMFYUI_URL, or of a stand-in that lives as long as the context."""
    named = os.environ.get("COMFYUI_URL")
    if named:
        say(f"server: {named}, as COMFYUI_URL says")
        yield named
        return
    say("server: the tests' stand-in, which draws patterns (COMFYUI_URL names a real one)")
    with stand_in(venvs.ensure_development().python) as url:
        yield url


@contextmanager
def stand_in(python: Path) -> Iterator[str]:
    """Run `tests.comfy_server` on a free port with the development venv's Python; yields its URL."""
    command = [str(python), "-m", "tests.comfy_server", "--port", "0"]
    # it serves until its standard input closes: when we end, it ends
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, text=True, encoding="utf-8", stdin=pipe, stdout=pipe)
    # a server that hangs before its first line shall not hang us
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        watchdog.cancel()
        if not url.startswith("http"):
            raise ToolError(f"The stand-in server did not start; it said {url!r}.")
        yield url
    finally:
        watchdog.cancel()
        process.communicate(timeout=30)
