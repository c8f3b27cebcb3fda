"""The official templates and a real server's node definitions, where they are: ../shared/conversion. No imports
beyond Python's own: tests inside Blender use this, too."""

import copy
import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parents[2] / "shared" / "conversion"
OBJECT_INFO = CASES / "object_info.json"
MISSING = f"the official templates are not here: {CASES}"


def is_there() -> bool:
    return CASES.is_dir()


def ui(name: str) -> dict[str, Any]:
    """A template as its author saved it in the editor."""
    return _read(f"{name}.ui.json")


def api(name: str) -> dict[str, Any]:
    """The same as the official front end sends it."""
    return _read(f"{name}.api.json")


def changed(prompt: dict[str, Any], values: dict[str, object]) -> dict[str, Any]:
    """A copy with other values, by ``node_id.input_name``."""
    prompt = copy.deepcopy(prompt)
    for key, value in values.items():
        node_id, _, name = key.partition(".")
        prompt[node_id]["inputs"][name] = value
    return prompt


def offer(folder: Path, *names: str) -> None:
    """Put templates where a stand-in server with this data folder serves its collection from."""
    collection = folder / "templates"
    collection.mkdir(parents=True, exist_ok=True)
    for name in names:
        (collection / f"{name}.json").write_text(json.dumps(ui(name)), encoding="utf-8")
    offered = [{"name": name, "mediaType": "image", "mediaSubtype": "webp"} for name in names]
    index = [{"moduleName": "default", "title": "Official", "templates": offered}]
    (collection / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _read(file_name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / "templates" / file_name).read_text(encoding="utf-8"))
    return found
