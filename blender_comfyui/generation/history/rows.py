"""Records and requests as the database holds them: JSON, compressed where it is long. Never pickle.

JSON keeps whole numbers of any size (seeds), and with everything beyond ASCII escaped also texts that are no proper
unicode, such as odd file names. What JSON does not know comes back as text.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..outcome import JobState, Outcome
from ..request import OpenChoice, Request
from .records import FileRecord, Placement, Record

COLUMNS = (
    "number id state task tier server server_version owner blend_id blend_path "
    "created sent started ended seconds rank favourite imported"
).split()


def to_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """What JSON does not know by itself."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def packed(request: Request) -> bytes:
    """The whole request."""
    folder = None if request.folder is None else os.fspath(request.folder)
    choices = [[choice.role, choice.node_id, choice.input_name] for choice in request.open_choices]
    values = {name: getattr(request, name) for name in _PLAIN_FIELDS}
    return zlib.compress(to_json({**values, "folder": folder, "open_choices": choices}).encode())


_PLAIN_FIELDS = ("prompt", "parameters", "outputs", "workflow_name", "task", "tier", "label", "stem", "context")


def unpacked(body: bytes) -> Request:
    """What `packed` made. Raises ValueError for anything else."""
    try:
        values = json.loads(zlib.decompress(body))
        values["outputs"] = tuple(values["outputs"])
        values["folder"] = None if values["folder"] is None else Path(values["folder"])
        values["open_choices"] = tuple(OpenChoice(*choice) for choice in values["open_choices"])
        return Request(**values)
    except (zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no request: {error}") from error


def facts(request: Request) -> str:
    """What lists show of a request."""
    return to_json(
        {
            "label": request.label,
            "workflow": request.workflow_name,
            "parameters": request.parameters,
            "target": request.context,
        }
    )


def result(outcome: Outcome) -> str:
    """What lists show of an outcome, beside its files."""
    error = outcome.error
    return to_json(
        {
            "error": "" if error is None else str(error),
            "error_details": "" if error is None else str(getattr(error, "details", "")),
            "error_kind": "" if error is None else type(error).__name__,
            "texts": list(outcome.texts),
            "problems": [str(problem) for problem in outcome.problems],
        }
    )


def record(row: Mapping[str, Any], files: tuple[FileRecord, ...], request: Request | None = None) -> Record:
    """A row of `jobs` with the `facts` and `result` of `requests`."""
    known, ended = json.loads(row["facts"]), json.loads(row["result"])
    same = {name: row[name] for name in COLUMNS if name not in ("number", "state", "favourite", "imported")}
    seed = known["parameters"].get("seed")
    return Record(
        **same,
        **known,
        state=JobState(row["state"]),
        request=request,
        seed=seed if isinstance(seed, int) else None,
        favourite=bool(row["favourite"]),
        imported=bool(row["imported"]),
        files=files,
        **{**ended, "texts": tuple(ended.get("texts", ())), "problems": tuple(ended.get("problems", ()))},
    )


def file_record(row: Mapping[str, Any]) -> FileRecord:
    return FileRecord(
        number=row["number"],
        path=Path(os.fsdecode(row["path"])),
        node_id=row["node_id"],
        node_title=row["node_title"],
        kind=row["kind"],
        type=row["type"],
        bytes=row["bytes"],
        placement=Placement(row["placement"]),
        placed_as=row["placed_as"],
    )
