"""A storyboard as a text in JSON or YAML, which `reading` reads back equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from .model import Panel, Storyboard

_WIDTH = 120
_BREAKS = frozenset("\x85\u2028\u2029")  # line breaks to YAML, which reads them as others in a plain text


def to_json(storyboard: Storyboard) -> str:
    """Return a storyboard in JSON, for a file that ends in .json."""
    return json.dumps(_plain(storyboard), ensure_ascii=False, indent=2) + "\n"


def to_yaml(storyboard: Storyboard) -> str:
    """Return a storyboard in YAML, for a file that ends in .yaml."""
    text = yaml.dump(_plain(storyboard), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH)
    return str(text)


class _Dumper(yaml.SafeDumper):
    """Quotes what would not come back as it was."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = None if _BREAKS.isdisjoint(text) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _plain(storyboard: Storyboard) -> dict[str, object]:
    """Return what a file says: nothing that it would say by itself."""
    told: dict[str, object] = {"id": storyboard.id}
    if storyboard.title:
        told["title"] = storyboard.title
    told["seed"] = storyboard.seed
    if storyboard.width and storyboard.height:
        told["resolution"] = f"{storyboard.width}x{storyboard.height}"
    told |= {"task": storyboard.task, "tier": storyboard.tier}
    style = {"before": storyboard.before, "after": storyboard.after}
    if any(style.values()):
        told["style"] = {name: text for name, text in style.items() if text}
    if storyboard.parameters:
        told["parameters"] = _parameters(storyboard.parameters)
    return told | {"panels": [_panel(panel) for panel in storyboard.panels]}


def _panel(panel: Panel) -> dict[str, object]:
    told: dict[str, object] = {"id": panel.id, "prompt": panel.prompt}
    if panel.negative_prompt:
        told["negative_prompt"] = panel.negative_prompt
    told["seconds"] = panel.seconds
    if panel.seed is not None:
        told["seed"] = panel.seed
    if panel.parameters:
        told["parameters"] = _parameters(panel.parameters)
    return told


def _parameters(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: _value(value) for name, value in parameters.items()}


def _value(value: object) -> object:
    if isinstance(value, Path):
        return value.as_posix()
    return list(value) if isinstance(value, tuple) else value
