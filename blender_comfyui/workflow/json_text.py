"""JSON from anywhere, read so that nothing in it can hurt, and refused with a sentence. No bpy here.

Python reads nested JSON by recursion, and an add-on beside ours may have lifted the limit that guards the stack; so the
depth is counted before anything is parsed.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

from .errors import NotAWorkflow
from .wording import quoted

MAX_DEPTH = 100  # of brackets; official templates have 12
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)  # possessive: linear, whatever comes
_NO_BRACKET = re.compile(r"[^\[\]{}]++")
_BOMS = (  # the longer ones first: one is the beginning of another
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(data: bytes, called: str) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 or UTF-32 as Windows programs write; raise NotAWorkflow."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:2]:
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotAWorkflow(
            f"{called} is neither a text nor a picture, sound, video or mesh that ComfyUI writes. Choose another file."
        ) from error


def parsed(text: str, called: str, deepest: int = MAX_DEPTH) -> Any:
    """Return the value of a JSON text, NaN and Infinity among it; ``called`` begins the sentences of NotAWorkflow.

    Of two equal names in one mapping the last one counts, as everywhere; where they are nodes, that would lose one.
    """
    text = text.strip("\ufeff\0 \t\r\n")
    if not text:
        raise NotAWorkflow(f"{called} is empty. Choose another file.")
    if _is_too_deep(text, deepest):
        raise _too_deep(called)
    try:
        return json.loads(text, object_pairs_hook=_Pairs(called).mapping)
    except RecursionError:  # our own caller was deep already
        raise _too_deep(called) from None
    except json.JSONDecodeError as error:
        raise NotAWorkflow(_what_is_wrong(text, error, called)) from error
    except ValueError as error:
        raise NotAWorkflow(f"{called} holds a number that is too long. Export it again.") from error


def without_nan(value: Any) -> Any:
    """Return a copy with None for NaN and Infinity, which is how the official front end reads them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nan(inner) for inner in value]
    return value


class _Pairs:
    def __init__(self, called: str) -> None:
        self._called = called

    def mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            self._check(pairs)
        return made

    def _check(self, pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, value in pairs:
            if key in seen and isinstance(value, dict) and "class_type" in value:
                raise NotAWorkflow(f"{self._called} has two nodes with the id {quoted(key)}. Give one another id.")
            seen.add(key)


def _too_deep(called: str) -> NotAWorkflow:
    return NotAWorkflow(f"{called} is nested too deep for a workflow. Save or export it again in ComfyUI.")


def _is_too_deep(text: str, deepest: int) -> bool:
    if text.count("[") + text.count("{") <= deepest:
        return False
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text)).replace("{", "[").replace("}", "]")
    for _ in range(deepest):
        fewer = brackets.replace("[]", "")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    # What is left of proper JSON is nothing; of an unbalanced text only its openings can make depth.
    return brackets.count("[") > deepest or "[]" in brackets


def _what_is_wrong(text: str, error: json.JSONDecodeError, called: str) -> str:
    start = text[:200].lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return f"{called} is a web page, not a workflow. Download the file itself (“raw” on many sites)."
    if not start.startswith(("{", "[")):
        return f"{called} is a text, but no workflow. Choose a file that ComfyUI saved or exported."
    if error.pos >= len(text) - 1 or error.msg.startswith("Unterminated string"):
        return f"{called} is cut: it ends in the middle. Copy, download or export it again."
    return f"{called} is damaged: {error.msg} in line {error.lineno}. Copy, download or export it again."
