"""What `run` and `check` are asked for: from the words and from a .blend to a task, or a workflow with its values."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...workflow.errors import InvalidValue, UnreadableFile
from ...workflow.graph import Workflow
from ...workflow.loras import Lora
from ...workflow.parameters import LARGEST_SEED
from ...workflow.roles import ROLES
from ...workflow.wording import quoted
from ..request import Request
from ..tasks.places import Places
from ..tasks.preparing import Order, find
from ..tasks.records import Tier
from .command import Command
from .exit_codes import UsageError
from .workflows import Loaded

RANDOM = "random"
_SEEDS = ("seed", "noise_seed")
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Wish:
    """A task with its tier, or where `task` is '' a workflow by itself, or a `request` of a .blend as it is.

    `parameters` are named as in `Session.submit`, and in `Session.run_task` where there is a task. `notes` say what was
    set otherwise.
    """

    parameters: Mapping[str, object] = field(default_factory=dict)
    task: str = ""
    tier: str = ""
    workflow: Loaded | None = None
    loras: tuple[Lora, ...] = ()
    request: Request | None = None
    notes: tuple[str, ...] = ()


def wish(command: Command) -> Wish:
    """Return what is asked for. Raises UsageError, WorkflowError, QualityTierError, ComfyError."""
    options = command.options
    given = _given(options)
    saved = _saved(command)
    if options.workflow is None and not options.task:
        if isinstance(saved, Request):
            return _of_request(saved, given)
        if saved is None:
            raise UsageError("Say what to run: a WORKFLOW, or a --task. Or give Blender a .blend before the command.")
    loaded = command.load(options.workflow) if options.workflow is not None else None
    if loaded is not None and not options.task:
        return Wish(_valued(given, Places(loaded.workflow), {}), workflow=loaded)
    order = saved if isinstance(saved, Order) else None
    return _of_task(command, given, loaded, order)


def _saved(command: Command) -> Order | Request | None:
    scene = command.surroundings.scene
    if scene is None or command.options.workflow is not None:
        return None
    return scene.request() or scene.order()


def _of_request(saved: Request, given: Mapping[str, list[str | Path]]) -> Wish:
    """An imported workflow of a .blend: its values are set in it already."""
    workflow = Workflow.load(saved.prompt)
    return Wish(_valued(given, Places(workflow), {}), workflow=Loaded(workflow, saved.workflow_name), request=saved)


def _of_task(
    command: Command, given: Mapping[str, list[str | Path]], loaded: Loaded | None, saved: Order | None
) -> Wish:
    configuration = command.session.task_book.current()
    saved = saved if saved is not None and command.options.task in (None, saved.task) else None
    name = command.options.task or (saved.task if saved else "")
    found = find(configuration, name)
    tier = command.options.tier or (saved.tier if saved else "") or _standard(found.tiers)
    chosen = find(configuration, name, tier).tiers[tier]
    workflow = loaded.workflow if loaded else _saved_workflow(saved) or chosen.workflow
    parameters = {**(saved.parameters if saved else {}), **_valued(given, Places(workflow), chosen.parameters)}
    own = loaded or (Loaded(workflow, saved.workflow_name) if saved and saved.workflow is not None else None)
    return Wish(parameters, name, tier, own, saved.loras if saved else ())


def _saved_workflow(saved: Order | None) -> Workflow | None:
    if saved is None or saved.workflow is None:
        return None
    return saved.workflow if isinstance(saved.workflow, Workflow) else Workflow.load(saved.workflow)


def _standard(tiers: Mapping[str, Tier]) -> str:
    """The middle is what a panel shows at first."""
    return "standard" if "standard" in tiers else next(iter(tiers), "")


def _given(options: Any) -> dict[str, list[str | Path]]:
    """Return the texts and files by name; a name that comes twice has several."""
    given: dict[str, list[str | Path]] = {}
    texts = [*(["prompt=" + options.prompt] if options.prompt is not None else []), *options.settings]
    for text in texts:
        name, value = _pair(text, "--set", "VALUE")
        given.setdefault(name, []).append(value)
    for text in options.inputs:
        name, value = _pair(text, "--input", "FILE")
        given.setdefault(name, []).append(_file(value, name))
    return given


def _pair(text: str, option: str, what: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"{option} takes NAME={what}, not {quoted(text)}.")
    return name.strip(), value


def _file(text: str, name: str) -> Path:
    path = Path(text).absolute()
    if not path.is_file():
        raise UnreadableFile(f"There is no file {quoted(str(path), 200)} for {quoted(name)}. Check the path.")
    return path


def _valued(given: Mapping[str, list[str | Path]], places: Places, tiers: Mapping[str, object]) -> dict[str, object]:
    """Return values of the kinds that belong there, by names that a session knows."""
    found: dict[str, object] = {}
    for name, texts in given.items():
        here = places.of(name)
        present = tiers.get(name, places.value(name) if here else None)
        present = present[0] if isinstance(present, tuple) and present else present
        values = [_value(name, text, present) for text in texts]
        # a session knows roles and “node.input”; any other name that has one place is that place's
        known = (
            name
            if name in ROLES or name in tiers or "." in name or not here
            else f"{here[0].node_id}.{here[0].input_name}"
        )
        found[known] = values[0] if len(values) == 1 else tuple(values)
    return found


def _value(name: str, given: str | Path, present: object) -> object:
    if isinstance(given, Path):
        return given
    if name.rpartition(".")[2] in _SEEDS:
        return secrets.randbelow(LARGEST_SEED + 1) if given.strip().lower() == RANDOM else given.strip()
    if isinstance(present, bool):
        return _truth(name, given)
    if isinstance(present, int | float):
        return _number(given)
    if isinstance(present, dict | list):
        return _json(name, given)
    return given


def _truth(name: str, given: str) -> bool:
    if given.strip().lower() not in _TRUTHS:
        raise InvalidValue(f"{quoted(name)} must be true or false, not {quoted(given)}.", name=name)
    return _TRUTHS[given.strip().lower()]


def _number(given: str) -> object:
    """Return a number; what is none stays a text, and whoever sets it says so."""
    for kind in (int, float):
        try:
            return kind(given)
        except ValueError:
            continue
    return given


def _json(name: str, given: str) -> object:
    try:
        return json.loads(given)
    except ValueError:
        raise InvalidValue(f"{quoted(name)} must be written as JSON, not {quoted(given)}.", name=name) from None


def without_seed_text(wish: Wish) -> Wish:
    """Return it with seeds as numbers, for who records them."""
    numbers = {
        name: int(value) if name in _SEEDS and isinstance(value, str) and value.isdecimal() else value
        for name, value in wish.parameters.items()
    }
    return replace(wish, parameters=numbers)
