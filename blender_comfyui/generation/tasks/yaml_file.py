"""YAML with the line of everything in it, read safely: plain values only, no bombs, no surprises. No bpy here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .errors import InFile, InvalidQualityTierError

F = TypeVar("F", bound=InFile)
Plain: TypeAlias = str | int | float | bool | None

_DEEPEST = 12
_LONGEST_NUMBER = 400  # characters
_LONGEST_SAID = 500


class Item(Generic[F]):
    """A value in a file. Its errors, of the class ``fault``, name file, line and key."""

    def __init__(self, node: Node, path: Path, fault: type[F], key: str = "", line: int = 0) -> None:
        self.node = node
        self.path = path
        self.fault = fault
        self.key = key
        # an alias stands where its anchor is; what names it stands where it is used
        self.line = line or node.start_mark.line + 1

    def error(self, sentence: str) -> F:
        at = f"{self.path.name}, line {self.line}" + (f", {_plain(self.key)}" if self.key else "")
        return self.fault(f"{at}: {_plain(sentence)}", path=self.path, line=self.line, key=self.key)

    def pairs(self) -> Iterator[tuple[str, Item[F]]]:
        """Yield the keys and values of a mapping, its own and then those that it merges (``<<``).

        Raises for anything else, and for a key that is there twice.
        """
        if not isinstance(self.node, MappingNode):
            raise self.error(f"a mapping belongs here, not {_noun(self.node)}.")
        lines: dict[str, int] = {}
        merged: list[Item[F]] = []
        for key_node, value_node in self.node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged.append(Item(value_node, self.path, self.fault, f"{self.key}.<<", line))
                continue
            name = _key(Item(key_node, self.path, self.fault, self.key))
            item = Item(value_node, self.path, self.fault, f"{self.key}.{name}" if self.key else name, line)
            if name in lines:
                raise item.error(f"this is here twice, before that in line {lines[name]}. Remove one of them.")
            lines[name] = line
            yield name, item
        yield from _merged(merged, set(lines))

    def items(self) -> list[Item[F]] | None:
        """Return the values of a list; None for anything else."""
        if not isinstance(self.node, SequenceNode):
            return None
        return [Item(node, self.path, self.fault, f"{self.key}[{place}]") for place, node in enumerate(self.node.value)]

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


def read(path: Path) -> Item[InvalidQualityTierError] | None:
    """Read a file of quality tiers; None where it holds nothing. Raises InvalidQualityTierError with the line, and
    OSError."""
    return item(read_bytes(path, InvalidQualityTierError), path, InvalidQualityTierError)


def read_bytes(path: Path, fault: type[InFile]) -> bytes:
    """Read a file, and of one that is too large just enough to see that. Raises OSError."""
    with path.open("rb") as file:
        return file.read(fault.most_bytes + 1)


def item(data: bytes, path: Path, fault: type[F]) -> Item[F] | None:
    """Return the value that a file of this name holds, None for nothing. Raises ``fault`` with the line."""
    node = _composed(text_of(data, path, fault), path, fault)
    return None if node is None else measured(Item(node, path, fault))


def text_of(data: bytes, path: Path, fault: type[InFile]) -> str:
    """Return a file's text. Raises ``fault``."""
    if len(data) > fault.most_bytes:
        sentence = f"the file has more than {fault.most_bytes >> 20} MB; this is no {fault.noun}."
        raise error_at(path, 1, sentence, fault)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise error_at(path, line, "this is not in UTF-8. Save the file in that encoding.", fault) from None


def _composed(text: str, path: Path, fault: type[InFile]) -> Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise error_at(path, line, "there is a character that YAML does not allow. Remove it.", fault) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise error_at(path, mark.line + 1 if mark else 1, _said(error, text, mark), fault) from None
    except RecursionError:
        raise error_at(path, 1, "its values are nested too deeply.", fault) from None


def _said(error: yaml.MarkedYAMLError, text: str, mark: yaml.Mark | None) -> str:
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "there is a tab. YAML is indented with spaces only."
    told = ", ".join(part for part in (error.context, error.problem) if part)
    return f"this is no YAML ({_plain(told)})."


def measured(root: Item[F]) -> Item[F]:
    """Return it as it is; raise for what unfolds to more than anyone would write, or into itself."""
    waiting = [(root.node, 0)]
    for _ in range(root.fault.most_values):
        if not waiting:
            return root
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise Item(node, root.path, root.fault).error("its values are nested too deeply, or an alias holds itself.")
        for child in node.value if isinstance(node, MappingNode | SequenceNode) else ():
            waiting += [(part, depth + 1) for part in (child if isinstance(child, tuple) else (child,))]
    raise Item(waiting[-1][0], root.path, root.fault).error("its aliases unfold to far too many values.")


def _merged(items: list[Item[F]], known: set[str]) -> Iterator[tuple[str, Item[F]]]:
    """Yield what mappings, and lists of mappings, have besides what is known; of the same key the first."""
    for item in items:
        for one in item.items() or [item]:
            for name, value in one.pairs():
                if name not in known:
                    known.add(name)
                    yield name, value


def _key(item: Item[F]) -> str:
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


def error_at(path: Path, line: int, sentence: str, fault: type[F]) -> F:
    """Make an error about a line."""
    return fault(f"{path.name}, line {line}: {sentence}", path=path, line=line)
