"""From the workflow in the .blend to what its panel is made of; kept until either changes. Needs no server."""

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from ...workflow.errors import WorkflowError
from ...workflow.graph import Link, Workflow
from ...workflow.missing_classes import packs_of
from ...workflow.model_sources import ModelSource, sources_of
from ...workflow.node_types import NodeTypes
from ...workflow.panel_parameters import Parameter, panel_parameters
from ...workflow.panel_widgets import Kind
from . import state
from .contents import Contents
from .state import ComfyImported

_LONGEST_NAME = 63  # bytes of a custom property's name
_REMEMBERED = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Built:
    """A workflow's parameters, each by the name of the custom property that holds its value."""

    contents: Contents
    workflow: Workflow
    node_types: NodeTypes
    parameters: Mapping[str, Parameter]

    @cached_property
    def names(self) -> Mapping[str, list[str]]:
        """The properties by the key of their parameters: choices of a menu may bring inputs of the same one."""
        found: dict[str, list[str]] = {}
        for name, parameter in self.parameters.items():
            found.setdefault(parameter.key, []).append(name)
        return found

    @cached_property
    def packs(self) -> Mapping[str, str]:
        """The node packs that the file names, by class."""
        return _told(packs_of, self.contents.ui)

    @cached_property
    def sources(self) -> Mapping[str, ModelSource]:
        """Where models are to be had, as the file tells it."""
        return _told(sources_of, self.contents.ui)

    @cached_property
    def pays(self) -> bool:
        """Whether nodes ask services that want an account."""
        types = (self.node_types.get(node.class_type) for node in self.workflow.nodes.values())
        return any(node_type is not None and node_type.api_node for node_type in types)

    @cached_property
    def masked(self) -> frozenset[str]:
        """The properties of images whose mask something else takes."""
        taken = {source for node in self.workflow.nodes.values() for source in node.links().values()}
        return frozenset(
            name
            for name, one in self.parameters.items()
            if one.kind is Kind.IMAGE and any(Link(one.node_id, slot) in taken for slot in self._masks_of(one))
        )

    def _masks_of(self, parameter: Parameter) -> list[int]:
        node_type = self.node_types.get(parameter.class_type)
        outputs = node_type.outputs if node_type else ()
        return [slot for slot, output in enumerate(outputs) if output.type == "MASK"]

    @cached_property
    def conditional(self) -> frozenset[str]:
        """The properties that are there only with certain choices of a menu."""
        return frozenset(name for name, parameter in self.parameters.items() if parameter.visible_when)


_known: OrderedDict[str, Built | None] = OrderedDict()


def built(imported: ComfyImported) -> Built | None:
    """Return what the panel of the .blend's workflow is made of; None where there is nothing to show."""
    stamp = imported.stamp
    if stamp not in _known:
        _known[stamp] = _build(state.contents(imported))
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[stamp]


def _build(contents: Contents | None) -> Built | None:
    try:
        return build(contents) if contents is not None and contents.api is not None else None
    except WorkflowError:  # whoever wrote this .blend did not check it
        return None


def build(contents: Contents) -> Built:
    """Raises WorkflowError for what is no workflow."""
    assert contents.api is not None
    workflow, node_types = Workflow.load(contents.api), NodeTypes.from_object_info(contents.definitions)
    try:
        found = panel_parameters(workflow, node_types, contents.ui)
    except WorkflowError:  # the file of the editor says more of a panel, but it goes without
        found = panel_parameters(workflow, node_types)
    return Built(contents, workflow, node_types, _named(found))


def _told(tell: Callable[[Mapping[str, Any]], Mapping[str, T]], ui: Mapping[str, Any] | None) -> Mapping[str, T]:
    with contextlib.suppress(WorkflowError):
        return tell(ui) if ui is not None else {}
    return {}


def property_name(key: str) -> str:
    """Return a name that Blender takes for a custom property: one that is too long ends in a checksum."""
    encoded = key.encode()
    if len(encoded) <= _LONGEST_NAME:
        return key
    checksum = hashlib.sha256(encoded).hexdigest()[:12]
    return encoded[: _LONGEST_NAME - 13].decode(errors="ignore") + "~" + checksum


def _named(parameters: tuple[Parameter, ...]) -> dict[str, Parameter]:
    named: dict[str, Parameter] = {}
    for parameter in parameters:
        name = property_name(parameter.key)
        if name in named:  # another choice of a menu brings an input of the same name
            name = property_name(f"{parameter.key} {parameter.when!r}" + "~" * _LONGEST_NAME)
        named[name] = parameter
    return named
