"""Files from the server onto our disk: safe names, whole files, on a thread of their own.

Names that a server sends are not trusted. Only a cleaned stem and a cleaned extension of them are kept, so nothing
can leave the folder that was asked for. A file is written under a temporary name, checked to be what its name says,
and renamed when all of its job's are here.
"""

from __future__ import annotations

import contextlib
import filecmp
import heapq
import itertools
import logging
import os
import re
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from queue import Empty, SimpleQueue

from ..comfy.answers import ServerFile
from ..comfy.client import ComfyClient
from ..comfy.errors import ComfyError, FileMissing, Interrupted, ServerFault
from .pictures import check_file
from .retry import Retry

log = logging.getLogger(__name__)

_KINDS = {
    "image": "png jpg jpeg webp gif bmp tif tiff exr hdr apng svg avif",
    "video": "mp4 webm mov mkv avi m4v",
    "audio": "wav flac mp3 ogg opus m4a aac",
    "model": "glb gltf obj ply fbx stl usdz usd splat",
    "text": "txt json csv md",
}
_KIND_OF = {extension: kind for kind, extensions in _KINDS.items() for extension in extensions.split()}
_INVISIBLE = frozenset("Cc Cf Cs Zl Zp".split())  # Unicode's classes
_RESERVED = frozenset(
    "con prn aux nul conin$ conout$ clock$".split() + [f"{p}{n}" for p in ("com", "lpt") for n in range(10)]
)
_MAX_STEM_BYTES = 100


class CannotSave(Exception):
    """A file arrived but could not be written: no room, no permission, no such folder."""


@dataclass(frozen=True)
class Fetch:
    """One file to fetch into `part`, a temporary name beside its final place, until `unwanted` is set."""

    job_id: str
    file: ServerFile
    part: Path
    unwanted: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(frozen=True)
class Arrival:
    """The end of a fetch: the file is whole at ``fetch.part``, or `error` says why not."""

    fetch: Fetch
    error: Exception | None = None


def kind_of(file_name: str) -> str:
    """image, video, audio, model, text or other, by the extension: the server's own keys say "images" of a video."""
    return _KIND_OF.get(PurePosixPath(file_name).suffix[1:].lower(), "other")


def safe_stem(text: str, max_bytes: int = _MAX_STEM_BYTES) -> str:
    """A file-name stem that every file system takes: no separators, invisible or reserved characters, not empty."""
    text = unicodedata.normalize("NFC", text)
    text = "".join("\0" if unicodedata.category(character) in _INVISIBLE else character for character in text)
    text = re.sub(r'[\x00<>:"/\\|?*%]+', "_", text)
    text = re.sub(r"\s+", " ", text).strip(" ._")
    text = text.encode()[:max_bytes].decode("utf-8", "ignore").strip(" ._")
    device = unicodedata.normalize("NFKC", text.split(".")[0]).rstrip().lower()  # Windows takes com² for com2
    if not text or device in _RESERVED:
        text = f"_{text}" if text else "result"
    return text


def file_name(stem: str, job_id: str, number: int, server_name: str) -> str:
    """``<stem>_<6 hex of the job>[_number].<ext>``: the same for the same job, different for any two jobs."""
    base = server_name.replace("\\", "/").rsplit("/", 1)[-1]
    suffix = re.sub(r"[^a-z0-9.]", "", PurePosixPath(base).suffix.lower())[:12]
    name = safe_stem(stem or PurePosixPath(base).stem)
    count = f"_{number}" if number > 1 else ""
    return f"{name}_{job_id.replace('-', '')[:6]}{count}{suffix if len(suffix) > 1 else '.bin'}"


def part_name(job_id: str, number: int) -> str:
    """The temporary name of a job's file on the way."""
    return f".{job_id}-{number}.part"


def keep(part: Path, folder: Path, name: str) -> Path:
    """Give a whole file its final name, or one like it: a file that is there is never replaced. Raises CannotSave.

    Where the same bytes are there under that name already, they are the same result, fetched before a crash.
    """
    target = folder / name
    try:
        for number in itertools.count(2):
            if not target.exists():
                break
            if filecmp.cmp(part, target, shallow=False):
                part.unlink()
                return target
            target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        part.replace(target)
    except OSError as error:
        raise cannot_save(target, error) from error
    return target


def cannot_save(target: Path, error: OSError) -> CannotSave:
    reason = error.strerror or type(error).__name__
    return CannotSave(
        f"“{target.name}” could not be saved in {target.parent}: {reason}. "
        "Choose another output folder in the preferences, or make room, and run again."
    )


def discard(part: Path) -> None:
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def discard_all(folder: Path, job_id: str) -> None:
    """Remove what an earlier run left of a job's files on the way."""
    with contextlib.suppress(OSError):  # a name that is too long, a share that is away
        for part in folder.glob(f".{job_id}-*.part"):
            discard(part)


def settle(part: Path) -> None:
    """Have a file on the disk itself: after a power cut a name that is there must not stand for nothing."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _may_be_a_hiccup(error: ComfyError) -> bool:
    """The history has just named the file, and asking for it once more does no harm."""
    return isinstance(error, FileMissing) or (isinstance(error, ServerFault) and error.status >= 500)


class Downloads:
    """A thread that fetches files one after the other and hands each Arrival to `deliver`.

    A file that has to be tried again later does not hold up the others.
    """

    def __init__(self, client: ComfyClient, deliver: Callable[[Arrival], None], retry: Retry = Retry()) -> None:
        self._client = client
        self._deliver = deliver
        self._retry = retry
        self._wanted: SimpleQueue[tuple[Fetch, float] | None] = SimpleQueue()
        self._later: list[tuple[float, int, Fetch, int]] = []  # due, order, what, how often it failed
        self._order = itertools.count()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="comfyui-downloads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def fetch(self, fetch: Fetch, delay: float = 0.0) -> None:
        """Fetch a file, from `delay` seconds on."""
        self._wanted.put((fetch, delay))

    def close(self) -> None:
        self._closed = True
        self._wanted.put(None)

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closed:
            fetch, failures = self._next()
            if fetch is not None:
                self._try(fetch, failures)

    def _next(self) -> tuple[Fetch | None, int]:
        """The next file that is due; (None, 0) when there is none after all."""
        wait = self._later[0][0] - time.monotonic() if self._later else None
        if wait is None or wait > 0:
            with contextlib.suppress(Empty):
                return self._take(self._wanted.get(timeout=wait)), 0
        if not self._later:
            return None, 0
        _, _, fetch, failures = heapq.heappop(self._later)
        return fetch, failures

    def _take(self, wanted: tuple[Fetch, float] | None) -> Fetch | None:
        fetch, delay = wanted or (None, 0.0)
        if fetch is None or delay <= 0:
            return fetch
        heapq.heappush(self._later, (time.monotonic() + delay, next(self._order), fetch, 0))
        return None

    def _try(self, fetch: Fetch, failures: int) -> None:
        error = self._fetch(fetch)
        if error is not None or self._stops(fetch):
            discard(fetch.part)
        if isinstance(error, ComfyError) and not self._stops(fetch):
            failures += 1
            if self._retry.allows(failures, error) or (failures < 2 and _may_be_a_hiccup(error)):
                due = time.monotonic() + self._retry.delay(failures, error)
                heapq.heappush(self._later, (due, next(self._order), fetch, failures))
                return
        self._deliver(Arrival(fetch, error))

    def _fetch(self, fetch: Fetch) -> Exception | None:
        if self._stops(fetch):
            return Interrupted("The download was stopped.")
        try:
            fetch.part.parent.mkdir(parents=True, exist_ok=True)
            self._client.download(fetch.file, fetch.part, lambda: self._stops(fetch))
            check_file(fetch.part, fetch.file.filename)
            settle(fetch.part)
        except ComfyError as error:  # before OSError: TimedOut is one too
            return error
        except OSError as error:
            return cannot_save(fetch.part.parent / safe_stem(fetch.file.filename), error)
        except Exception as error:  # what nobody foresaw fails this file; the thread has others to fetch
            log.exception("fetching %s", fetch.file)
            return error
        return None

    def _stops(self, fetch: Fetch) -> bool:
        return self._closed or fetch.unwanted.is_set()
