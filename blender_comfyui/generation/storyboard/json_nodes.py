"""JSON with the line of everything in it: the same nodes that YAML is read into, so that both are checked alike.

YAML's own reader cannot take JSON as it is: tabs, numbers such as 1e5, and letters beyond 16 bits go wrong.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, decoder
from pathlib import Path
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..tasks.errors import InFile
from ..tasks.yaml_file import Item, error_at, measured

F = TypeVar("F", bound=InFile)

_TAG = "tag:yaml.org,2002:"
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
_DEEPEST = 50


class _Wrong(Exception):
    """What is wrong, and at which character."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.at = at


def json_item(text: str, path: Path, fault: type[F]) -> Item[F] | None:
    """Return the value that a text holds, None for nothing. Raises ``fault`` with the line."""
    try:
        node = _Reader(text).whole()
    except _Wrong as wrong:
        line = text.count("\n", 0, wrong.at) + 1
        raise error_at(path, line, f"this is no JSON: {wrong}.", fault) from None
    return None if node is None else measured(Item(node, path, fault))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._line = 0  # of what was read last: values come in order
        self._depth = 0

    def whole(self) -> Node | None:
        at = self._skip(0)
        if at == len(self._text):
            return None
        node, at = self._value(at)
        at = self._skip(at)
        if at < len(self._text):
            raise _Wrong(f"{self._seen(at)} comes after its end", at)
        return node

    def _value(self, at: int) -> tuple[Node, int]:
        first = self._text[at : at + 1]
        if first in ("{", "["):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise _Wrong("its values are nested too deeply", at)
            found = self._mapping(at) if first == "{" else self._sequence(at)
            self._depth -= 1
            return found
        if first == '"':
            value, end = self._string(at)
            return ScalarNode(f"{_TAG}str", value, self._mark(at), None, '"'), end
        return self._plain(at)

    def _mapping(self, start: int) -> tuple[Node, int]:
        mark = self._mark(start)
        pairs: list[tuple[Node, Node]] = []
        at = self._skip(start + 1)
        while self._text[at : at + 1] != "}":
            if pairs:
                at = self._after(at, ",", "a comma or a closing brace is missing")
            if self._text[at : at + 1] != '"':
                raise _Wrong(f"a name in double quotes belongs where {self._seen(at)} is", at)
            name_mark = self._mark(at)
            name, at = self._string(at)
            at = self._after(self._skip(at), ":", "the colon after a name is missing")
            value, at = self._value(at)
            pairs.append((ScalarNode(f"{_TAG}str", name, name_mark, None, '"'), value))
            at = self._skip(at)
        return MappingNode(f"{_TAG}map", pairs, mark), at + 1

    def _sequence(self, start: int) -> tuple[Node, int]:
        mark = self._mark(start)
        values: list[Node] = []
        at = self._skip(start + 1)
        while self._text[at : at + 1] != "]":
            if values:
                at = self._after(at, ",", "a comma or a closing bracket is missing")
            value, at = self._value(at)
            values.append(value)
            at = self._skip(at)
        return SequenceNode(f"{_TAG}seq", values, mark), at + 1

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = decoder.scanstring(self._text, at + 1, True)  # type: ignore[attr-defined]
            return str(value), int(end)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated"):
                raise _Wrong("a text has no closing quote", at) from None
            raise _Wrong("a text holds a character that has to be written with a backslash", error.pos) from None

    def _plain(self, at: int) -> tuple[Node, int]:
        for word, kind in _WORDS.items():
            if self._text.startswith(word, at):
                return ScalarNode(_TAG + kind, word, self._mark(at)), at + len(word)
        number = _NUMBER.match(self._text, at)
        if number is None:
            raise _Wrong(f"a value belongs where {self._seen(at)} is", at)
        kind = "float" if number[1] or number[2] else "int"
        return ScalarNode(_TAG + kind, number[0], self._mark(at)), number.end()

    def _after(self, at: int, sign: str, sentence: str) -> int:
        if self._text[at : at + 1] != sign:
            raise _Wrong(f"{sentence} before {self._seen(at)}", at)
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _seen(self, at: int) -> str:
        return f"“{self._text[at]}”" if at < len(self._text) else "the end of the file"

    def _mark(self, at: int) -> yaml.Mark:
        while self._line + 1 < len(self._lines) and self._lines[self._line + 1] <= at:
            self._line += 1
        return yaml.Mark("", at, self._line, at - self._lines[self._line], None, 0)
