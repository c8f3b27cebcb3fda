"""Values of a panel back into its workflow. No bpy, no network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .errors import InvalidValue, UnknownParameter
from .graph import Place, Workflow
from .panel_parameters import Parameter
from .panel_widgets import holds
from .reading import NotJson, copied_as_json
from .wording import nearest, quoted


def with_panel_values(workflow: Workflow, parameters: Collection[Parameter], values: Mapping[str, Any]) -> Workflow:
    """Return a copy of a workflow with values of its panel, by the keys of its parameters.

    A value also goes to the places that its author ties to it. Where a menu brings other inputs, those come with the
    values given for them, else with their defaults, and what belongs to its other choices goes. Lists are wrapped as
    the server wants them.

    Raises UnknownParameter for a key that no parameter has, InvalidValue for a value that cannot be sent.
    """
    known = {parameter.key for parameter in parameters}
    for key in values:
        if key not in known:
            raise UnknownParameter(f"The workflow has no parameter {quoted(key)}.{nearest(key, known)}", name=key)
    now = _values_now(parameters, values)
    changed: dict[Place, Any] = {}
    gone: set[Place] = set()
    for parameter in parameters:
        if not parameter.is_visible(now):
            if any(key in values for key, _ in parameter.visible_when):
                gone.add(parameter.place)
        elif parameter.key in values or _comes(workflow, parameter, values):
            sent = _sent(parameter, now[parameter.key])
            changed.update(dict.fromkeys(parameter.tied or (parameter.place,), sent))
    return workflow.with_values(changed).without(gone - changed.keys())


def _values_now(parameters: Collection[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by key, of inputs that two choices call alike those of the chosen one."""
    now: dict[str, Any] = {}
    for parameter in sorted(parameters, key=lambda parameter: len(parameter.when)):  # menus before what they bring
        if parameter.is_visible(now) or parameter.key not in now:
            now[parameter.key] = values.get(parameter.key, parameter.value)
    return now


def _comes(workflow: Workflow, parameter: Parameter, values: Mapping[str, Any]) -> bool:
    """True for an input that a menu brings now, and that the server gives a value for."""
    if not any(key in values for key, _ in parameter.visible_when):
        return False
    inputs = workflow.nodes[parameter.node_id].inputs if parameter.node_id in workflow.nodes else {}
    was_there = parameter.input_name in inputs and holds(inputs, parameter.when)
    return not was_there and parameter.value is not None


def _sent(parameter: Parameter, value: Any) -> Any:
    try:
        sent = copied_as_json(value)
    except NotJson as error:
        raise InvalidValue(
            f"{quoted(parameter.label)} of {quoted(parameter.node_title)} cannot be sent to the server: {error}.",
            name=parameter.key,
        ) from None
    return {"__value__": sent} if isinstance(sent, list) else sent
