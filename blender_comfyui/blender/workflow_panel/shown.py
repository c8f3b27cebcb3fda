"""Which parameters the panel shows, in which order, in which groups, under which names; kept in the .blend as JSON."""

import json
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import forms
from .building import Built
from .state import ComfyImported

_MANY = 60  # parameters shown at first: a panel with more is a form, not a panel
_REMEMBERED = 8
_PROMPTS = ("prompt", "negative_prompt")
_SAID = {
    "cfg": "CFG",
    "ckpt": "checkpoint",
    "clip": "CLIP",
    "fps": "FPS",
    "id": "ID",
    "lora": "LoRA",
    "unet": "diffusion model",
    "url": "URL",
    "vae": "VAE",
}


@dataclass(frozen=True)
class Shown:
    """One line of the panel: the property's name, what stands before it, the title of its group."""

    name: str
    label: str
    group: str


Layout = tuple[Shown, ...]
_known: OrderedDict[tuple[str, str], Layout] = OrderedDict()


def layout(imported: ComfyImported, built: Built) -> Layout:
    """Return what the panel shows. Made once, and when it was changed."""
    key = (imported.stamp, imported.layout)
    if key not in _known:
        _known[key] = _loaded(imported.layout, built)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[key]


def usual(built: Built) -> Layout:
    """Return what is shown as long as nobody has chosen anything else."""
    wanted = [name for name, one in built.parameters.items() if one.shown and forms.form_of(one)]
    return tuple(_line(built, name) for name in wanted[:_MANY])


def keep(imported: ComfyImported, built: Built, lines: Layout) -> None:
    """Show these lines from now on."""
    rows = [[line.name, line.label, line.group] for line in lines]
    imported.layout = "" if lines == usual(built) else json.dumps(rows, ensure_ascii=False)


def spoken(label: str) -> str:
    """Return a name of an input as people say it: "Sampler" for sampler_name. What somebody wrote stays."""
    if " " in label or label != label.lower():
        return label
    words = label.rpartition(".")[2].split("_")
    if len(words) > 1 and words[-1] == "name":
        words.pop()
    said = [_SAID.get(word, word) for word in words if word]
    text = " ".join(said)
    return text[:1].upper() + text[1:] or label


def groups(lines: Layout) -> list[tuple[str, list[Shown]]]:
    """Return the groups in the order of their first lines."""
    found: dict[str, list[Shown]] = {}
    for line in lines:
        found.setdefault(line.group, []).append(line)
    return list(found.items())


def with_added(lines: Layout, built: Built, name: str) -> Layout:
    """Add a parameter to the end of its group."""
    if any(line.name == name for line in lines) or name not in built.parameters:
        return lines
    added = _line(built, name)
    last = max((at for at, line in enumerate(lines) if line.group == added.group), default=len(lines) - 1)
    return (*lines[: last + 1], added, *lines[last + 1 :])


def without(lines: Layout, name: str) -> Layout:
    return tuple(line for line in lines if line.name != name)


def with_renamed(lines: Layout, name: str, label: str, group: str) -> Layout:
    """Give a line another label and group; without a text it keeps its own."""
    return tuple(
        replace(line, label=label.strip() or line.label, group=group.strip() or line.group)
        if line.name == name
        else line
        for line in lines
    )


def with_group_renamed(lines: Layout, group: str, title: str) -> Layout:
    """Give a group another title; one that another group has makes one of both."""
    return tuple(replace(line, group=title.strip() or group) if line.group == group else line for line in lines)


def with_moved(lines: Layout, name: str, by: int, unseen: Collection[str] = ()) -> Layout:
    """Move a line up or down in its group, past those that are `unseen`; its first or last one moves the group."""
    grouped = groups(lines)
    for at, (_, members) in enumerate(grouped):
        place = next((index for index, line in enumerate(members) if line.name == name), None)
        if place is None:
            continue
        target = place + by
        while by and 0 <= target < len(members) and members[target].name in unseen:
            target += by
        if 0 <= target < len(members):
            members.insert(target, members.pop(place))
        else:
            grouped.insert(max(at + by, 0), grouped.pop(at))
        break
    return tuple(line for _, members in grouped for line in members)


def addable(built: Built, lines: Layout) -> list[str]:
    """Return the properties of all parameters that could be shown and are not."""
    present = {line.name for line in lines}
    return [name for name, one in built.parameters.items() if name not in present and forms.form_of(one)]


def _line(built: Built, name: str) -> Shown:
    parameter = built.parameters[name]
    node_type = built.node_types.get(parameter.class_type)
    is_untitled = parameter.group == parameter.class_type and node_type is not None
    # the inputs of both prompts are called "text"
    is_prompt = parameter.role in _PROMPTS and parameter.label == parameter.input_name
    label = spoken(parameter.role if is_prompt else parameter.label)
    return Shown(name, label, node_type.display_name if is_untitled else parameter.group)


def _whole(text: str) -> str:
    """Halves of characters, which JSON can hold and Blender cannot, become "?"."""
    return text.encode(errors="replace").decode()


def _loaded(text: str, built: Built) -> Layout:
    if not text:
        return usual(built)
    try:
        return tuple(_valid(json.loads(text), built))
    except (ValueError, RecursionError):
        return usual(built)


def _valid(rows: Any, built: Built) -> Iterable[Shown]:
    """Parameters that the workflow no longer has are left out, as are those that come again."""
    if not isinstance(rows, list):
        raise ValueError("no list")
    left = set(built.parameters)
    for row in rows:
        match row:
            case [str(name), str(label), str(group)] if name in left:
                left.discard(name)
                yield Shown(name, _whole(label), _whole(group))
