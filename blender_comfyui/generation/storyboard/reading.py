"""A storyboard from a file, in JSON or YAML: the same keys in both.

::

    id: fox-2026                what names the project in the history, whatever the file is called
    title: The fox
    seed: 42                    the global seed; 0 where it is left out
    resolution: 1920x1080       of the files; kept to what the model can do
    task: scene_generation      as in the files of quality tiers
    tier: standard
    style:
      before: ink drawing       put before and after the prompt of each panel
      after: soft light
    parameters: {steps: 30}     for all panels, named as in Session.run_task
    panels:
      - id: a1                  once in the file; no spaces and no colon
        prompt: a fox in the snow
        negative_prompt: text, frame
        seconds: 2.5            how long it stands; 2 where it is left out
        seed: 7                 in the place of the one that follows from the global seed and the id
        parameters: {cfg: 5.0}  for this panel alone

``task``, ``tier`` and ``panels`` have to be there, and of each panel ``id`` and ``prompt``. Files among the parameters
(``image``, ``mask``) are looked for beside the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from yaml.nodes import ScalarNode

from ...workflow.parameters import LARGEST_SEED
from ...workflow.wording import nearest, quoted
from ..tasks.errors import InFile, QualityTierError
from ..tasks.preparing import find
from ..tasks.records import Configuration, Tier
from ..tasks.rules import checked
from ..tasks.yaml_file import Item as AnyItem
from ..tasks.yaml_file import item, read_bytes, text_of
from .json_nodes import json_item
from .model import MAX_PANELS, MAX_SECONDS, MAX_SIDE, Panel, Storyboard, id_problem, unnamed_id

_TOP = ("id", "title", "seed", "resolution", "task", "tier", "style", "parameters", "panels")
_STYLE = ("before", "after")
_PANEL = ("id", "prompt", "negative_prompt", "seconds", "seed", "parameters")
_FILES = ("image", "mask")
_RESOLUTION = re.compile(r"\s*(\d{1,6})\s*[x×*]\s*(\d{1,6})\s*", re.IGNORECASE)
_LONGEST_TEXT = 20_000
_YAML = (".yaml", ".yml")


class InvalidStoryboard(InFile):
    """A file is no storyboard: what is wrong, with file, line and key, as a sentence."""

    noun: ClassVar[str] = "storyboard"
    most_bytes: ClassVar[int] = 4 << 20
    most_values: ClassVar[int] = 60_000


Item = AnyItem[InvalidStoryboard]


def read(path: Path, configuration: Configuration | None = None) -> Storyboard:
    """Read a file. Waits for the disk; raises InvalidStoryboard, also where the file cannot be read.

    With a ``configuration`` task, tier and values are held against it, too.
    """
    try:
        data = read_bytes(path, InvalidStoryboard)
    except (OSError, ValueError) as error:  # the last one is a path that is none
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise InvalidStoryboard(f"{path.name or path} cannot be read: {reason}.", path=path) from None
    text = text_of(data, path, InvalidStoryboard)
    return _storyboard(text, path, unnamed_id(path.resolve().as_posix()), configuration)


def loads(text: str, name: str = "storyboard", configuration: Configuration | None = None) -> Storyboard:
    """Read a text; ``name`` is what its errors call it, and ends in .json or .yaml where that is to count.

    Raises InvalidStoryboard.
    """
    path = Path(name)
    text_of(text.encode("utf-8", "replace")[: InvalidStoryboard.most_bytes + 1], path, InvalidStoryboard)
    return _storyboard(text, path, unnamed_id(name), configuration)


def _storyboard(text: str, path: Path, unnamed: str, configuration: Configuration | None) -> Storyboard:
    is_yaml = path.suffix.lower() in _YAML
    if path.suffix.lower() == ".json" or (not is_yaml and text.lstrip()[:1] in ("{", "[")):
        root = json_item(text, path, InvalidStoryboard)
    else:
        root = item(text.encode("utf-8", "surrogatepass"), path, InvalidStoryboard)
    if root is None:
        raise InvalidStoryboard(f"{path.name}, line 1: the file is empty.", path=path, line=1)
    return _Reading(path.parent, configuration).storyboard(root, unnamed)


class _Reading:
    """Reads one file that lies in ``folder``."""

    def __init__(self, folder: Path, configuration: Configuration | None) -> None:
        self._folder = folder
        self._configuration = configuration
        self._tier: Tier | None = None

    def storyboard(self, root: Item, unnamed: str) -> Storyboard:
        known = _known(root, _TOP)
        for name in ("task", "tier", "panels"):
            if name not in known:
                raise root.error(f"{quoted(name)} is missing.")
        task, tier = _name(known["task"]), _name(known["tier"])
        self._tier = self._looked_up(known, task, tier)
        style = _known(known["style"], _STYLE) if "style" in known else {}
        width, height = _resolution(known["resolution"]) if "resolution" in known else (0, 0)
        return Storyboard(
            _name(known["id"]) if "id" in known else unnamed,
            _text(known["title"]) if "title" in known else "",
            _seed(known["seed"]) if "seed" in known else 0,
            width,
            height,
            task,
            tier,
            _text(style["before"]) if "before" in style else "",
            _text(style["after"]) if "after" in style else "",
            self._panels(known["panels"]),
            self._parameters(known.get("parameters"), ("prompt", "seed")),
        )

    def _looked_up(self, known: Mapping[str, Item], task: str, tier: str) -> Tier | None:
        if self._configuration is None:
            return None
        try:
            find(self._configuration, task)
        except QualityTierError as error:
            raise known["task"].error(str(error)) from None
        try:
            return find(self._configuration, task, tier).tiers[tier]
        except QualityTierError as error:
            raise known["tier"].error(str(error)) from None

    def _panels(self, item: Item) -> tuple[Panel, ...]:
        items = item.items()
        if items is None:
            raise item.error("a list of panels belongs here, each with an id and a prompt.")
        if not items:
            raise item.error("there are no panels.")
        if len(items) > MAX_PANELS:
            raise item.error(f"there are {len(items)} panels; {MAX_PANELS} are the most.")
        lines: dict[str, int] = {}
        return tuple(self._panel(one, lines) for one in items)

    def _panel(self, item: Item, lines: dict[str, int]) -> Panel:
        known = _known(item, _PANEL)
        for name in ("id", "prompt"):
            if name not in known:
                raise item.error(f"the panel has no {name}.")
        panel_id = _panel_id(known["id"])
        if panel_id in lines:
            raise known["id"].error(
                f"the panel {quoted(panel_id)} is here twice, before that in line {lines[panel_id]}."
            )
        lines[panel_id] = known["id"].line
        return Panel(
            panel_id,
            _text(known["prompt"]),
            _text(known["negative_prompt"]) if "negative_prompt" in known else "",
            _seconds(known["seconds"]) if "seconds" in known else 2.0,
            _seed(known["seed"]) if "seed" in known else None,
            self._parameters(known.get("parameters"), ("prompt", "seed", "negative_prompt")),
        )

    def _parameters(self, item: Item | None, beside: tuple[str, ...]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in item.pairs() if item else ():
            if name in beside:
                raise value.error(f"{quoted(name)} stands beside the parameters of a panel, not among them.")
            found[name] = self._file(value) if name in _FILES else self._value(name, value)
        return found

    def _value(self, name: str, item: Item) -> object:
        items = item.items()
        value = _scalar(item) if items is None else tuple(_scalar(one) for one in items)
        if value == ():
            raise item.error("this list is empty.")
        if self._tier is not None:
            try:
                checked(name, value, self._tier.rules.get(name))
            except QualityTierError as error:
                raise item.error(str(error)) from None
        return value

    def _file(self, item: Item) -> Path:
        name = _name(item)
        path = self._folder / name
        try:
            is_there = path.is_file()
        except (OSError, ValueError):
            is_there = False
        if not is_there:
            raise item.error(f"there is no file {quoted(name)}. Put it beside this one, or write its whole path.")
        return path


def _known(item: Item, names: tuple[str, ...]) -> dict[str, Item]:
    found = {}
    for name, value in item.pairs():
        if name not in names:
            raise value.error(f"{quoted(name)} is not known here. Known are {', '.join(names)}.{nearest(name, names)}")
        found[name] = value
    return found


def _text(item: Item) -> str:
    value = item.plain()
    if not isinstance(value, str):
        hint = "" if value is None else " Write it in quotes."
        raise item.error(f"a text belongs here, not {quoted(_shown(value))}.{hint}")
    if len(value) > _LONGEST_TEXT:
        raise item.error(f"this text is longer than {_LONGEST_TEXT:,} characters.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise item.error("this text holds half a character. Write it anew.")
    return value


def _name(item: Item) -> str:
    text = _text(item).strip()
    if not text:
        raise item.error("this is empty.")
    return text


def _panel_id(item: Item) -> str:
    """Return an id as it is written, also where YAML or JSON would take it for a number, such as 010."""
    node = item.node
    is_written = isinstance(node, ScalarNode) and node.tag != "tag:yaml.org,2002:null"
    panel_id = str(node.value) if is_written else _text(item)
    problem = id_problem(panel_id)
    if problem:
        raise item.error(f"{quoted(panel_id)} cannot be the id of a panel: {problem}.")
    return panel_id


def _number(item: Item) -> int | float:
    value = item.plain()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise item.error(f"a number belongs here, not {quoted(_shown(value))}.")
    return value


def _seed(item: Item) -> int:
    number = _number(item)
    if not isinstance(number, int) or not 0 <= number <= LARGEST_SEED:
        raise item.error(f"a seed is a whole number from 0 to {LARGEST_SEED}, not {quoted(number)}.")
    return number


def _seconds(item: Item) -> float:
    number = _number(item)
    if not 0 < number <= MAX_SECONDS:
        raise item.error(f"a number of seconds above 0 belongs here, up to {MAX_SECONDS:g}, not {quoted(number)}.")
    return float(number)


def _resolution(item: Item) -> tuple[int, int]:
    value = item.plain()
    found = _RESOLUTION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise item.error(f"a resolution such as 1920x1080 belongs here, not {quoted(_shown(value))}.")
    width, height = int(found[1]), int(found[2])
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise item.error(f"{width}x{height} is no resolution: both sides are from 1 to {MAX_SIDE} pixels.")
    return width, height


def _scalar(item: Item) -> str | int | float | bool:
    value = item.plain()
    if value is None:
        raise item.error("a value belongs here.")
    return _text(item) if isinstance(value, str) else value


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
