"""YAML with the line of everything in it, read safely: plain values only, no bombs, no surprises. No bpy here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .errors import InvalidQualityTierError

Plain: TypeAlias = str | int | float | bool | None

LARGEST = 1 << 20
"""Bytes of a file."""
_DEEPEST = 12
_MOST = 20_000  # values, those that an alias repeats counted each time
_LONGEST_NUMBER = 400  # characters
_LONGEST_SAID = 500


class Item:
    """A value in a file. Its errors name file, line and key."""

    def __init__(self, node: Node, path: Path, key: str = "", line: int = 0) -> None:
        self.node = node
        self.path = path
        self.key = key
        # an alias stands where its anchor is; what names it stands where it is used
        self.line = line or node.start_mark.line + 1

    def error(self, sentence: str) -> InvalidQualityTierError:
        at = f"{self.path.name}, line {self.line}" + (f", {_plain(self.key)}" if self.key else "")
        return InvalidQualityTierError(f"{at}: {_plain(sentence)}", path=self.path, line=self.line, key=self.key)

    def pairs(self) -> Iterator[tuple[str, Item]]:
        """Yield the keys and values of a mapping, its own and then those that it merges (``<<``).

        Raises for anything else, and for a key that is there twice.
        """
        if not isinstance(self.node, MappingNode):
            raise self.error(f"a mapping belongs here, not {_noun(self.node)}.")
        lines: dict[str, int] = {}
        merged: list[Item] = []
        for key_node, value_node in self.node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged.append(Item(value_node, self.path, f"{self.key}.<<", line))
                continue
            name = _key(Item(key_node, self.path, self.key))
            item = Item(value_node, self.path, f"{self.key}.{name}" if self.key else name, line)
            if name in lines:
                raise item.error(f"this is here twice, before that in line {lines[name]}. Remove one of them.")
            lines[name] = line
            yield name, item
        yield from _merged(merged, set(lines))

    def items(self) -> list[Item] | None:
        """Return the values of a list; None for anything else."""
        if not isinstance(self.node, SequenceNode):
            return None
        return [Item(node, self.path, f"{self.key}[{place}]") for place, node in enumerate(self.node.value)]

    def plain(self) -> Plain:
        """Return a text, a number, a truth value or None; raise for anything else."""
        if not isinstance(self.node, ScalarNode):
            raise self.error(f"a single value belongs here, not {_noun(self.node)}.")
        if len(self.node.value) > _LONGEST_NUMBER and self.node.tag in ("tag:yaml.org,2002:int", _FLOAT):
            raise self.error("this number is too long.")
        try:
            value = yaml.SafeLoader("").construct_object(self.node)
        except (ConstructorError, ValueError):
            raise self.error(f"{self.node.value[:40]!r} cannot be read as what its tag says.") from None
        if value is not None and not isinstance(value, str | int | float | bool):
            raise self.error(f"write “{self.node.value[:40]}” in quotes: YAML takes it for something else than text.")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(f"{value} is no number that one can work with.")
        return value


_FLOAT = "tag:yaml.org,2002:float"
_MERGE = "tag:yaml.org,2002:merge"


def read(path: Path) -> Item | None:
    """Read a file; None where it holds nothing. Raises InvalidQualityTierError with the line, and OSError."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _error(path, 1, f"the file has more than {LARGEST >> 20} MB; this is no file of quality tiers.")
    node = _composed(_text(data, path), path)
    if node is None:
        return None
    item = Item(node, path)
    _measure(item)
    return item


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(path, line, "this is not in UTF-8. Save the file in that encoding.") from None


def _composed(text: str, path: Path) -> Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _error(path, line, "there is a character that YAML does not allow. Remove it.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _error(path, mark.line + 1 if mark else 1, _said(error, text, mark)) from None
    except RecursionError:
        raise _error(path, 1, "its values are nested too deeply.") from None


def _said(error: yaml.MarkedYAMLError, text: str, mark: yaml.Mark | None) -> str:
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "there is a tab. YAML is indented with spaces only."
    told = ", ".join(part for part in (error.context, error.problem) if part)
    return f"this is no YAML ({_plain(told)})."


def _measure(root: Item) -> None:
    """Raise for a file that unfolds to more than anyone would write, or into itself."""
    waiting = [(root.node, 0)]
    for _ in range(_MOST):
        if not waiting:
            return
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise Item(node, root.path).error("its values are nested too deeply, or an alias holds itself.")
        for child in node.value if isinstance(node, MappingNode | SequenceNode) else ():
            waiting += [(part, depth + 1) for part in (child if isinstance(child, tuple) else (child,))]
    raise Item(waiting[-1][0], root.path).error("its aliases unfold to far too many values.")


def _merged(items: list[Item], known: set[str]) -> Iterator[tuple[str, Item]]:
    """Yield what mappings, and lists of mappings, have besides what is known; of the same key the first."""
    for item in items:
        for one in item.items() or [item]:
            for name, value in one.pairs():
                if name not in known:
                    known.add(name)
                    yield name, value


def _key(item: Item) -> str:
    if not isinstance(item.node, ScalarNode):
        raise item.error("a name belongs here, before the colon.")
    name = item.plain()
    if not isinstance(name, str) or not name.strip():
        raise item.error(f"write the name “{item.node.value}” in quotes: YAML takes it for something else than text.")
    return name


def _noun(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, SequenceNode) else f"“{node.value[:40]}”" if node.value else "nothing"


def _plain(text: str) -> str:
    """What a file says, fit to be shown in one line."""
    cut = text if len(text) <= _LONGEST_SAID else text[: _LONGEST_SAID - 1] + "…"
    return "".join(character if character.isprintable() else " " for character in cut)


def _error(path: Path, line: int, sentence: str) -> InvalidQualityTierError:
    return InvalidQualityTierError(f"{path.name}, line {line}: {sentence}", path=path, line=line)
