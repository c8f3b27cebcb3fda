"""Inputs left open until the server has said what it has: "any checkpoint, the first will do"."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Final

from ..comfy.answers import combo_options
from ..comfy.client import ComfyClient
from ..comfy.errors import InvalidPrompt
from .request import OpenChoice, Request


class _Choice(Enum):
    SERVERS_FIRST = "the server's first"


SERVERS_FIRST: Final = _Choice.SERVERS_FIRST
"""As the value of a role in ``Session.submit``: the first that the server offers when the job is sent."""


def settle(request: Request, client: ComfyClient) -> Request:
    """The request with its open choices made. Asks the server where there are any; raises ComfyError, of which
    InvalidPrompt says that the server has nothing to choose from."""
    if not request.open_choices:
        return request
    chosen = {choice: _first(choice, request, client) for choice in request.open_choices}
    for choice, value in chosen.items():
        request = request.filled([(choice.node_id, choice.input_name)], value)
    parameters = {**request.parameters, **{choice.role: value for choice, value in chosen.items()}}
    return dataclasses.replace(request, parameters=parameters, open_choices=())


def _first(choice: OpenChoice, request: Request, client: ComfyClient) -> str:
    class_type = request.node_class(choice.node_id)
    options = combo_options(client.object_info(class_type), class_type, choice.input_name)
    if not options:
        raise InvalidPrompt(
            f"“{request.node_title(choice.node_id)}”, {choice.input_name}: the server has none to choose from. "
            "Put a model into its models folder and refresh."
        )
    return options[0]
