"""Records and requests as the database holds them: JSON, compressed where it is long. Never pickle.

JSON keeps whole numbers of any size (seeds), and with everything beyond ASCII escaped also texts that are no proper
unicode, such as odd file names. What JSON does not know comes back as text.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...workflow.errors import WorkflowError
from ...workflow.graph import Workflow
from ...workflow.parameters import read_parameters
from ..outcome import JobState, Outcome, Output
from ..request import OpenChoice, Request, Upload
from .records import FileRecord, Placement, Record

COLUMNS = (
    "number id state task tier server server_version owner blend_id blend_path "
    "created sent started ended seconds rank favourite imported"
).split()
_FIELDS = ("prompt", "parameters", "outputs", "workflow_name", "task", "tier", "label", "stem", "context", "pays")
_SORTED_BY = 40  # letters of a prompt that its place in the alphabet depends on


def stored(values: Iterable[object]) -> tuple[object, ...]:
    """Values for a statement. A text that is no proper unicode goes in as bytes, which `restored` knows."""
    return tuple(_stored(value) for value in values)


def _stored(value: object) -> object:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def restored(value: object) -> str:
    """A text as it went in. What damage made of one is readable as far as it goes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass" if _is_wide(value) else "replace")
    return str(value)


def _is_wide(value: bytes) -> bool:
    try:
        value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def to_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """What JSON does not know by itself."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def packed(request: Request) -> bytes:
    """The whole request."""
    folder = None if request.folder is None else os.fspath(request.folder)
    choices = [[choice.role, choice.node_id, choice.input_name] for choice in request.open_choices]
    uploads = [[os.fspath(upload.path), upload.places, upload.name, upload.subfolder] for upload in request.uploads]
    values = {name: getattr(request, name) for name in _FIELDS}
    known = {**values, "folder": folder, "open_choices": choices, "uploads": uploads}
    return zlib.compress(to_json(known).encode())


def unpacked(body: object) -> Request | None:
    """What `packed` made; None for anything else."""
    try:
        values = json.loads(zlib.decompress(body))  # type: ignore[arg-type]
        values["outputs"] = tuple(values["outputs"])
        values["folder"] = None if values["folder"] is None else Path(values["folder"])
        values["open_choices"] = tuple(OpenChoice(*choice) for choice in values["open_choices"])
        values["uploads"] = tuple(_upload(*upload) for upload in values.get("uploads", ()))
        return Request(**values)
    except (zlib.error, KeyError, TypeError, ValueError, RecursionError):
        return None


def _upload(path: str, places: list[list[str]], name: str, subfolder: str) -> Upload:
    return Upload(Path(path), tuple((node_id, input_name) for node_id, input_name in places), name, subfolder)


def facts(request: Request) -> str:
    """What lists show of a request, and under "said" a prompt that only the graph knows."""
    known = {
        "label": request.label,
        "workflow": request.workflow_name,
        "parameters": request.parameters,
        "target": request.context,
    }
    if not request.label and not _prompts(request.parameters):
        known["said"] = _said(request.prompt)
    return to_json(known)


def _said(graph: Mapping[str, object]) -> str:
    try:
        return str(read_parameters(Workflow.load(graph)).get("prompt", ""))
    except WorkflowError:
        return ""


def _prompts(parameters: Mapping[str, object]) -> list[str]:
    named = (str(value) for name, value in parameters.items() if name.split(".")[-1] in ("prompt", "text"))
    return [value for value in named if value]


NO_FACTS = facts(Request({}))


def searched(facts: str) -> str:
    """The texts in `facts` that a search looks through: what the result is called, and what it was prompted with."""
    known = json.loads(facts)
    return "\n".join(dict.fromkeys([known["label"], *_prompts(known["parameters"]), known.get("said", "")]))


def alphabet(folded: str) -> str:
    """What a folded text is sorted by; the empty one comes last."""
    return folded[:_SORTED_BY] or "\U0010ffff"


def result(outcome: Outcome, before: str = "{}") -> str:
    """What lists show of an outcome, beside its files; `before`: of an earlier one, whose texts stay where this one
    has none."""
    error = outcome.error
    return to_json(
        {
            "error": "" if error is None else str(error),
            "error_details": "" if error is None else str(getattr(error, "details", "")),
            "error_kind": "" if error is None else type(error).__name__,
            "texts": outcome.texts or _known(before).get("texts", ()),
            "problems": [str(problem) for problem in outcome.problems],
            "recoverable": outcome.recoverable,
            "note": outcome.note,
        }
    )


def may_come(result: str) -> bool:
    """Whether the server may still have what an outcome, as `result` put it, did not bring."""
    return bool(_known(result).get("recoverable"))


def _known(result: str) -> dict[str, Any]:
    try:
        return dict(json.loads(result))
    except (ValueError, TypeError, RecursionError):
        return {}


def file_values(job: int, number: int, output: Output, placement: Placement) -> tuple[object, ...]:
    """A row of `files`, its columns in their order but for `placed_as`."""
    try:
        size = output.path.stat().st_size
    except (OSError, ValueError):
        size = 0
    names = (output.node_id, output.node_title, output.kind, output.type)
    return stored((job, number, os.fspath(output.path), *names, size, placement.value))


def record(row: Mapping[str, Any], files: tuple[FileRecord, ...], request: Request | None = None) -> Record:
    """A row of `jobs` with the `facts` and `result` of `requests`. Never fails: what damage has made unreadable is
    left out, and the record says so."""
    try:
        return _record(row, files, request)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sentence = "This entry was damaged and cannot be read in full. Delete it, or look at its files."
        return Record(restored(row["id"]), JobState.LOST, request, error=sentence, files=files)


def _record(row: Mapping[str, Any], files: tuple[FileRecord, ...], request: Request | None) -> Record:
    known, ended = json.loads(row["facts"]), json.loads(row["result"])
    texts = "id task tier server server_version owner blend_id blend_path".split()
    seed = known["parameters"].get("seed")
    return Record(
        **{name: restored(row[name]) for name in texts},
        state=JobState(row["state"]),
        request=request,
        label=str(known["label"]),
        workflow=str(known["workflow"]),
        parameters=known["parameters"],
        seed=seed if isinstance(seed, int) else None,
        target=known["target"],
        created=float(row["created"]),
        sent=_time(row["sent"]),
        started=_time(row["started"]),
        ended=_time(row["ended"]),
        seconds=float(row["seconds"]),
        error=str(ended.get("error", "")),
        error_details=str(ended.get("error_details", "")),
        error_kind=str(ended.get("error_kind", "")),
        recoverable=bool(ended.get("recoverable")),
        favourite=bool(row["favourite"]),
        imported=bool(row["imported"]),
        rank=float(row["rank"]),
        files=files,
        texts=tuple(ended.get("texts", ())),
        problems=tuple(ended.get("problems", ())),
        note=str(ended.get("note", "")),
    )


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether a row of `jobs` makes sense."""
    try:
        return bool(_record({**row, "facts": NO_FACTS, "result": "{}"}, (), None).id)
    except (ValueError, TypeError):
        return False


def are_facts(facts: str) -> bool:
    """Whether this is what `facts` makes."""
    try:
        known = json.loads(facts)
        searched(facts)
        return isinstance(known["workflow"], str) and isinstance(known["target"], dict)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _time(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def file_record(row: Mapping[str, Any]) -> FileRecord | None:
    """A row of `files`; None for one that damage has made unreadable."""
    try:
        return FileRecord(
            number=int(row["number"]),
            path=Path(restored(row["path"])),
            node_id=restored(row["node_id"]),
            node_title=restored(row["node_title"]),
            kind=restored(row["kind"]),
            type=restored(row["type"]),
            bytes=int(row["bytes"]),
            placement=Placement(row["placement"]),
            placed_as=restored(row["placed_as"]),
        )
    except (ValueError, TypeError):
        return None
