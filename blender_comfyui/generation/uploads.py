"""Files of ours that a graph wants in the server's input folder: sent there before the prompt, on an own thread.

A large video is sent for minutes; the worker has other jobs meanwhile.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from ..comfy.client import ComfyClient
from ..comfy.errors import ComfyError, Interrupted, UploadRefused
from .outputs import safe_stem
from .request import Request, Upload

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parcel:
    """One upload of a job, on its way until `unwanted` is set. `number` is its place in ``request.uploads``."""

    job_id: str
    number: int
    upload: Upload
    where: str  # node and input, for a person
    unwanted: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(frozen=True)
class Delivered:
    """The end of a parcel: the file is on the server as `name`, or `error` says why not."""

    parcel: Parcel
    name: str = ""
    error: Exception | None = None


def server_name(path: Path) -> str:
    """The name under which a file is sent; the server may choose another one."""
    return safe_stem(path.stem) + re.sub(r"[^A-Za-z0-9.]", "", path.suffix)[:12]


def parcel(job_id: str, request: Request, number: int) -> Parcel:
    upload = request.uploads[number]
    return Parcel(job_id, number, upload, _where(request, upload))


def with_file(request: Request, number: int, name: str) -> Request:
    """The request with the file's name on the server in all its places."""
    upload = request.uploads[number]
    prompt = dict(request.prompt)
    for node_id, input_name in upload.places:
        node = prompt.get(node_id)
        if isinstance(node, Mapping):
            prompt[node_id] = {**node, "inputs": {**node["inputs"], input_name: name}}
    uploads = list(request.uploads)
    uploads[number] = dataclasses.replace(upload, name=name)
    return dataclasses.replace(request, prompt=prompt, uploads=tuple(uploads))


def _where(request: Request, upload: Upload) -> str:
    node_id, input_name = upload.places[0] if upload.places else ("", "")
    return f"“{request.node_title(node_id)}”, {input_name}"


class Uploads:
    """A thread that sends files one after the other and hands each end to `deliver`. Trying again is the run's."""

    def __init__(self, client: ComfyClient, deliver: Callable[[Delivered], None]) -> None:
        self._client = client
        self._deliver = deliver
        self._wanted: SimpleQueue[Parcel | None] = SimpleQueue()
        self._closed = False
        self._thread: threading.Thread | None = None

    def send(self, parcel: Parcel) -> None:
        """Belongs to the worker thread; the thread of the uploads begins with the first of them."""
        self._wanted.put(parcel)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="comfyui-uploads", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._closed = True
        self._wanted.put(None)

    def join(self, timeout: float) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closed:
            parcel = self._wanted.get()
            if parcel is not None:
                self._deliver(self._sent(parcel))

    def _sent(self, parcel: Parcel) -> Delivered:
        try:
            if self._stops(parcel):
                raise Interrupted("The transfer was stopped.")
            path, subfolder = parcel.upload.path, parcel.upload.subfolder
            name = self._client.upload(path, server_name(path), subfolder, lambda: self._stops(parcel))
            return Delivered(parcel, name)
        except ComfyError as error:  # before OSError: TimedOut is one too
            return Delivered(parcel, error=error)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and parcel.upload.name:  # sent before, and gone here since
                return Delivered(parcel, parcel.upload.name)
            return Delivered(parcel, error=_unreadable(parcel, error))
        except Exception as error:  # what nobody foresaw fails this job; the thread has others to send
            log.exception("sending %s", parcel.upload.path)
            return Delivered(parcel, error=error)

    def _stops(self, parcel: Parcel) -> bool:
        return self._closed or parcel.unwanted.is_set()


def _unreadable(parcel: Parcel, error: OSError) -> UploadRefused:
    return UploadRefused(
        f"{parcel.where}: the file {parcel.upload.path} cannot be read: {error.strerror or type(error).__name__}. "
        "Choose another one.",
        details=f"{type(error).__name__}: {error}",
    )
