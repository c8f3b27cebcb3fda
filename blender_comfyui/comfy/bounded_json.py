"""JSON from outside, read so that nothing in it can hurt: not its depth, size, numbers or strings. No network here.

Python reads nested JSON by recursion, and an add-on beside ours may have lifted the limit that guards the stack; what
it did read, `repr` or a comparison can still overflow on. So the depth is counted before anything is parsed. So are the
values: an empty list is three bytes of text and 70 of memory, and all of Blender stands still while the parser makes
them. Strings come out such that UTF-8 can encode them: JSON may escape half a surrogate pair, which no file and no
database takes.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100  # a graph in a history entry has 6 or 7
MAX_VALUES = 1_000_000  # a queue of 50 prompts holds 8,000; read in a quarter of a second at worst

# possessive, and with an end for a string that has none: linear, whatever comes
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]++")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


class TooMuchJson(ValueError):
    """A JSON text holds more values than anything sound."""


def read_json(text: str | bytes, max_values: int = MAX_VALUES) -> Any:
    """The value of a JSON text in UTF-8; NaN and Infinity are allowed, the server sends them.

    Raises ValueError for whatever is no JSON or deeper than MAX_DEPTH, TooMuchJson for more values than `max_values`.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    # Each stands behind one of these. Commas inside of strings count too; no text has that many.
    if text.count(",") + text.count("[") + text.count("{") > max_values:
        raise TooMuchJson(f"JSON of more than {max_values:,} values")
    if _is_too_deep(text):
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(_whole_characters, text)
    try:
        return json.loads(text)
    except RecursionError as error:  # our own caller was deep already
        raise ValueError("JSON nested too deeply") from error


def _is_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    brackets = brackets.replace("{", "[").replace("}", "]")
    for _ in range(MAX_DEPTH):
        inner = brackets.replace("[]", "")
        if len(inner) == len(brackets):
            break
        brackets = inner
    # What is left of proper JSON is nothing; of an unbalanced text only its openings can make depth.
    return brackets.count("[") > MAX_DEPTH or "[]" in brackets


def _whole_characters(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape[1] else escape[0]
