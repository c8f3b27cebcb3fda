"""The schemas that --json is held to, as files of the extension."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "blender_comfyui/generation/commands/schemas"


@cache
def _registry() -> Any:
    pytest.importorskip("jsonschema", reason="schemas are checked by jsonschema")
    from referencing import Registry, Resource

    files = [(path.name, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]
    return Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in files)


@cache
def validator(name: str) -> Any:
    """What checks by one file."""
    from jsonschema import Draft202012Validator, FormatChecker

    registry = _registry()
    schema = registry.contents(name) if "#" not in name else {"$ref": name}
    return Draft202012Validator(schema, registry=registry, format_checker=FormatChecker())


def check_schema(found: dict[str, Any]) -> None:
    """Raises ValidationError for an object that its verb's schema does not know."""
    validator(f"{found['command']}.json" if found["command"] else "common.json#/$defs/failed").validate(found)


if __name__ == "__main__":  # for Pythons that have no jsonschema: an object a line on stdin
    import sys

    for line in sys.stdin:
        check_schema(json.loads(line))
