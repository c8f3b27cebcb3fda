"""How names and values appear in sentences for a person. No bpy here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def quoted(value: object, limit: int = 60) -> str:
    """Quote a name or a value: one short printable line."""
    text = value if isinstance(value, str) else _shown(value)
    text = "".join(character if character.isprintable() else " " for character in text[: limit + 1])
    return f"“{text if len(text) <= limit else text[: limit - 1] + '…'}”"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" with the names most like a wrong one; '' when none is."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    close = difflib.get_close_matches(name.casefold()[:200], by_folded, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(quoted(by_folded[folded]) for folded in close)}?" if close else ""


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a foreign object, or a number with thousands of digits
        return type(value).__name__
