"""How far a command is: one line that is drawn anew on a terminal, and plain lines where nobody watches."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

_BAR = 24  # columns
_NARROWEST = 8
_USUAL = 80  # columns of a terminal that does not say
_BETWEEN = 0.1  # seconds between two drawings
_STEPS = 4  # plain lines say a quarter at a time


@dataclass(frozen=True)
class Standing:
    """How far it is: `fraction` from 0.0 to 1.0. `state` is a word or two, `detail` what runs or is waited for."""

    fraction: float
    state: str
    detail: str = ""
    seconds_left: float | None = None


class ProgressBar:
    """Tells a person how far something called `label` is, on `stream`, which is never the one with the results."""

    def __init__(
        self,
        stream: TextIO,
        label: str,
        *,
        is_quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._label = printable(label) or "…"
        self._is_quiet = is_quiet
        self._clock = clock
        self._is_drawn = is_terminal(stream) and not is_quiet
        self._drawn = float("-inf")
        self._told: tuple[str, int, str] | None = None

    def show(self, standing: Standing) -> None:
        """Draw it, or say it where it is news."""
        if self._is_drawn:
            if self._clock() - self._drawn >= _BETWEEN:
                self._draw(standing)
        elif not self._is_quiet:
            self._tell(standing)

    def end(self, standing: Standing) -> None:
        """Show it once more, and leave the line to what comes after."""
        if self._is_drawn:
            self._draw(standing)
            self._write("\n")
        elif not self._is_quiet:
            self._tell(standing)

    def _draw(self, standing: Standing) -> None:
        self._drawn = self._clock()
        width = _terminal_width(self._stream) - 1  # in the last column some terminals begin a new line
        self._write(f"\r{line(self._label, standing, width, fine=speaks_unicode(self._stream))}\x1b[K")

    def _tell(self, standing: Standing) -> None:
        is_moving = 0.0 < standing.fraction < 1.0
        news = (standing.state, int(standing.fraction * _STEPS), "" if is_moving else standing.detail)
        if news != self._told:
            self._told = news
            percent = f" {standing.fraction:.0%}" if is_moving else ""
            detail = f": {printable(standing.detail)}" if standing.detail else ""
            self._write(f"{self._label}: {standing.state}{percent}{detail}\n")

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person sees this, on something where a line can be drawn anew."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def speaks_unicode(stream: TextIO) -> bool:
    """Tell whether blocks can be written."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def line(label: str, standing: Standing, width: int, *, fine: bool = True) -> str:
    """Return the bar as a line of at most so many columns; what matters least is cut first."""
    left = f"  {duration(standing.seconds_left)} left" if standing.seconds_left is not None else ""
    bar = f"{_bar(standing.fraction, _BAR, fine)} {standing.fraction:4.0%}"
    after = "  ".join(part for part in (standing.state, printable(standing.detail)) if part)
    room = width - columns(bar) - columns(left) - 4
    if room < _NARROWEST:
        return cut(bar, width)
    name = cut(label, max(_NARROWEST, room // 2))
    return f"{name}  {bar}  {cut(after, max(0, room - columns(name)))}".rstrip() + left


def _bar(fraction: float, size: int, fine: bool) -> str:
    full, empty, parts = ("█", "░", " ▏▎▍▌▋▊▉") if fine else ("#", "-", "")
    steps = len(parts) or 1
    eighths = int(min(1.0, max(0.0, fraction)) * size * steps)
    whole, rest = divmod(eighths, steps)
    middle = parts[rest] if rest and parts else ""
    return full * whole + middle + empty * (size - whole - len(middle))


def duration(seconds: float) -> str:
    """Return seconds as people say them: 0:07, 12:34, 3:04:05."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def columns(text: str) -> int:
    """Return how many columns a terminal takes for a text."""
    return sum(_width(character) for character in text)


def cut(text: str, width: int) -> str:
    """Return as much of a text as fits into so many columns."""
    if columns(text) <= width:
        return text
    kept, room = "", width - 1
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…" if width > 0 else ""


def printable(text: str) -> str:
    """Return a text as one line that cannot move a terminal's cursor: it may come from a server or a file."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _terminal_width(stream: TextIO) -> int:
    """Return the columns of the terminal behind this stream: it may be another one than that of stdout."""
    try:
        return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
