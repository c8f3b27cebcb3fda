"""Every widget of a workflow as a parameter of a panel, in the order to show them in. No bpy, no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .conversion.layout import MISSING, default_value
from .graph import Node, Place, Workflow
from .node_inputs import DynamicCombo, InputType
from .node_types import NodeType, NodeTypes
from .outputs import outputs_of
from .panel_layout import PanelLayout, Promoted, panel_layout
from .panel_roles import PANEL_ROLES, panel_roles
from .panel_titles import group_title, told_apart
from .panel_widgets import Condition, Kind, NodeWidget, holds, kind_of, widgets_of
from .parameters import LARGEST_SEED

# What becomes of a value after each queueing; the editor's own names.
CONTROLS = ("fixed", "increment", "decrement", "randomize")

_RANK = {role: rank for rank, role in enumerate(PANEL_ROLES)}
_PRIMITIVES = ("Primitive", "CustomCombo")
_SHOWN_OF_TITLED = frozenset(Kind) - {Kind.OTHER}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One widget of one node.

    ``key`` is ``"node_id.input_name"``, as ``set_parameters`` takes it; together with ``when`` it is unique: two
    choices of a menu may bring different inputs of one name, of which at most one is there. ``tied`` are all places
    that its author set to the same value, by a promoted widget or a primitive, its own too; () where there are no
    others. ``role`` is one of PANEL_ROLES, or ''. ``minimum``, ``maximum``, ``step`` and ``round`` are the server's,
    None where it has none; whole numbers are exact to 64 bits. ``control`` is one of CONTROLS, '' for a value that
    stays. ``group`` is the title of the subgraph that the node is in, else of the node, and ``group_id`` its id, for
    titles may be shared, where ``label`` still tells what is shown apart; each group's parameters follow one another.
    ``order`` counts all parameters from 0.
    """

    node_id: str
    node_title: str
    class_type: str
    input_name: str
    label: str
    kind: Kind
    value: Any
    role: str
    shown: bool
    group: str
    group_id: str
    order: int
    control: str
    when: tuple[Condition, ...]
    tied: tuple[Place, ...]
    _input: InputType = field(repr=False)

    @property
    def key(self) -> str:
        return f"{self.node_id}.{self.input_name}"

    @property
    def place(self) -> Place:
        return Place(self.node_id, self.input_name)

    @property
    def also(self) -> tuple[Place, ...]:
        """The other places to set together with this one."""
        return tuple(place for place in self.tied if place != self.place)

    @property
    def default(self) -> Any:
        """What a new node would hold; None where neither the server nor the kind says."""
        default = default_value(self._input)
        return None if default is MISSING else default

    @property
    def minimum(self) -> int | float | None:
        if self._input.minimum is None and self.kind is Kind.SEED:
            return 0
        return self._input.minimum

    @property
    def maximum(self) -> int | float | None:
        if self._input.maximum is None and self.kind is Kind.SEED:
            return LARGEST_SEED
        return self._input.maximum

    @property
    def step(self) -> int | float | None:
        return self._input.step

    @property
    def round(self) -> int | float | None:
        """What values are rounded to."""
        return self._input.round

    @property
    def tooltip(self) -> str:
        return self._input.tooltip

    @property
    def choices(self) -> tuple[Any, ...]:
        """What a menu offers, as the server knows it, the present value not always among it; made when asked for."""
        if isinstance(self._input.dynamic, DynamicCombo):
            return tuple(self._input.dynamic.inputs)
        return self._input.choices

    @property
    def visible_when(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The keys of menus, each with the choices that it must hold one of for this parameter to be there."""
        return tuple((f"{self.node_id}.{condition.input_name}", condition.choices) for condition in self.when)

    def is_visible(self, values: Mapping[str, Any]) -> bool:
        """True where the values by key, of all parameters of the panel, let this one be there."""
        return all(values.get(key) in choices for key, choices in self.visible_when)


def panel_parameters(
    workflow: Workflow, node_types: NodeTypes, ui: Mapping[str, Any] | None = None
) -> tuple[Parameter, ...]:
    """Return the parameters of a workflow, in the order of a panel: by group, what matters most first.

    ``ui`` is the editor's file that the workflow was converted from. It adds what the API format does not keep: which
    widgets authors promoted to their subgraphs, primitives, titles of subgraphs, what becomes of seeds. Inputs with a
    link have no parameter; the primitive behind them does.

    Raises NotAWorkflow or BrokenWorkflow for a ``ui`` that is none.
    """
    layout = panel_layout(ui, node_types) if ui is not None else PanelLayout()
    making = _Making(workflow, node_types, layout, ui is not None)
    return told_apart(workflow, making.made())


@dataclass(slots=True)
class _Found:
    node: Node
    node_type: NodeType | None
    widget: NodeWidget
    kind: Kind
    shown: bool = False

    @property
    def place(self) -> Place:
        return Place(self.node.id, self.widget.name)


class _Making:
    """One panel being made."""

    def __init__(self, workflow: Workflow, node_types: NodeTypes, layout: PanelLayout, has_file: bool) -> None:
        self.workflow = workflow
        self.node_types = node_types
        self.layout = layout
        self.has_file = has_file
        self.found = list(self.widgets())
        by_place = {one.place: (one.widget, one.kind) for one in self.found if _is_on(one)}
        self.roles = panel_roles(workflow, node_types, by_place)
        self.promoted = {place: promoted for promoted in reversed(layout.promoted) for place in promoted.places}
        self.places = {node_id: place for place, node_id in enumerate(workflow.nodes)}
        self.leaders: dict[Place, Place] = {}
        self.tied: dict[Place, tuple[Place, ...]] = {}
        for promoted in reversed(layout.promoted):
            self.tie(promoted)
        running = workflow.ancestors(outputs_of(workflow, node_types))
        # Where no output is linked to what matters, the workflow is broken, and its panel shows what to work with.
        self.running = running if any(place.node_id in running for place in self.roles) else set(workflow.nodes)
        for one in self.found:
            one.shown = self.is_shown(one, one.place)

    def widgets(self) -> list[_Found]:
        found = []
        for node in self.workflow.nodes.values():
            node_type = self.node_types.get(node.class_type)
            for widget in widgets_of(node, node_type):
                found.append(_Found(node, node_type, widget, kind_of(widget, node_type)))
        return found

    def tie(self, promoted: Promoted) -> None:
        """Note which places are set together, and which of them the panel shows."""
        there = tuple(place for place in promoted.places if self.holds_value(place))
        if there:
            leader = min(there, key=lambda place: (place not in self.roles, self.places[place.node_id]))
            self.leaders.update(dict.fromkeys(there, leader))
            self.tied.update(dict.fromkeys(there, there if len(there) > 1 else ()))

    def made(self) -> tuple[Parameter, ...]:
        order = self.order()
        return tuple(self.parameter(self.found[index], at) for at, index in enumerate(order))

    def order(self) -> list[int]:
        """Return the widgets by group, both by what matters most; within one rank as the file has them."""
        ranks = [self.rank(one) for one in self.found]
        groups = [self.group_id(one.node) for one in self.found]
        best: dict[str, tuple[int, int]] = {}
        for index, (rank, group) in enumerate(zip(ranks, groups, strict=True)):
            best[group] = min(best.get(group, (rank, index)), (rank, index))
        return sorted(range(len(self.found)), key=lambda at: (best[groups[at]], ranks[at], at))

    def rank(self, one: _Found) -> int:
        if not one.shown:
            return len(_RANK) + 1
        return _RANK.get(self.roles.get(one.place, ""), len(_RANK))

    def parameter(self, one: _Found, order: int) -> Parameter:
        place = one.place
        return Parameter(
            node_id=one.node.id,
            node_title=one.node.title,
            class_type=one.node.class_type,
            input_name=place.input_name,
            label=self.label(one, place),
            kind=one.kind,
            value=one.widget.value,
            role=self.roles.get(place, ""),
            shown=one.shown,
            group=self.layout.titles.get(self.group_id(one.node), group_title(one.node.title)),
            group_id=self.group_id(one.node),
            order=order,
            control=self.control(one, place),
            when=one.widget.when,
            tied=self.tied.get(place, ()),
            _input=_with_own_choices(one.widget.input_, one.node),
        )

    def group_id(self, node: Node) -> str:
        """Return the id of the outermost subgraph that a node is in, else its own."""
        outer = node.id.split(":", 1)[0]
        return outer if outer in self.layout.titles else node.id

    def is_shown(self, one: _Found, place: Place) -> bool:
        if one.node.id not in self.running or one.widget.input_.is_hidden:
            return False
        if place in self.leaders:
            return place == self.leaders[place]
        if place in self.roles:
            return True
        if one.kind in (Kind.OTHER, Kind.SEED) or place.input_name == "filename_prefix":  # that seed does nothing
            return False
        if one.widget.when and Place(one.node.id, one.widget.when[-1].input_name) in self.roles:
            return True
        return one.node.class_type.startswith(_PRIMITIVES) or (self.is_titled(one) and not one.widget.input_.advanced)

    def is_titled(self, one: _Found) -> bool:
        """True for a node that its author gave a title of its own."""
        title, class_type = one.node.title, one.node.class_type
        if self.has_file and one.node.id not in self.layout.titled:
            return False
        usual = {class_type, one.node_type.display_name if one.node_type else class_type}
        return _plain(title) not in {_plain(name) for name in usual}

    def label(self, one: _Found, place: Place) -> str:
        promoted = self.promoted.get(place)
        if promoted is not None and not _is_numbered(promoted.label, place.input_name):
            return promoted.label
        if one.node.class_type.startswith("Primitive"):
            return one.node.title
        return one.widget.input_.label

    def holds_value(self, place: Place) -> bool:
        node = self.workflow.nodes.get(place.node_id)
        return node is not None and place.input_name in node.inputs and node.link(place.input_name) is None

    def control(self, one: _Found, place: Place) -> str:
        wanted = one.widget.input_.options.get("control_after_generate")
        if one.kind not in (Kind.SEED, Kind.INTEGER) or (not wanted and one.kind is not Kind.SEED):
            return ""
        saved = self.layout.controls.get(place) or wanted
        if saved in CONTROLS:
            return str(saved)
        return "randomize" if one.kind is Kind.SEED else "fixed"


def _is_on(one: _Found) -> bool:
    return not one.widget.when or (one.widget.name in one.node.inputs and holds(one.node.inputs, one.widget.when))


def _with_own_choices(input_: InputType, node: Node) -> InputType:
    """Return a menu with the choices that people typed in themselves, as CustomCombo has it."""
    if input_.choices or input_.type != "COMBO" or "option1" not in node.inputs:
        return input_
    texts: list[str] = []
    while isinstance(text := node.inputs.get(f"option{len(texts) + 1}"), str):
        texts.append(text)
    return replace(input_, choices=tuple(text for text in texts if text))


def _is_numbered(label: str, input_name: str) -> bool:
    """True for the name that the editor itself gives to what is promoted: ``value``, ``value_1``."""
    name, _, number = label.rpartition("_")
    return label in ("", input_name) or (name == input_name and number.isdigit())


def _plain(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())
