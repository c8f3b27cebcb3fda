"""Debian's Blender without a window: ``blender [FILE] --command comfyui VERB``, as a pipeline starts it.

with HeadlessBlender(place) as blender:
    done = blender.command("models", "--server", server.url)
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.gui.place import ENTER, Place
from tools import extension

LONGEST = 120  # seconds for one command


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object that --json printed: the last line of stdout."""
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        return found


class HeadlessBlender:
    """Context manager: a folder for Blender's user files, with the built extension installed in it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.new_folder()
        self._stack = ExitStack()

    def __enter__(self) -> "HeadlessBlender":
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "blender").mkdir()
        copy = shutil.copy2(extension.zip_for_this_machine(), self.folder)
        words = ["--factory-startup", "--command", "extension", "install-file", "-r", "user_default", "--enable"]
        done = self.run([*words, self.inside(Path(copy))])
        assert done.code == 0, f"the extension was not installed:\n{done.out}{done.err}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def inside(self, path: Path) -> str:
        """How Blender names one of our paths."""
        return self.place.inside(path)

    def command(self, *words: str, before: Sequence[str] = (), **variables: str) -> Done:
        """Run a verb to its end; `before` is what comes before ``--command``, `variables` go into the environment."""
        return self.run([*before, "--command", "comfyui", *words], **variables)

    def run(self, words: Sequence[str], **variables: str) -> Done:
        """Run Blender to its end."""
        process = self.start(words, **variables)
        try:
            out, err = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
        return Done(process.returncode, out, err)

    def start(self, words: Sequence[str], streams: int = subprocess.PIPE, **variables: str) -> "subprocess.Popen[str]":
        """Begin Blender and return it. Its two streams are apart, or both are `streams`, such as a terminal."""
        words = ["blender", *words]
        if not self.place.is_host:
            entered = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, str(self.place.root)]
            words = [*entered, *words]
        own = {"BLENDER_USER_RESOURCES": self.inside(self.folder / "blender"), "HOME": self.inside(self.folder)}
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COMFYUI"))}
        env |= {**own, **variables}
        return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=streams, stderr=streams, text=True)
