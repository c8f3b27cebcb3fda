"""What a seed chooses in the prompts of an order. No disk, no network, no bpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...workflow.errors import InvalidValue
from ...workflow.wildcards import Lists, has_choices, resolved
from .errors import ParameterValidationError
from .rules import number_of

PROMPTS = ("prompt", "negative_prompt")
ASKED = "asked"
"""The name under which the history keeps prompts as they were asked, where a seed has chosen something in them."""


def chosen(parameters: Mapping[str, object], lists: Lists, seed: object) -> tuple[dict[str, Any], dict[str, object]]:
    """Return parameters whose prompts have nothing left to choose, and those prompts as they were asked.

    Where the ``seed`` is no number, 0 chooses. Raises ParameterValidationError.
    """
    found: dict[str, Any] = dict(parameters)
    asked: dict[str, object] = {}
    found_seed = number_of(seed)
    number = int(found_seed) if found_seed is not None else 0
    for name in PROMPTS:
        before = parameters.get(name)
        try:
            after = _one(before, lists, number, name)
        except InvalidValue as error:
            raise ParameterValidationError(str(error), name=name) from error
        if after != before:
            found[name], asked[name] = after, before
    return found, asked


def _one(prompt: object, lists: Lists, seed: int, name: str) -> object:
    """Several prompts are chosen for each on its own."""
    if isinstance(prompt, str):
        return resolved(prompt, seed, lists, name)
    if isinstance(prompt, list | tuple) and any(isinstance(text, str) and has_choices(text) for text in prompt):
        numbered = enumerate(prompt, 1)  # what is no text the rules refuse
        return tuple(_one(text, lists, seed, f"{name} {number}") for number, text in numbered)
    return prompt
