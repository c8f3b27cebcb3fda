r"""Choices in a prompt: ``a {red|blue|green} fox, __light__``. No bpy, no network.

- ``{a|b}`` is one of its parts; parts may be empty, and may hold choices themselves. Braces without a ``|`` of their
  own are text, so that prompts of JSON stay as they are.
- ``{3::a|b}`` takes ``a`` three times as often as ``b``; a part without a weight has 1.
- ``__name__`` is one line of the list of this name, which may again hold choices and lists.
- ``\{``, ``\}`` and ``\|`` are these characters, ``\__`` is ``__``. Any other backslash stays.

What is chosen follows from the seed alone, and is the same on every machine and Python: the choice takes the number

    SHA-256("comfyui studio choice 1\n" seed "\n" where "\n" count "\n" source)

whose first 64 bits, read as a big-endian whole number and divided by 2**64, say how far along the sum of the weights
the chosen part lies. ``seed`` is written in decimal, ``where`` names the text (``prompt``, ``negative_prompt``),
``source`` is the choice as it is written, ``count`` how many of the same source were chosen before in this text. So a
change in one place of a prompt changes nothing that is chosen in another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from .errors import InvalidValue
from .wording import nearest, quoted

Lists: TypeAlias = Mapping[str, Sequence[str]]
"""Lists by their names: the path of the file without its ending, folders with ``/``, in small letters."""

DEEPEST = 40
"""Choices in choices, and lists in lists, at most."""
LONGEST = 100_000
"""Letters of a prompt at most, when all is chosen."""
MOST_CHOICES = 5_000
"""In one prompt, with all that the lists bring."""
MOST_BYTES = 4 << 20
"""Of a file with a list; what is longer is no list of words."""

_TOKEN = re.compile(r"\\(?:[{}|]|__)|[{}|]|__(?P<name>[^\W_](?:[\w./-]{0,98}?[^\W_])?)__")
_WEIGHT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)::", re.ASCII)


@dataclass
class _Group:
    """Braces that are read: where they begin, and their parts so far."""

    start: int
    parts: list[list[_Piece]] = field(default_factory=lambda: [[]])


@dataclass(frozen=True)
class _Choice:
    source: str
    parts: tuple[tuple[_Piece, ...], ...]


@dataclass(frozen=True)
class _Named:
    source: str
    name: str


_Piece: TypeAlias = "str | _Choice | _Named"


def resolved(text: str, seed: int, lists: Lists | None = None, where: str = "prompt") -> str:
    """Choose everything that is to be chosen in a text.

    Raises InvalidValue for a list that there is not, for choices too deep in each other, and for an endless result.
    """
    if not has_choices(text):
        return text
    return _Chooser(seed, lists or {}, where).told(text)


def has_choices(text: str) -> bool:
    """Tell whether a text has anything that ``resolved`` would change."""
    return _TOKEN.search(text) is not None


def escaped(text: str) -> str:
    """Write a text so that ``resolved`` gives it back as it is."""
    return re.sub(r"[{}|]|__", lambda found: "\\" + found[0], text)


def read_lists(folder: Path) -> dict[str, tuple[str, ...]]:
    """Read every ``.txt`` file in a folder and below: a line is an entry, empty lines and ``#`` comments are none.

    A folder that is not there has none; a file that cannot be read is left out.
    """
    found = {}
    for path in sorted(folder.rglob("*.txt")):
        try:
            if path.stat().st_size <= MOST_BYTES:
                text = path.read_text(encoding="utf-8-sig", errors="replace")
                found[path.relative_to(folder).with_suffix("").as_posix().casefold()] = entries(text)
        except OSError:
            continue
    return found


def entries(text: str) -> tuple[str, ...]:
    """Return the entries of a list."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


class _Chooser:
    """Chooses for one text."""

    def __init__(self, seed: int, lists: Lists, where: str) -> None:
        self.seed = seed
        self.lists = lists
        self.where = where
        self.counts: Counter[str] = Counter()
        self.length = 0
        self.made = 0

    def told(self, text: str, depth: int = 0) -> str:
        """Return a text with everything in it chosen."""
        if depth > DEEPEST:
            raise self._endless(text)
        return self._said(_read(text), depth)

    def _said(self, pieces: Sequence[_Piece], depth: int) -> str:
        return "".join(self._one(piece, depth) for piece in pieces)

    def _one(self, piece: _Piece, depth: int) -> str:
        if isinstance(piece, str):
            return self._counted(piece)
        if isinstance(piece, _Choice):
            weighed = [_weighed(part) for part in piece.parts]
            return self._said(weighed[self._drawn(piece.source, [weight for _, weight in weighed])][0], depth)
        lines = self._list(piece.name)
        weights = [_weight(line) for line in lines]
        line = lines[self._drawn(piece.source, weights)]
        return self.told(_WEIGHT.sub("", line, count=1), depth + 1)

    def _counted(self, text: str) -> str:
        self.length += len(text)
        if self.length > LONGEST:
            raise InvalidValue(
                f"The {self.where} has more than {LONGEST} letters when all is chosen. Shorten it.", name=self.where
            )
        return text

    def _list(self, name: str) -> Sequence[str]:
        lines = self.lists.get(name.strip().casefold())
        if lines:
            return lines
        file = quoted(f"{name.strip()}.txt")
        if lines is not None:
            raise InvalidValue(f"The list {file} is empty. Write one entry a line into it.", name=self.where)
        raise InvalidValue(
            f"There is no list {file} for {quoted(f'__{name}__')} in the {self.where}.{nearest(name, self.lists)} "
            "Put the file into the folder “wildcards”, with one entry a line; "
            "or write \\__ where two underscores are meant.",
            name=self.where,
        )

    def _endless(self, text: str) -> InvalidValue:
        return InvalidValue(
            f"The {self.where} has choices without end, at {quoted(text)}. Look whether a list names itself.",
            name=self.where,
        )

    def _drawn(self, source: str, weights: Sequence[Fraction]) -> int:
        """Return the number of the part that the seed chooses."""
        count = self.counts[source]
        self.counts[source] += 1
        self.made += 1
        if self.made > MOST_CHOICES:
            raise self._endless(source)
        return drawn(self.seed, self.where, count, source, weights)


def drawn(seed: int, where: str, count: int, source: str, weights: Sequence[Fraction]) -> int:
    """Return which of the weighed parts is chosen, as the top of this file says; all weights 0 count as all 1."""
    sentence = f"comfyui studio choice 1\n{seed}\n{where}\n{count}\n{source}"
    digest = sha256(sentence.encode("utf-8", "surrogatepass")).digest()
    if not any(weights):
        weights = [Fraction(1)] * len(weights)
    left = Fraction(int.from_bytes(digest[:8], "big"), 1 << 64) * sum(weights)
    for number, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return number
    raise AssertionError("what is drawn is less than the sum of all weights")


def _weight(text: str) -> Fraction:
    found = _WEIGHT.match(text)
    return Fraction(found[1]) if found else Fraction(1)


def _weighed(part: tuple[_Piece, ...]) -> tuple[tuple[_Piece, ...], Fraction]:
    """Return a part without its weight, and the weight."""
    first = part[0] if part else ""
    found = _WEIGHT.match(first) if isinstance(first, str) else None
    if found is None or not isinstance(first, str):
        return part, Fraction(1)
    return (first[found.end() :], *part[1:]), Fraction(found[1])


def _read(text: str) -> tuple[_Piece, ...]:
    """Take a text apart. Braces that are never closed, or hold no ``|``, are text."""
    groups = [_Group(0)]
    last = 0
    for token in _TOKEN.finditer(text):
        _put(groups, text[last : token.start()])
        last = token.end()
        _take(groups, token, text)
    _put(groups, text[last:])
    while len(groups) > 1:
        _flatten(groups)
    return tuple(groups[0].parts[0])


def _take(groups: list[_Group], token: re.Match[str], text: str) -> None:
    sign = token[0]
    if token["name"] is not None:
        groups[-1].parts[-1].append(_Named(sign, token["name"]))
    elif sign == "{":
        if len(groups) > DEEPEST:
            raise InvalidValue(f"There are more than {DEEPEST} braces in braces. Close some of them.", name="prompt")
        groups.append(_Group(token.start()))
    elif sign == "|" and len(groups) > 1:
        groups[-1].parts.append([])
    elif sign == "}" and len(groups) > 1:
        _close(groups, text[groups[-1].start : token.end()])
    else:
        _put(groups, sign[1:] if sign.startswith("\\") else sign)


def _close(groups: list[_Group], source: str) -> None:
    if len(groups[-1].parts) == 1:
        _flatten(groups)
        _put(groups, "}")
        return
    group = groups.pop()
    groups[-1].parts[-1].append(_Choice(source, tuple(tuple(part) for part in group.parts)))


def _flatten(groups: list[_Group]) -> None:
    """Make text of braces that were opened."""
    group = groups.pop()
    here = groups[-1].parts[-1]
    for number, part in enumerate(group.parts):
        here.append("|" if number else "{")
        here.extend(part)


def _put(groups: list[_Group], text: str) -> None:
    if text:
        groups[-1].parts[-1].append(text)
