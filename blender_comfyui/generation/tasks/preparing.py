"""From a task, a tier and a person's parameters to a graph that can be sent. No disk, no network, no bpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from ...workflow.errors import InvalidValue, WorkflowError
from ...workflow.graph import Place, Workflow
from ...workflow.lora_names import Prompt, on_server, tag, taken_out
from ...workflow.lora_names import checked as checked_lora
from ...workflow.loras import Lora, with_loras
from ...workflow.node_types import NodeType
from ...workflow.parameters import set_parameters
from ...workflow.preflight import preflight
from ...workflow.problems import Problem, SetValue
from ...workflow.wildcards import Lists
from ...workflow.wording import nearest, quoted
from ..choices import SERVERS_FIRST
from ..drawings import Drawing
from ..stock import Stock
from .choosing import ASKED, chosen
from .errors import InvalidQualityTierError, ParameterValidationError, WorkflowNotFoundError
from .merging import How, Report, Setting, merged
from .places import Places, is_open
from .records import Configuration, Task, Tier

LORAS = "loras"
"""The name of the stack among the parameters of a report."""


InPlace: TypeAlias = Workflow | Mapping[str, object] | Path | str | None
"""A workflow in the place of a tier's own."""


@dataclass(frozen=True)
class Order:
    """What somebody wants: a task, a tier, and their own parameters, in any workflow but the tier's if there is one.

    ``loras`` is the stack of the panel; those of the prompt come after it. ``workflow_name`` is what a person calls the
    workflow, where it is not named itself.
    """

    task: str
    tier: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    workflow: InPlace = None
    loras: tuple[Lora, ...] = ()
    workflow_name: str = ""


@dataclass(frozen=True)
class Prepared:
    """An order that can be sent: ``parameters`` are set in ``workflow``, by names that ``Session.submit`` knows.

    ``report`` says what became of each parameter that the tier or the person named; ``loras`` are in the workflow;
    ``asked`` are the prompts as they were asked, where the seed has chosen something in them.
    """

    order: Order
    task: Task
    tier: Tier
    workflow: Workflow
    workflow_name: str
    parameters: Mapping[str, object]
    report: Report
    loras: tuple[Lora, ...] = ()
    asked: Mapping[str, object] = field(default_factory=dict)

    @property
    def recorded(self) -> dict[str, object]:
        """Return the values by the names that people use, for the history; LoRAs as a prompt would name them."""
        loras = {LORAS: [tag(lora) for lora in self.loras]} if self.loras else {}
        return readable(self.report.values) | loras | ({ASKED: dict(self.asked)} if self.asked else {})

    @property
    def label(self) -> str:
        """Return the prompt, for lists."""
        prompt = self.report.values.get("prompt", "")
        return " | ".join(map(str, prompt)) if isinstance(prompt, tuple) else str(prompt)


def readable(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return parameters as the history keeps them: of files and drawings their names."""
    return {
        name: value.name if isinstance(value, Path | Drawing) else value
        for name, value in parameters.items()
        if value is not SERVERS_FIRST
    }


def find(configuration: Configuration, task: str, tier: str | None = None) -> Task:
    """Return a task that has this tier; raise InvalidQualityTierError."""
    found = configuration.tasks.get(task)
    if found is None:
        raise _unknown("There is no task", task, configuration.tasks)
    if tier is not None and tier not in found.tiers:
        raise _unknown(f"The task {quoted(task)} has no tier", tier, found.tiers)
    return found


def prepare(
    configuration: Configuration, order: Order, stock: Stock | None = None, *, is_trial: bool = False
) -> Prepared:
    """Make of an order what can be sent. With a server's ``stock`` LoRAs are found by parts of their names.

    For a trial, what a person must give may still be missing.
    Raises InvalidQualityTierError, WorkflowNotFoundError or ParameterValidationError.
    """
    task = find(configuration, order.task, order.tier)
    tier = task.tiers[order.tier]
    workflow, name = _workflow(order, tier)
    order_now, tier, written = _chosen(order, tier, workflow, configuration.lists)
    asked, tier, loras = _loras(order_now, tier, stock)
    if not is_trial:
        _check_needs(task, asked)
    places = Places(workflow)
    report = merged(tier, asked, places)
    settable = places.arranged(report.values, task.series)
    changed = with_loras(workflow, loras, output_types(workflow, stock.node_types) if stock else None)
    if loras:
        report = Report((*report.settings, _of_loras(loras, changed is workflow)))
    put_in = () if changed is workflow else loras
    return Prepared(order, task, tier, changed, name, settable, report, put_in, written)


def checked(prepared: Prepared, stock: Stock) -> tuple[Prepared, tuple[Problem, ...]]:
    """Return an order as a server writes its names, and what keeps that server from running it.

    What is settled only when it is sent is not looked at.
    """
    renamed: dict[str, object] = {}
    settings, problems = [], []
    for problem in _problems(prepared, stock):
        if problem.is_sure and isinstance(problem.action, SetValue):
            value = problem.action.value
            renamed[f"{problem.node_id}.{problem.parameter}"] = value
            name = f"{problem.node_title}.{problem.parameter}"
            settings.append(Setting(name, How.RENAMED, value, sentence=problem.sentence))
        else:
            problems.append(problem)
    if renamed:
        report = Report((*prepared.report.settings, *settings))
        prepared = replace(prepared, parameters={**prepared.parameters, **renamed}, report=report)
    return prepared, tuple(problems)


def _problems(prepared: Prepared, stock: Stock) -> tuple[Problem, ...]:
    open_names = {name for name, value in prepared.parameters.items() if is_open(value)}
    values = {name: value for name, value in prepared.parameters.items() if name not in open_names}
    places = Places(prepared.workflow)
    left_open = {place for name in open_names | set(prepared.task.needs) for place in places.of(name)}
    found = preflight(set_parameters(prepared.workflow, values), stock.node_types)
    return tuple(problem for problem in found if Place(problem.node_id, problem.parameter) not in left_open)


def _unknown(sentence: str, name: str, known: Iterable[str]) -> InvalidQualityTierError:
    names = list(known)
    there = f"There are {', '.join(names)}." if names else "There are none."
    return InvalidQualityTierError(f"{sentence} {quoted(name)}. {there}{nearest(name, names)}")


def _workflow(order: Order, tier: Tier) -> tuple[Workflow, str]:
    given = order.workflow
    if given is None:
        return tier.workflow, tier.workflow_name
    if isinstance(given, Workflow):
        return given, order.workflow_name
    try:
        workflow = Workflow.load(given)
    except WorkflowError as error:
        raise WorkflowNotFoundError(f"The workflow for {quoted(order.task)} cannot be used. {error}") from error
    named = isinstance(given, str) and not given.lstrip().startswith("{")
    return workflow, str(given) if named else order.workflow_name


def _chosen(order: Order, tier: Tier, workflow: Workflow, lists: Lists) -> tuple[Order, Tier, dict[str, object]]:
    """Return the order and the tier with nothing left to choose in their prompts, and those prompts as written."""
    seed = _seed(order, tier, workflow)
    asked, written = chosen(order.parameters, lists, seed)
    own = {name: value for name, value in tier.parameters.items() if order.parameters.get(name) is None}
    tiers, written_by_tier = chosen(own, lists, seed)
    if written_by_tier:
        tier = replace(tier, parameters={**tier.parameters, **tiers})
    return replace(order, parameters=asked), tier, written_by_tier | written


def _seed(order: Order, tier: Tier, workflow: Workflow) -> object:
    """Return the seed that is sent: the person's, else the tier's, else the workflow's own."""
    asked = order.parameters.get("seed", tier.parameters.get("seed"))
    places = Places(workflow)
    return places.value("seed") if asked is None and places.of("seed") else asked


def _loras(order: Order, tier: Tier, stock: Stock | None) -> tuple[dict[str, object], Tier, tuple[Lora, ...]]:
    """Return the parameters and the tier without the LoRAs of the prompt, and all LoRAs that are on, as the server
    calls them."""
    asked = dict(order.parameters)
    loras = [lora for lora in order.loras if lora.on]
    try:
        if asked.get("prompt") is not None:
            asked["prompt"], found = _without_tags(asked["prompt"])
        elif "prompt" in tier.parameters:
            text, found = _without_tags(tier.parameters["prompt"])
            tier = replace(tier, parameters={**tier.parameters, "prompt": text})
        else:
            found = ()
        loras += (lora for lora in found if lora not in loras)
        return asked, tier, tuple(_named(checked_lora(lora), stock) for lora in loras)
    except InvalidValue as error:
        raise ParameterValidationError(str(error), name=error.name) from error


def _without_tags(prompt: Any) -> tuple[Any, tuple[Lora, ...]]:
    """Take the LoRAs out of a prompt, or out of several, each once; the rules refuse what is no text."""
    several = prompt if isinstance(prompt, list | tuple) else (prompt,)
    taken = [taken_out(one) if isinstance(one, str) else Prompt(one, ()) for one in several]
    loras = dict.fromkeys(lora for one in taken for lora in one.loras)
    return (tuple(one.text for one in taken) if several is prompt else taken[0].text), tuple(loras)


def _named(lora: Lora, stock: Stock | None) -> Lora:
    if stock is None or "loras" not in stock.models.folders:
        return lora
    return Lora(on_server(lora.name, stock.models.names("loras")), lora.strength_model, lora.strength_clip)


def _check_needs(task: Task, asked: Mapping[str, object]) -> None:
    for need in task.needs:
        if asked.get(need) is None:
            raise ParameterValidationError(f"{quoted(task.title)} needs {quoted(need)}. Choose a file.", name=need)


def _of_loras(loras: tuple[Lora, ...], is_left_out: bool) -> Setting:
    names = ", ".join(lora.name for lora in loras)
    if is_left_out:
        sentence = f"The LoRAs ({names}) are left out: the workflow has no diffusion model that they could go to."
        return Setting(LORAS, How.NO_PLACE, None, loras, None, sentence)
    return Setting(LORAS, How.ADDED, loras, loras)


def output_types(workflow: Workflow, known: Mapping[str, NodeType]) -> dict[str, tuple[str, ...]]:
    """Return the output types of a workflow's node classes, as far as they are known."""
    classes = {node.class_type for node in workflow.nodes.values()}
    return {name: tuple(output.type for output in known[name].outputs) for name in classes if name in known}
