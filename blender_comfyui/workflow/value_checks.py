"""Whether a server takes a value for an input, and what it would take instead. No bpy, no network.

What the server does is read from its ``validate_inputs`` (execution.py of ComfyUI 0.3.64): numbers are converted as
Python does it, then held against their limits; choices must be in the list, as they are written.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from .conversion.layout import MISSING, default_value
from .expected_inputs import Expected
from .graph import Node
from .node_inputs import DynamicCombo, InputType
from .node_types import NodeType
from .panel_widgets import MEDIA, NodeWidget, kind_of, lists_models, unwrapped
from .problems import Action, Problem, ProblemKind, RemoveInput, ReplaceClass, SetValue
from .similar_names import nearest_names, same_file
from .wording import quoted

_SCALARS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "*"})
MODELS_FOLDER = "its models folder"
_KINDS_OF_FOLDER = (" [input]", " [output]", " [temp]")
_LONGEST_LIST = 8
_NOUNS = {
    "ckpt": "checkpoint",
    "clip": "text encoder",
    "control_net": "ControlNet",
    "lora": "LoRA",
    "name": "model",
    "unet": "diffusion model",
    "vae": "VAE",
}


@dataclass(frozen=True, slots=True)
class ValueChecks:
    """``files`` are names in the server's input folder, beside those that its menus list; None for not known."""

    files: Collection[str] | None = None

    def problem(self, node: Node, node_type: NodeType, expected: Expected) -> Problem | None:
        """Return what is wrong with the value of an input that has no link; None where the server takes it."""
        name, input_, _ = expected
        value = unwrapped(node.inputs[name])
        if isinstance(node.inputs[name], list):
            return _about(node, name, ProblemKind.WRONG_TYPE, _no_link(node, name), _otherwise(expected))
        if input_.type == "COMBO" or isinstance(input_.dynamic, DynamicCombo):
            return self.of_choice(node, node_type, expected, value)
        if input_.type in ("INT", "FLOAT"):
            return _of_number(node, expected, value)
        if not input_.is_widget and not _takes_values(input_):
            sentence = f"{quoted(node.title)}: {quoted(name)} needs a link from a node, and holds a value instead."
            return _about(node, name, ProblemKind.WRONG_TYPE, sentence, _otherwise(expected))
        if input_.type == "STRING" and (value is None or isinstance(value, dict)):
            return _wrong_type(node, expected, value, "a text")
        return None

    def of_choice(self, node: Node, node_type: NodeType, expected: Expected, value: Any) -> Problem | None:
        input_ = expected.input_
        choices = tuple(input_.dynamic.inputs) if isinstance(input_.dynamic, DynamicCombo) else input_.choices
        if isinstance(value, list) and (input_.options.get("multi_select") or input_.options.get("multiselect")):
            return next(
                (found for one in value if (found := self.of_one(node, node_type, expected, one, choices))), None
            )
        return self.of_one(node, node_type, expected, value, choices)

    def of_one(
        self, node: Node, node_type: NodeType, expected: Expected, value: Any, choices: tuple[Any, ...]
    ) -> Problem | None:
        input_ = expected.input_
        if any(value == choice for choice in choices) or input_.options.get("remote"):
            return None
        if kind_of(NodeWidget(expected.name, input_, value), node_type) in MEDIA:
            return self.of_file(node, expected, value, choices)
        if lists_models(input_, value):
            return _missing_model(node, expected, value, choices)
        if not choices:  # the editor fills some menus itself
            return None if isinstance(value, str) else _wrong_type(node, expected, value, "one of a menu's choices")
        return _unknown_choice(node, expected, value, choices)

    def of_file(self, node: Node, expected: Expected, value: Any, choices: tuple[Any, ...]) -> Problem | None:
        if not isinstance(value, str) or not value:
            return _wrong_type(node, expected, value, "the name of a file")
        if self.files is None or value.endswith(_KINDS_OF_FOLDER[1:]):
            return None
        known = [*self.files, *(choice for choice in choices if isinstance(choice, str))]
        bare = value.removesuffix(_KINDS_OF_FOLDER[0])
        if bare in known or "/" in bare or "\\" in bare:  # menus do not list folders
            return None
        sentence = f"{quoted(node.title)}: the server has no input file {quoted(bare)}. Choose another one."
        return _with_suggestions(node, expected.name, ProblemKind.MISSING_FILE, sentence, bare, known)


def _missing_model(node: Node, expected: Expected, value: Any, choices: tuple[Any, ...]) -> Problem:
    if not isinstance(value, str):
        return _wrong_type(node, expected, value, "the name of a model")
    called = f"{quoted(node.title)}: the server has no {_model_noun(expected.input_)} {quoted(value)}."
    if not choices:
        sentence = f"{called} It has none of this kind at all: put the file into {MODELS_FOLDER}."
        return _about(node, expected.name, ProblemKind.MISSING_MODEL, sentence)
    sentence = f"{called} Choose another one, or put the file into {MODELS_FOLDER}."
    return _with_suggestions(node, expected.name, ProblemKind.MISSING_MODEL, sentence, value, choices)


def _model_noun(input_: InputType) -> str:
    """Return what people call the models of a menu."""
    if input_.label != input_.name:
        return input_.label
    stem = input_.name.rstrip("0123456789").removesuffix("_name")
    return _NOUNS.get(stem, stem.replace("_", " "))


def _unknown_choice(node: Node, expected: Expected, value: Any, choices: tuple[Any, ...]) -> Problem:
    has = "" if len(choices) > _LONGEST_LIST else f" It takes {', '.join(map(quoted, choices))}."
    sentence = (
        f"{quoted(node.title)}: {quoted(expected.name)} is {quoted(value)}, which the server does not offer.{has}"
    )
    same = [choice for choice in choices if str(choice) == str(value)]
    if same:
        found = _about(node, expected.name, ProblemKind.UNKNOWN_CHOICE, sentence, SetValue(same[0]))
        return _sure(found)
    problem = _with_suggestions(node, expected.name, ProblemKind.UNKNOWN_CHOICE, sentence, str(value), choices)
    if problem.action is None:
        default = default_value(expected.input_)
        fallback = default if any(default == choice for choice in choices) else choices[0]
        return _about(node, expected.name, ProblemKind.UNKNOWN_CHOICE, sentence, SetValue(fallback))
    return problem


def _with_suggestions(
    node: Node, name: str, kind: ProblemKind, sentence: str, value: str, known: Collection[Any]
) -> Problem:
    """Make a problem with the nearest names, the first of which one click takes."""
    near = nearest_names(value, known)
    if not near:
        return _about(node, name, kind, sentence)
    if same_file(near[0], value):
        sentence = f"{quoted(node.title)}: {quoted(value)} is called {quoted(near[0])} on the server."
    problem = _about(node, name, kind, sentence, SetValue(near[0]), near)
    return _sure(problem) if same_file(near[0], value) else problem


def _of_number(node: Node, expected: Expected, value: Any) -> Problem | None:
    name, input_, _ = expected
    number = _converted(input_.type, value)
    if number is None:
        return _wrong_type(node, expected, value, "a whole number" if input_.type == "INT" else "a number")
    low, high = input_.minimum, input_.maximum
    clamped = _clamped(number, low, high)
    if clamped == number:
        return None
    limit = f"at least {low}" if low is not None and number < low else f"at most {high}"
    sentence = f"{quoted(node.title)}: {quoted(name)} is {quoted(value)}, but the server takes {limit}."
    whole = input_.type == "INT" and math.isfinite(clamped)
    return _about(node, name, ProblemKind.OUT_OF_RANGE, sentence, SetValue(int(clamped) if whole else clamped))


def _clamped(number: float, low: float | None, high: float | None) -> float:
    if low is not None and number < low:
        return low
    return high if high is not None and number > high else number


def _converted(type_: str, value: Any) -> int | float | None:
    """Convert as the server does; None where it refuses."""
    if not isinstance(value, bool | int | float | str):
        return None
    try:
        number = int(value) if type_ == "INT" else float(value)
    except (ValueError, OverflowError):
        return None
    return None if isinstance(number, float) and not math.isfinite(number) else number


def _wrong_type(node: Node, expected: Expected, value: Any, wanted: str) -> Problem:
    shown = "nothing" if value is None else quoted(value)
    sentence = f"{quoted(node.title)}: {quoted(expected.name)} must be {wanted}, and is {shown}."
    return _about(node, expected.name, ProblemKind.WRONG_TYPE, sentence, _near_value(expected.input_, value))


def _near_value(input_: InputType, value: Any) -> Action | None:
    """Return the value that a wrong one was probably meant to be, else the default."""
    number = _converted("FLOAT", value) if input_.type in ("INT", "FLOAT") else None
    if number is not None and abs(number) < 2**63:
        return SetValue(_clamped(round(number), input_.minimum, input_.maximum))
    return _default(input_)


def _default(input_: InputType) -> Action | None:
    default = default_value(input_) if input_.is_widget else MISSING
    return None if default is MISSING or default is None else SetValue(default)


def _otherwise(expected: Expected) -> Action | None:
    return _default(expected.input_) or (None if expected.required else RemoveInput())


def missing_input(node: Node, expected: Expected) -> Problem:
    """Return the problem of a required input that is not there."""
    name, input_, _ = expected
    action = _default(input_)
    if input_.is_widget:
        sentence = f"{quoted(node.title)}: {quoted(name)} has no value, which the server needs."
    else:
        sentence = f"{quoted(node.title)}: nothing is linked to {quoted(name)} ({input_.type}), which the server needs."
    return _about(node, name, ProblemKind.MISSING_INPUT, sentence, action)


def _takes_values(input_: InputType) -> bool:
    types = {type_.strip() for type_ in input_.type.split(",")}
    return not _SCALARS.isdisjoint(types) or input_.options.get("widgetType") is not None


def _no_link(node: Node, name: str) -> str:
    return f"{quoted(node.title)}: {quoted(name)} holds a list, which the server takes for a broken link."


def _about(
    node: Node,
    name: str,
    kind: ProblemKind,
    sentence: str,
    action: Action | None = None,
    suggestions: tuple[Any, ...] = (),
) -> Problem:
    return Problem(kind, node.id, node.title, name, sentence, action, label_of(action), suggestions)


def _sure(problem: Problem) -> Problem:
    return replace(problem, is_sure=True)


def label_of(action: Action | None) -> str:
    """Return what stands on an action's button."""
    if isinstance(action, SetValue):
        return f"Use {quoted(action.value, 40)}"
    if isinstance(action, RemoveInput):
        return "Leave It Out"
    if isinstance(action, ReplaceClass):
        return f"Use {quoted(action.class_type, 40)}"
    return "" if action is None else "Remove the Node"
