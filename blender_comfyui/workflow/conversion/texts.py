"""What the editor replaces in texts before it sends them. No bpy, no network."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

_COMMENTS = re.compile(r"/\*[\s\S]*?\*/|//[^\n\r\u2028\u2029]*")
_SPECIAL = re.compile(r"\\[\s\S]?|[{}|]")
_ESCAPED = re.compile(r"\\([{}|])")
_REPLACED = re.compile(r"%([^%]+)%")
_DATE_PARTS = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')

# A choice is its options; an option is its pieces, each a text or another choice.
_Option = list["str | _Choice"]


class _Choice:
    __slots__ = ("options",)

    def __init__(self) -> None:
        self.options: list[_Option] = [[]]


def dynamic_prompt(text: str, random: Callable[[], float]) -> str:
    r"""Strip // and /* */ comments, choose in {a|b}, nested too, and take the backslash from \{, \} and \|.

    ``random`` returns a number from 0 to below 1, once for every choice that is reached, from left to right. A choice
    that is not closed ends with the text; what closes or parts nothing stays as it is.
    """
    waiting = list(reversed(_pieces(_COMMENTS.sub("", text))))
    made = []
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            made.append(piece)
        else:
            option = piece.options[min(int(random() * len(piece.options)), len(piece.options) - 1)]
            waiting.extend(reversed(option))
    return _ESCAPED.sub(r"\1", "".join(made))


def _pieces(text: str) -> _Option:
    pieces: _Option = []
    opened: list[_Choice] = []
    at = 0
    for special in _SPECIAL.finditer(text):
        into = opened[-1].options[-1] if opened else pieces
        sign = special[0]
        into.append(text[at : special.start()])
        at = special.end()
        if sign == "{":
            choice = _Choice()
            into.append(choice)
            opened.append(choice)
        elif opened and sign == "}":
            opened.pop()
        elif opened and sign == "|":
            opened[-1].options.append([])
        else:
            into.append(sign)
    (opened[-1].options[-1] if opened else pieces).append(text[at:])
    return pieces


def replaced(text: str, value_of: Callable[[str, str], str | None], now: datetime) -> str:
    """Replace %date:format% and %node.widget%; what names nothing stays as it is.

    ``value_of`` returns the value of a node's widget as a text, None where there is none.
    """

    def replacement(match: re.Match[str]) -> str:
        parts = match[1].split(".")
        if len(parts) == 2:
            value = value_of(parts[0], parts[1])
            return match[0] if value is None else _UNSAFE.sub("_", value)
        if parts[0].startswith("date:"):
            return _formatted(parts[0].removeprefix("date:"), now)
        return match[0]

    return _REPLACED.sub(replacement, text)


def _formatted(pattern: str, now: datetime) -> str:
    numbers = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def part(match: re.Match[str]) -> str:
        letters = match[0]
        if letters[0] in numbers:
            return str(numbers[letters[0]]).zfill(len(letters))
        return {"yy": f"{now.year}"[2:], "yyyy": f"{now.year}"}.get(letters, letters)

    return _DATE_PARTS.sub(part, pattern)


def shown(value: object) -> str:
    """Return a widget's value as JavaScript writes it into a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, list):
        return ",".join(shown(item) if not isinstance(item, list | dict) else "" for item in value)
    return "[object Object]" if isinstance(value, dict) else str(value)
