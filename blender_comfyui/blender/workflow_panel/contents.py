"""A workflow with all that its panel is made of. No bpy here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Contents:
    """A workflow with the definitions of its node classes, as the server that it was imported with has them.

    `api` is None as long as the editor's workflow could not be converted. `notes` are sentences for a person.
    """

    name: str
    ui: Mapping[str, Any] | None
    api: Mapping[str, Any] | None
    definitions: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
