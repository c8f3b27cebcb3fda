"""Which of a server's names is most like one that it lacks. No bpy, no network."""

from __future__ import annotations

import difflib
import functools
import unicodedata
from collections.abc import Iterable

_LONGEST = 200
_LIKE = 0.6
_MOST = 3


def same_file(first: str, second: str) -> bool:
    r"""True for one name written by two systems: ``sub\name`` and ``sub/name``, composed and decomposed accents."""
    return _path(first) == _path(second)


def nearest_names(name: str, known: Iterable[object], most: int = _MOST) -> tuple[str, ...]:
    """Return the names most like one: the same file elsewhere, then what is spelled nearly so, in any script.

    Folders, endings, case and what stands between words do not count at first.
    """
    return _nearest(name, tuple(other for other in known if isinstance(other, str)), most)


@functools.lru_cache(maxsize=128)  # workflows are checked again and again, against lists of thousands
def _nearest(name: str, names: tuple[str, ...], most: int) -> tuple[str, ...]:
    wanted = _stem(name)
    by_stem: dict[str, list[str]] = {}
    for other in names:
        by_stem.setdefault(_stem(other), []).append(other)
    found = sorted(by_stem.pop(wanted, ()), key=lambda other: (not same_file(other, name), _base(other) != _base(name)))
    if wanted and len(found) < most:
        for stem in difflib.get_close_matches(wanted, by_stem, n=most, cutoff=_LIKE):
            found.extend(by_stem[stem])
    return tuple(found[:most])


def _path(name: str) -> str:
    return unicodedata.normalize("NFC", name).replace("\\", "/")


def _base(name: str) -> str:
    return _path(name).rsplit("/", 1)[-1]


def _stem(name: str) -> str:
    """Return the letters and digits of a file's name, in one case and one form, without folder and ending."""
    base = _base(name[-2 * _LONGEST :]).casefold()
    stem, dot, ending = base.rpartition(".")
    text = unicodedata.normalize("NFKD", stem if dot and stem and len(ending) <= 11 else base)
    return "".join(character for character in text if character.isalnum())[:_LONGEST]
