"""A virtual screen with a window manager, and a hand on its mouse and keyboard. Pixels count from the top left."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.gui.place import Place

# `xdotool key F3` would send Alt+F3: the key code does not
KEY_CODES = {"F3": "69"}

OPENBOX = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc"><applications>
<application class="*"><decor>no</decor><focus>yes</focus></application>
</applications></openbox_config>
"""


@dataclass(frozen=True)
class Rect:
    """A rectangle on the screen, in pixels; y grows downwards."""

    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2

    def __contains__(self, point: tuple[int, int]) -> bool:
        x, y = point
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Screen:
    """An X server of its own on a free display, in a place."""

    def __init__(self, place: Place, folder: Path, size: tuple[int, int] = (1280, 800)) -> None:
        self.place = place
        self.folder = folder
        self.size = size
        self.env = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": place.inside(folder),
            "XDG_RUNTIME_DIR": place.inside(folder),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "GALLIUM_DRIVER": "llvmpipe",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Screen":
        try:
            self.env["DISPLAY"] = self._start_server()
            self._start_window_manager()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the window manager and the X server."""
        for process in reversed(self._running):
            stop(process)
        self._running.clear()

    def start(self, words: Sequence[str], log: Path, **more_env: str) -> subprocess.Popen[bytes]:
        """Start a program on this screen."""
        return self.place.start(words, {**self.env, **more_env}, log)

    def move(self, x: int, y: int) -> None:
        """Put the mouse there. Blender wants to see it come, so it arrives in two moves."""
        self.xdotool("mousemove", str(x - 2), str(y), "mousemove", str(x), str(y))

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Press and release a mouse button there (1 left, 2 middle, 3 right, 4 and 5 the wheel)."""
        self.move(x, y)
        self.xdotool("click", str(button))

    def key(self, *names: str) -> None:
        """Press keys one after the other, as xdotool names them: "Return", "ctrl+z", "F3"."""
        self.xdotool("key", "--clearmodifiers", *(KEY_CODES.get(name, name) for name in names))

    def type(self, text: str) -> None:
        """Type a text."""
        self.xdotool("type", "--delay", "40", text)

    def xdotool(self, *words: str) -> str:
        """Run xdotool on this screen and return what it prints."""
        return self.place.call(["xdotool", *words], self.env)

    def picture(self, target: Path, part: Rect | None = None) -> Path:
        """Write a PNG of the screen, or of a part of it."""
        shot = self.folder / "screen.png"
        crop = ["-crop", f"{part.width}x{part.height}+{part.x}+{part.y}", "+repage"] if part else []
        self.place.call(["import", "-window", "root", *crop, self.place.inside(shot)], self.env)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(shot.read_bytes())
        return target

    def _start_server(self) -> str:
        """Let Xvfb choose a free display; it writes the number when it is ready."""
        readable, writable = os.pipe()
        width, height = self.size
        words = ["Xvfb", "-displayfd", str(writable), "-screen", "0", f"{width}x{height}x24"]
        # 96 dots per inch: Blender draws at scale 1, and a side bar is 280 pixels wide
        words += ["-dpi", "96", "-nolisten", "tcp", "-noreset", "+extension", "GLX"]
        log = self.folder / "xvfb.log"
        self._running.append(self.place.start(words, self.env, log, pass_fds=[writable]))
        os.close(writable)
        with os.fdopen(readable) as answer:
            number = answer.readline().strip()
        assert number.isdigit(), f"Xvfb did not start: {log.read_text(errors='replace')}"
        return f":{number}"

    def _start_window_manager(self) -> None:
        settings = self.folder / ".config/openbox/rc.xml"
        settings.parent.mkdir(parents=True)
        settings.write_text(OPENBOX, encoding="utf-8")
        self._running.append(self.start(["openbox"], self.folder / "openbox.log"))


def stop(process: subprocess.Popen[bytes], patience: float = 10) -> None:
    """End a program: politely, after `patience` seconds for good."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
