"""Known words (secrets, folders) found in a text in any spelling that URLs, JSON, HTML, Python and basic
authentication may give them, also mixed and a few times over. Builds regular expressions; every repetition in them
has a bound, for the texts come from servers too. No network here, no bpy.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator

SEPARATOR = r"(?:[/\\]|%(?:25){0,4}(?:2[fF]|5[cC])){1,8}"  # between two folders, however it is written
_PERCENT = "%(?:25){0,4}"
_BACKSLASHES = r"\\{1,16}"
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a"}


def spelled(text: str) -> str:
    """An expression for `text` where letters and digits may stand for themselves only, all else in any escape."""
    parts = []
    after_backslash = False
    for part in re.findall(r"\\+|[^\\]", text):
        if part[0] == "\\":
            parts.append(_backslashes(len(part)))
        elif part.isascii() and part.isalnum():
            parts.append(part)
        else:
            parts.append(_character(part, "" if after_backslash else _BACKSLASHES))
        after_backslash = part[0] == "\\"
    return "".join(parts)


def escaped(text: str) -> tuple[str, ...]:
    """Expressions for `text` with every single character escaped in the same way."""
    percent = "".join(_percent(character.encode("utf-8", "surrogatepass")) for character in text)
    return (
        percent,
        "".join(_unicode_escape(character, _BACKSLASHES) for character in text),
        "".join(_byte_escapes(character.encode("utf-8", "surrogatepass"), _BACKSLASHES) for character in text),
        "".join(_entity(character) for character in text),
    )


def in_base64(text: str) -> Iterator[str]:
    """What any base64 of something that holds `text` must hold, wherever in it `text` begins."""
    for data in {text.encode("utf-8", "surrogatepass"), text.encode("latin-1", "ignore")}:
        for before in range(3):
            code = base64.b64encode(bytes(before) + data).decode("ascii")
            core = code[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(core) >= 4:
                yield core
                yield core.translate(str.maketrans("+/", "-_"))


def grown(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole run of base64 characters around a part of it."""
    while start and text[start - 1] in _BASE64:
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    return start, end


def folder(path: str) -> str:
    """An expression for a folder and for what is in it, whatever the separators look like."""
    names = [spelled(name) for name in re.split(r"[/\\]+", path.rstrip("/\\"))]
    return SEPARATOR.join(names) + r"(?![\w-])"


def replaced(text: str, spans: Iterable[tuple[int, int]], by: str) -> str:
    """`text` with `by` in place of the spans; those that touch become one."""
    pieces, last = [], -1
    for start, end in sorted(spans):
        if start > last:
            pieces += [text[max(last, 0) : start], by]
        last = max(last, end)
    return "".join([*pieces, text[max(last, 0) :]])


def _backslashes(count: int) -> str:
    """A run of them; doubled again and again in nested JSON, so more than there were are as good."""
    alone = (rf"(?:{_PERCENT}5[cC])", r"(?:\\{1,16}u005[cC])", r"(?:\\{1,16}x5[cC])", r"(?:&#0{0,4}92;)")
    return rf"(?:\\{{{count},{8 * count + 8}}}|" + "|".join(f"{one}{{{count}}}" for one in alone) + ")"


def _character(character: str, backslashes: str) -> str:
    """One character in any spelling; `backslashes` is '' where those before it have taken them in already."""
    code = ord(character)
    choices = [
        re.escape(character),
        _percent(character.encode("utf-8", "surrogatepass")),
        _unicode_escape(character, backslashes),
        _byte_escapes(character.encode("utf-8", "surrogatepass"), backslashes),
        _entity(character),
    ]
    if 0x80 <= code < 0x100:  # as HTTP headers carry it
        choices += [_percent(bytes([code])), f"{backslashes}x{_hex(code, 2)}"]
    if character == " ":
        choices.append(r"\+")
    if character in "\"'/":
        choices.append(f"{backslashes}{character}")
    if character in _SHORT_ESCAPES:
        choices.append(f"{backslashes}{_SHORT_ESCAPES[character]}")
    return f"(?:{'|'.join(choices)})"


def _percent(data: bytes) -> str:
    return "".join(f"{_PERCENT}{_hex(byte, 2)}" for byte in data)


def _byte_escapes(data: bytes, backslashes: str) -> str:
    return "".join(f"{backslashes if not index else _BACKSLASHES}x{_hex(byte, 2)}" for index, byte in enumerate(data))


def _unicode_escape(character: str, backslashes: str) -> str:
    r"""\u00e9, and for what is beyond that either \U0001f600 or a pair of surrogates."""
    code = ord(character)
    if code < 0x10000:
        return f"{backslashes}u{_hex(code, 4)}"
    units = character.encode("utf-16-be").hex()
    pair = f"{backslashes}u{_hex(int(units[:4], 16), 4)}{_BACKSLASHES}u{_hex(int(units[4:], 16), 4)}"
    return f"(?:{pair}|{backslashes}U{_hex(code, 8)})"


def _entity(character: str) -> str:
    name = html.escape(character)
    named = f"{re.escape(name)}|" if name != character else ""
    code = ord(character)
    return rf"(?:{named}&#0{{0,4}}{code};|&#[xX]0{{0,4}}{_hex(code)};)"


def _hex(number: int, digits: int = 1) -> str:
    """The number's hexadecimal digits, in either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:0{digits}x}")
