"""What POST /prompt refuses, and in which words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .dynamic_inputs import live_inputs, options_of
from .folders import Folders
from .level import Level
from .node_types import NodeType, upload_kind

Prompt = dict[str, Any]
Reason = dict[str, Any]


@dataclass
class Verdict:
    """``error`` is None when at least one output can run."""

    error: dict[str, Any] | None = None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def error(kind: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def invalid_prompt_id(prompt_id: object) -> dict[str, Any] | None:
    """The error of a newer server for an id that is no canonical lower-case UUID."""
    try:
        if isinstance(prompt_id, str) and str(uuid.UUID(prompt_id)) == prompt_id:
            return None
    except ValueError:
        pass
    return error(
        "invalid_prompt_id",
        "prompt_id must be a valid UUID",
        "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
        "omit it to let the server generate one",
    )


def validate(
    prompt: Any, types: Mapping[str, NodeType], level: Level, folders: Folders, targets: list[str] | None = None
) -> Verdict:
    """Raises TypeError for what makes the server answer 500 (``prompt`` is no mapping or list)."""
    outputs: list[str] = []
    for node_id in prompt:
        refused = _unknown_class(prompt, node_id, types, level)
        if refused:
            return Verdict(refused)
        if types[prompt[node_id]["class_type"]]["output_node"] and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict(error("prompt_no_outputs", "Prompt has no outputs"))
    return _Validation(prompt, types, level, folders).verdict(outputs)


def _unknown_class(prompt: Prompt, node_id: str, types: Mapping[str, NodeType], level: Level) -> dict[str, Any] | None:
    node = prompt[node_id]
    class_type = node["class_type"] if "class_type" in node else None  # noqa: SIM401  (also of a list)
    if class_type in types:
        return None
    where = f"Node ID '#{node_id}'"
    if not level.is_strict:
        if class_type is None:
            return error("invalid_prompt", "Cannot execute because a node is missing the class_type property.", where)
        return error("invalid_prompt", f"Cannot execute because node {class_type} does not exist.", where)
    title = node.get("_meta", {}).get("title") if isinstance(node, dict) else None
    known_by = title or (f"ID #{node_id}" if class_type is None else class_type)
    missing = "has no class_type. The workflow may be corrupted or a custom node is missing."
    message = missing if class_type is None else "not found. The custom node may not be installed."
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error("missing_node_type", f"Node '{known_by}' {message}", where, **extra)


class _CycleError(Exception):
    pass


class _Validation:
    def __init__(self, prompt: Prompt, types: Mapping[str, NodeType], level: Level, folders: Folders) -> None:
        self._prompt = prompt
        self._types = types
        self._level = level
        self._folders = folders
        self._results: dict[str, tuple[bool, list[Reason]]] = {}
        self._path: list[str] = []

    def verdict(self, outputs: list[str]) -> Verdict:
        verdict = Verdict()
        problems: list[str] = []
        for output in outputs:
            valid, reasons = self._check_output(output)
            if valid:
                verdict.outputs.append(output)
                continue
            problems += [f"{reason['message']}: {reason['details']}" for reason in reasons]
            self._collect(verdict.node_errors, output)
        if not verdict.outputs:
            text = "\n".join(problems)
            verdict.error = error("prompt_outputs_failed_validation", "Prompt outputs failed validation", text)
        return verdict

    def _collect(self, node_errors: dict[str, Any], output: str) -> None:
        """Every invalid node found so far is charged to this output too, as the server does."""
        for node_id, (valid, reasons) in self._results.items():
            if not valid and reasons:
                fresh = {"errors": reasons, "dependent_outputs": [], "class_type": self._class(node_id)}
                node_errors.setdefault(node_id, fresh)["dependent_outputs"].append(output)

    def _check_output(self, output: str) -> tuple[bool, list[Reason]]:
        try:
            return self._check(output)
        except _CycleError:
            self._path.clear()
            return False, []
        except Exception as problem:
            self._path.clear()
            extra = {"exception_type": type(problem).__name__, "traceback": [_TRACE]}
            reason = error("exception_during_validation", "Exception when validating node", str(problem), **extra)
            self._results[output] = (False, [reason])
            return False, [reason]

    def _check(self, node_id: str) -> tuple[bool, list[Reason]]:
        if node_id in self._results:
            return self._results[node_id]
        if node_id in self._path:
            self._report_cycle(node_id)
        self._path.append(node_id)
        inputs = self._prompt[node_id]["inputs"]
        reasons: list[Reason] = []
        valid = True
        for name, (group, spec) in live_inputs(self._types[self._class(node_id)], inputs).items():
            if name not in inputs:
                if group == "required":
                    text = "Required input is missing"
                    reasons.append(error("required_input_missing", text, name, input_name=name))
            elif isinstance(inputs[name], list):
                found = self._check_link(name, inputs[name], spec)
                valid = valid and found is not None
                reasons += found or []
            else:
                reasons += self._check_value(name, inputs, spec)
        self._path.pop()
        self._results[node_id] = (valid and not reasons, reasons)
        return self._results[node_id]

    def _class(self, node_id: str) -> str:
        return str(self._prompt[node_id]["class_type"])

    def _report_cycle(self, node_id: str) -> None:
        if self._level.is_strict:
            nodes = self._path[self._path.index(node_id) :]
            text = " -> ".join(f"{item} ({self._class(item)})" for item in [*nodes, node_id])
            for item in nodes:
                extra = {"node_id": item, "cycle_nodes": nodes}
                reason = error("dependency_cycle", "Dependency cycle detected", text, **extra)
                self._results[item] = (False, [reason])
        raise _CycleError

    def _check_link(self, name: str, link: list[Any], spec: list[Any]) -> list[Reason] | None:
        """Reasons against the link itself; None when the node it comes from is invalid."""
        config = _config(spec)
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            extra = {"input_name": name, "input_config": config, "received_value": link}
            return [error("bad_linked_input", message, name, **extra)]
        source, slot = link
        received = tuple(self._types[self._prompt[source]["class_type"]]["output"])[_index(slot)]
        wanted = "COMBO" if isinstance(spec[0], list) else spec[0]
        if not _fits(received, wanted):
            details = f"{name}, received_type({received}) mismatch input_type({wanted})"
            extra = {"input_name": name, "input_config": config, "received_type": received, "linked_node": link}
            return [error("return_type_mismatch", "Return type mismatch between linked nodes", details, **extra)]
        try:
            return [] if self._check(source)[0] else None
        except _CycleError:
            raise
        except Exception as problem:
            self._fault_of_source(name, config, link, problem)
            return None

    def _fault_of_source(self, name: str, config: list[Any], link: list[Any], problem: Exception) -> None:
        extra = {"input_name": name, "input_config": config, "exception_message": str(problem)}
        extra |= {"exception_type": type(problem).__name__, "traceback": [_TRACE], "linked_node": link}
        message = "Exception when validating inner node"
        reason = error("exception_during_inner_validation", message, str(problem), **extra)
        self._results[link[0]] = (False, [reason])
        if link[0] in self._path:
            self._path.remove(link[0])

    def _check_value(self, name: str, inputs: dict[str, Any], spec: list[Any]) -> list[Reason]:
        config = _config(spec)
        value = inputs[name]
        if isinstance(value, dict) and "__value__" in value:  # how a list is given as a value, not as a link
            value = inputs[name] = value["__value__"]
        try:
            value = inputs[name] = _converted(value, spec[0])
        except (ValueError, TypeError, OverflowError) as problem:
            message = f"Failed to convert an input value to a {spec[0]} value"
            extra = {"input_name": name, "input_config": config, "received_value": value}
            extra["exception_message"] = str(problem)
            return [error("invalid_input_type", message, f"{name}, {value}, {problem}", **extra)]
        if kind := upload_kind(spec):
            return self._check_file(name, value, kind)
        return _check_range(name, value, config) or self._check_option(name, value, spec)

    def _check_file(self, name: str, value: Any, kind: str) -> list[Reason]:
        if isinstance(value, str) and self._folders.find_input(value).is_file():
            return []
        details = f"{name} - Invalid {kind} file: {value}"
        return [error("custom_validation_failed", "Custom validation failed for node", details, input_name=name)]

    def _check_option(self, name: str, value: Any, spec: list[Any]) -> list[Reason]:
        options = options_of(spec)
        if options is None or not (isinstance(spec[0], list) or self._level.is_strict) or value in options:
            return []
        many = len(options) > 20
        shown = f"(list of length {len(options)})" if many else str(options)
        extra = {"input_name": name, "input_config": None if many else _config(spec), "received_value": value}
        return [error("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {shown}", **extra)]


_TRACE = '  File "/srv/ComfyUI/execution.py", line 808, in validate_inputs\n'


def _config(spec: list[Any]) -> list[Any]:
    return [spec[0], spec[1] if len(spec) > 1 else {}]


def _index(slot: Any) -> int:
    if not isinstance(slot, int):
        raise TypeError(f"tuple indices must be integers or slices, not {type(slot).__name__}")
    return slot


def _fits(received: str | list[str], wanted: str) -> bool:
    received = "COMBO" if isinstance(received, list) else received
    if {"*", "COMFY_MATCHTYPE_V3"} & {received, wanted}:
        return True
    return bool(set(received.split(",")) & set(wanted.split(",")))


def _converted(value: Any, kind: Any) -> Any:
    if kind == "INT":
        return int(value)
    if kind == "FLOAT":
        return float(value)
    if kind == "STRING":
        return str(value)
    if kind == "BOOLEAN":
        return bool(value)
    return value


def _check_range(name: str, value: Any, config: list[Any]) -> list[Reason]:
    limits = config[1]
    extra = {"input_name": name, "input_config": config, "received_value": value}
    if "min" in limits and value < limits["min"]:
        message = f"Value {value} smaller than min of {limits['min']}"
        return [error("value_smaller_than_min", message, name, **extra)]
    if "max" in limits and value > limits["max"]:
        message = f"Value {value} bigger than max of {limits['max']}"
        return [error("value_bigger_than_max", message, name, **extra)]
    return []
