"""Where a parameter of a task lives in any workflow. No bpy, no network.

Beside the roles of ``workflow.roles`` and “node title.input” these have a place:

- ``image`` and ``mask``: the files that a workflow loads. Of several pictures the one whose node is titled so, else the
  first; what is loaded as a mask, or titled so, is the mask.
- ``fps``: every input of this name and ``frame_rate``.
- any other name: the input of this name, where just one node has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...workflow.errors import AmbiguousParameter, InvalidValue, UnknownParameter
from ...workflow.graph import Place, Workflow
from ...workflow.parameters import LARGEST_SEED, find_place, set_parameters
from ...workflow.roles import ROLES, find_roles
from ...workflow.tracing import value_at
from ...workflow.wording import quoted
from ..choices import SERVERS_FIRST
from ..drawings import Drawing
from .errors import ParameterValidationError

_LOADERS = frozenset({"LoadImage", "LoadImageMask", "LoadImageOutput"})
_ALIKE = {"fps": ("fps", "frame_rate")}
_SEED = "seed"


class Places:
    """The places of one workflow, looked up once."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._roles = find_roles(workflow)

    def of(self, name: str) -> tuple[Place, ...]:
        """Return where a parameter is set; () where the workflow has no place for it.

        Raises ParameterValidationError for a title that several nodes share.
        """
        if name in ROLES:
            return self._roles.get(name, ())
        if name in ("image", "mask"):
            return _loaded(self.workflow, name)
        found = tuple(
            Place(node.id, alike)
            for node in self.workflow.nodes.values()
            for alike in _ALIKE.get(name, (name,))
            if alike in node.inputs and node.link(alike) is None
        )
        if found:
            return found if len(found) == 1 or name in _ALIKE else ()
        return self._named(name) if "." in name else ()

    def value(self, name: str) -> object:
        """Return what the workflow itself has where a parameter is set; of several values the first."""
        place = self.of(name)[0]
        return value_at(self.workflow.nodes, place)

    def arranged(self, values: Mapping[str, object], series: Mapping[str, int]) -> dict[str, object]:
        """Return values by names that ``set_parameters`` knows, several or growing ones spread over their places.

        Of several values there may be fewer than places: they begin again. Raises ParameterValidationError for what
        does not fit.
        """
        found: dict[str, object] = {}
        names: dict[str, str] = {}
        for name, value in values.items():
            settable = self._settable(name, value, series.get(name, 0))
            found |= settable
            names |= dict.fromkeys(settable, name)
        try:
            set_parameters(self.workflow, {name: value for name, value in found.items() if not is_open(value)})
        except (InvalidValue, UnknownParameter, AmbiguousParameter) as error:
            raise ParameterValidationError(str(error), name=names.get(error.name, error.name)) from error
        return found

    def _settable(self, name: str, value: object, step: int) -> dict[str, object]:
        places = self.of(name)
        if isinstance(value, list | tuple):
            return _spread(name, value, places)
        if step and len(places) > 1 and isinstance(value, int):
            return _spread(name, _growing(name, value, step, len(places)), places)
        return {name: value} if name in ROLES else {_explicit(place): value for place in places}

    def _named(self, name: str) -> tuple[Place, ...]:
        try:
            return (find_place(self.workflow, name),)
        except UnknownParameter:
            return ()
        except AmbiguousParameter as error:
            raise ParameterValidationError(str(error), name=name) from error


def is_open(value: object) -> bool:
    """Tell what is settled only when the job is sent: the server's first choice, a file or a drawing of ours."""
    return value is SERVERS_FIRST or isinstance(value, Path | Drawing)


def _spread(name: str, values: Sequence[object], places: tuple[Place, ...]) -> dict[str, object]:
    if not values:
        raise ParameterValidationError(f"{quoted(name)} has no value. Give it one, or leave it out.", name=name)
    if len(values) > len(places):
        raise ParameterValidationError(
            f"{quoted(name)} has {len(values)} values, but the workflow has only {len(places)} "
            f"{'place' if len(places) == 1 else 'places'} for it.",
            name=name,
        )
    return {_explicit(place): values[number % len(values)] for number, place in enumerate(places)}


def _growing(name: str, value: int, step: int, count: int) -> list[int]:
    numbers = [value + step * place for place in range(count)]
    return [number % (LARGEST_SEED + 1) for number in numbers] if name == _SEED else numbers


def _explicit(place: Place) -> str:
    return f"{place.node_id}.{place.input_name}"


def _loaded(workflow: Workflow, name: str) -> tuple[Place, ...]:
    nodes = [node for node in workflow.nodes.values() if node.class_type in _LOADERS and node.link("image") is None]
    masks = [node for node in nodes if node.class_type == "LoadImageMask"]
    masks = masks or [node for node in nodes if "mask" in node.title.lower()]
    if name == "mask":
        fitting = masks
    else:
        fitting = [node for node in nodes if node not in masks]
        fitting = [node for node in fitting if node.title.lower() in ("image", "picture")] or fitting
    return tuple(Place(node.id, "image") for node in fitting[:1] if "image" in node.inputs)
