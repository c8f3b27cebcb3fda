"""The server's own error bodies as our errors: validation (POST /prompt, 400) and execution. No network here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from .errors import ComfyError, ExecutionFailed, InvalidPrompt, NodeProblem, OutOfMemory, plain_text
from .events import ExecutionErrored

_MAX_PROBLEMS = 100
_MAX_TITLE = 200
_MAX_WORDS = 2000  # characters of what a server says about one of them
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_NO_ACCOUNT = "unauthorized: please login first"
_WHOLE_PROMPT = {
    "prompt_no_outputs": "The workflow has no output node: add one that saves or previews, such as Save Image.",
    "no_prompt": "The workflow is empty: load one that holds nodes.",
    "dependency_cycle": "The workflow's links run in a circle: remove one of them.",
}


def title_of(prompt: Mapping[str, object], node_id: str) -> str:
    """A node's title as its author wrote it, else its class, else its id."""
    node = prompt.get(node_id)
    if not isinstance(node, Mapping):
        return plain_text(f"node {node_id}", _MAX_TITLE)
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return plain_text(str(title or node.get("class_type") or f"node {node_id}"), _MAX_TITLE)


def node_problems(node_errors: object, prompt: Mapping[str, object]) -> tuple[NodeProblem, ...]:
    """`node_errors` of an answer to POST /prompt, whatever its status; () where there are none."""
    if not isinstance(node_errors, Mapping):
        return ()
    problems = (
        problem
        for node_id, body in node_errors.items()
        if isinstance(body, Mapping)
        for problem in _problems_of_node(str(node_id), body, prompt)
    )
    return tuple(itertools.islice(problems, _MAX_PROBLEMS))


def invalid_prompt(body: object, prompt: Mapping[str, object]) -> ComfyError:
    """The error for a refused prompt. `body` is the parsed answer with status 400."""
    if not isinstance(body, Mapping):
        return InvalidPrompt("The server refused the workflow without saying why.", details=str(body)[:2000])
    error = body.get("error")
    general: Mapping[str, object] = error if isinstance(error, Mapping) else {"message": str(error or "")}
    problems = node_problems(body.get("node_errors"), prompt) or tuple(_general_problem(general, prompt))
    details = "\n".join([f"{general.get('type', '')}: {general.get('message', '')}", *map(str, problems)])
    return InvalidPrompt(_sentence(general, problems), problems=problems, details=details)


def execution_failed(event: ExecutionErrored, prompt: Mapping[str, object]) -> ExecutionFailed:
    """The error for a node that raised; OutOfMemory where that was the reason."""
    title = title_of(prompt, event.node_id) if event.node_id in prompt else event.node_type
    reason = _first_line(event.message) or event.exception_type
    if event.exception_type and " " not in reason:  # a KeyError says no more than the key
        reason = f"{event.exception_type} {reason}"
    memory = event.exception_type.endswith("OutOfMemoryError") or any(
        sign in event.message.lower() for sign in _OUT_OF_MEMORY
    )
    if _NO_ACCOUNT in event.message.lower():
        return ExecutionFailed(
            f"“{title}” needs a Comfy account. Enter the account's API key in the preferences, under Advanced.",
            node_id=event.node_id,
            node_title=title,
            node_type=event.node_type,
            exception_type=event.exception_type,
            details=event.message,
        )
    if memory:
        kind: type[ExecutionFailed] = OutOfMemory
        sentence = (
            f"The server ran out of memory in “{title}”. Lower the size or the batch, "
            "or close what else uses its memory."
        )
    elif not title:
        kind = ExecutionFailed
        sentence = "The run failed on the server, which does not say where or why. Its console may."
    else:
        kind = ExecutionFailed
        sentence = f"“{title}” failed on the server: {reason} Check this node's values and inputs."
    return kind(
        sentence,
        node_id=event.node_id,
        node_title=title,
        node_type=event.node_type,
        exception_type=event.exception_type,
        details=f"{event.exception_type}: {event.message}\n{''.join(event.traceback)}",
    )


def _sentence(general: Mapping[str, object], problems: tuple[NodeProblem, ...]) -> str:
    known = _WHOLE_PROMPT.get(str(general.get("type")))
    if known:
        return f"The server refused the workflow. {known}"
    if not problems:
        reason = _first_line(str(general.get("message") or "it does not say why"))
        hint = "Look for links that run in a circle, or at its console."  # 0.3.64 says nothing about circles
        if general.get("type") != "prompt_outputs_failed_validation":
            hint = "Its console may say more."
        return f"The server refused the workflow: {reason} {hint}"
    more = len(problems) - 1
    rest = f" And {more} more problem{'s' if more > 1 else ''}." if more else ""
    return f"{_advice(problems[0])}{rest}"


def _advice(problem: NodeProblem) -> str:
    where = f"“{problem.title}”"
    if problem.type == "value_not_in_list":
        value = (
            re.split(r" not in (?=\[|\(list of length )", problem.details)[0]
            .removeprefix(f"{problem.parameter}:")
            .strip(" '\"")
        )
        return f"{where}, {problem.parameter}: the server does not have “{value}”. Choose one that it has."
    if problem.type in ("missing_node_type", "invalid_prompt") and problem.class_type:
        return (
            f"The server does not have the node {problem.class_type}"
            + (f" ({where})" if problem.title != problem.class_type else "")
            + ". Install the node pack that brings it, or use another workflow."
        )
    if problem.type == "required_input_missing":
        return f"{where}: its input {problem.parameter} is missing. Connect it or give it a value."
    if problem.type in ("value_smaller_than_min", "value_bigger_than_max", "invalid_input_type"):
        return f"{where}, {problem.parameter}: {problem.message}. Change the value."
    if problem.type == "exception_during_validation":
        return (
            f"{where}: a link leads to a node or an output that does not exist ({problem.details}). Mend the workflow."
        )
    return f"{problem}. Change it and generate again."


def _problems_of_node(node_id: str, body: Mapping[str, object], prompt: Mapping[str, object]) -> Iterator[NodeProblem]:
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if not isinstance(error, Mapping):
            continue
        extra = error.get("extra_info")
        parameter = extra.get("input_name") if isinstance(extra, Mapping) else None
        yield NodeProblem(
            node_id=node_id,
            title=title_of(prompt, node_id),
            class_type=_words(body.get("class_type")),
            parameter=_words(parameter),
            type=_words(error.get("type")),
            message=_words(error.get("message")),
            details=_words(error.get("details")),
        )


def _general_problem(error: Mapping[str, object], prompt: Mapping[str, object]) -> Iterator[NodeProblem]:
    """The one problem that newer servers describe in `error.extra_info` and older ones in its details."""
    extra = error.get("extra_info")
    info: Mapping[str, object] = extra if isinstance(extra, Mapping) else {}
    details = _words(error.get("details"))
    node_id = str(info.get("node_id") or details.removeprefix("Node ID '#").rstrip("'") or "")
    if node_id not in prompt:
        return
    node = prompt[node_id]
    class_type = node.get("class_type") if isinstance(node, Mapping) else None
    yield NodeProblem(
        node_id=node_id,
        title=title_of(prompt, node_id),
        class_type=_words(info.get("class_type") or class_type),
        parameter="",
        type=_words(error.get("type")),
        message=_words(error.get("message")),
        details=details,
    )


def _words(value: object) -> str:
    return str(value or "")[:_MAX_WORDS]


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0][:300].rstrip()
    return line if not line or line.endswith((".", "!", "?")) else line + "."
