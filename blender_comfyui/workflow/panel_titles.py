"""Titles and labels of a panel that tell one from another: two pictures, two samplers, two steps. No bpy, no network.

Groups of one title become one in the panel, which is well for a prompt and a negative prompt. Where lines of one name
would come together, the groups are called by what they feed ("Load Image (first frame)"), else they are counted; lines
of one name in one group are counted.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .graph import Workflow

if TYPE_CHECKING:
    from .panel_parameters import Parameter

PROMPTS = frozenset({"prompt", "negative_prompt"})
_ENCODER = re.compile(r"CLIP Text Encode \((.+)\)")
# Inputs that many nodes have under these names: they do not say which of two pictures it is.
_COMMON = re.compile(
    r"(images?|video|audio|input|source|mask|pixels|samples|latent\w*|model|clip|clip_vision|vae|value)[_\d]*"
)


def group_title(node_title: str) -> str:
    """Return a node's title as a group's: "Positive Prompt" for "CLIP Text Encode (Positive Prompt)"."""
    found = _ENCODER.fullmatch(node_title)
    return found[1] if found else node_title


def told_apart(workflow: Workflow, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return the parameters of a panel with titles and labels that tell those that are shown apart."""
    shown = [one for one in parameters if one.shown and not one.when]
    titles = _titles(workflow, shown)
    labels = _labels(shown, titles)
    return tuple(
        replace(one, group=titles.get(one.group_id, one.group), label=labels.get(one.key, one.label))
        if one.group_id in titles or one.key in labels
        else one
        for one in parameters
    )


def _said(one: Parameter) -> str:
    """What the panel calls a parameter: prompts that are only called "text" have the names of their roles."""
    return one.role if one.role in PROMPTS and one.label == one.input_name else one.label.casefold()


def _titles(workflow: Workflow, shown: Iterable[Parameter]) -> dict[str, str]:
    """Return other titles of groups, by their ids."""
    sharing: dict[str, dict[str, list[str]]] = {}
    for one in shown:
        sharing.setdefault(one.group, {}).setdefault(one.group_id, []).append(_said(one))
    found: dict[str, str] = {}
    fed_by: dict[str, str] = {}
    for title, groups in sharing.items():
        kinds = Counter(said for lines in groups.values() for said in set(lines))
        if len(groups) > 1 and max(kinds.values()) > 1:
            fed_by = fed_by or _fed_by(workflow)
            found |= _named(title, tuple(groups), fed_by, sharing)
    return found


def _named(title: str, ids: tuple[str, ...], fed_by: Mapping[str, str], taken: Mapping[str, object]) -> dict[str, str]:
    fed = [fed_by.get(group_id, "") for group_id in ids]
    if all(fed) and len(set(fed)) == len(fed):
        return {group_id: f"{title} ({name})" for group_id, name in zip(ids, fed, strict=True)}
    free = (name for number in itertools.count(2) if (name := f"{title} {number}") not in taken)
    return dict(zip(ids[1:], free, strict=False))


def _fed_by(workflow: Workflow) -> dict[str, str]:
    """Return the first input that each node feeds, of those whose names say something."""
    found: dict[str, str] = {}
    for node in workflow.nodes.values():
        for name, link in node.links().items():
            short = name.rsplit(".", 1)[-1]
            if not _COMMON.fullmatch(short):
                found.setdefault(link.node_id, short.replace("_", " "))
    return found


def _labels(shown: Iterable[Parameter], titles: Mapping[str, str]) -> dict[str, str]:
    """Return other labels of parameters, by their keys."""
    found: dict[str, str] = {}
    taken: Counter[tuple[str, str]] = Counter()
    for one in shown:
        said = titles.get(one.group_id, one.group), _said(one)
        taken[said] += 1
        if taken[said] > 1:
            label = one.role if one.role in PROMPTS and one.label == one.input_name else one.label
            found[one.key] = f"{label} {taken[said]}" if _is_written(label) else f"{label}_{taken[said]}"
    return found


def _is_written(label: str) -> bool:
    """False for the name of an input."""
    return " " in label or label != label.lower()
