"""A terminal of our own: what programs write into it, and a picture of what a person would see."""

import fcntl
import os
import re
import select
import struct
import termios
import time
from pathlib import Path
from types import TracebackType

from PIL import Image, ImageDraw, ImageFont

_TOKEN = re.compile(r"\x1b\[[\d;]*m|\x1b\[K|\r\n|\n|\r|[^\x00-\x1f\x7f]+")
_SIZE, _LINE, _MARGIN = 15, 21, 16  # pixels
_BACK, _FORE, _GREEN = (30, 30, 34), (214, 214, 210), (130, 200, 120)
PROMPT = "$ "


class Terminal:
    """A pseudo-terminal: programs get `inside`; `text` is what is on its screen now, line by line.

    It knows what a bar needs, the beginning of the line and the rest of it cleared; colours are left out, and anything
    else is an error.
    """

    def __init__(self, columns: int = 100, rows: int = 24) -> None:
        self._outside, self.inside = os.openpty()
        fcntl.ioctl(self.inside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.columns = columns
        self.text = [""]
        self._column = 0
        self._rest = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.inside)
        os.close(self._outside)

    def type(self, command: str) -> None:
        """What a person types."""
        self._write(f"{PROMPT}{command}\n")

    def wait_for(self, pattern: str, timeout: float = 60.0) -> str:
        """Read until a line on the screen matches; return that line."""
        deadline = time.monotonic() + timeout
        while not (found := [line for line in self.text if re.search(pattern, line)]):
            left = deadline - time.monotonic()
            assert left > 0, f"never on the screen: {pattern}\n" + "\n".join(self.text)
            self.read(left)
        return found[-1]

    def read(self, timeout: float) -> None:
        """Take what is there, or comes in so many seconds."""
        if select.select([self._outside], [], [], timeout)[0]:
            data = self._rest + os.read(self._outside, 65536)
            whole = data.decode("utf-8", "ignore")
            self._rest = data[len(whole.encode()) :]  # the first bytes of a letter
            self._write(whole)

    def _write(self, text: str) -> None:
        at = 0
        for found in _TOKEN.finditer(text):
            assert found.start() == at, f"no terminal of ours knows {text[at : found.start()]!r}"
            at = found.end()
            self._take(found.group())
        assert at == len(text), f"no terminal of ours knows {text[at:]!r}"

    def _take(self, token: str) -> None:
        line = self.text[-1]
        if token.endswith("m") and token.startswith("\x1b"):
            return
        if token == "\x1b[K":
            self.text[-1] = line[: self._column]
        elif token == "\r":
            self._column = 0
        elif token in ("\n", "\r\n"):
            self.text.append("")
            self._column = 0
        else:
            self.text[-1] = line[: self._column].ljust(self._column) + token + line[self._column + len(token) :]
            self._column += len(token)
            assert len(self.text[-1]) < self.columns or not self.text[-1].count("█"), "the bar wraps around"

    def picture(self, path: Path, font: Path) -> Path:
        """Draw what is on the screen."""
        face = ImageFont.truetype(str(font), _SIZE)
        lines = [line for line in self.text if line] or [""]
        wrapped = [line[i : i + self.columns] for line in lines for i in range(0, len(line), self.columns)]
        cell = round(face.getlength("M"))
        width = cell * self.columns + 2 * _MARGIN
        shown = Image.new("RGB", (width, len(wrapped) * _LINE + 2 * _MARGIN), _BACK)
        draw = ImageDraw.Draw(shown)
        for row, line in enumerate(wrapped):
            colour = _GREEN if line.startswith(PROMPT) else _FORE
            for column, letter in enumerate(line):  # each in its cell, so that blocks meet
                draw.text((_MARGIN + column * cell, _MARGIN + row * _LINE), letter, fill=colour, font=face)
        path.parent.mkdir(parents=True, exist_ok=True)
        shown.save(path, optimize=True)
        return path
