"""One HTTP exchange with the server, and what its failures mean. Knows HTTP, but no route of ComfyUI."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from .address import ServerAddress
from .bounded_json import MAX_VALUES, TooMuchJson, read_json
from .connection_error import connection_error
from .credentials import Credentials
from .deadlines import Deadlines, Exchange, NotingAdapter
from .errors import (
    CannotConnect,
    ComfyError,
    CredentialsRefused,
    FileBroken,
    Interrupted,
    InvalidAddress,
    NotAComfyServer,
    ServerFault,
    TimedOut,
)
from .form_data import FileForm

MAX_JSON_BYTES = 4 * 1024 * 1024  # unless the caller allows for more
MAX_REDIRECTS = 5
CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for one exchange without a file in all."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0


@dataclass(frozen=True)
class Answer:
    """A complete answer with its body in memory."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> object:
        """The body as JSON, bare NaN and Infinity allowed (the server sends them); ServerFault if it is none, or deeper
        nested or longer than anything sound."""
        try:
            return read_json(self.body)
        except TooMuchJson as error:
            raise ServerFault(
                f"The server's answer holds more than {MAX_VALUES:,} values, so it was not read. Look at the server, "
                "or at the proxy before it.",
                details=self.body[:2000].decode("utf-8", "replace"),
            ) from error
        except ValueError as error:
            raise ServerFault(
                "The server's answer could not be read: it is no proper JSON. Try again; if it stays, look at the "
                "server's console, or at the proxy before it.",
                details=self.body[:2000].decode("utf-8", "replace"),
                transient=True,  # cut without a length, as a rule
            ) from error


class Transport:
    """A pooled connection to one server. Every method may be called from any thread.

    Credentials go to this server's origin only: a redirect to another one is followed without them, and only
    where a file is fetched. Proxies come from the environment, but never for a loopback address.
    """

    def __init__(self, address: ServerAddress, credentials: Credentials, timeouts: Timeouts = Timeouts()) -> None:
        self.address = address
        self.timeouts = timeouts
        self._headers = dict(credentials.headers)
        self._verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self._http = requests.Session()
        self._deadlines = Deadlines()
        adapter = NotingAdapter(pool_connections=2, pool_maxsize=8)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)

    @functools.cached_property
    def _proxies(self) -> dict[str, str]:
        """Read at the first exchange, off Blender's main thread: on macOS the system may look up the host's address."""
        return {} if self.address.is_loopback else requests.utils.get_environ_proxies(self.address.http("/"))

    def abort(self) -> None:
        """End what is under way with CannotConnect, and whatever is asked from now on. Returns at once."""
        self._deadlines.close()

    def close(self) -> None:
        self.abort()
        self._http.close()
        self._deadlines.join(timeout=1.0)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        read_timeout: float | None = None,
        max_bytes: int = MAX_JSON_BYTES,
    ) -> Answer:
        """One request with an optional JSON body, and its whole answer, whatever its status below 500.

        Raises CannotConnect, CredentialsRefused, NotAComfyServer, ServerFault, TimedOut.
        """
        data = None if body is None else json.dumps(body).encode()
        read = self.timeouts.read if read_timeout is None else read_timeout
        with self._open(method, path, params, data, read) as (response, exchange):
            content = self._content(path, self._chunks(response, exchange), max_bytes)
            answer = Answer(response.status_code, response.headers.get("Content-Type", ""), content)
        self._refuse_faults(path, answer, response)
        return answer

    def upload(self, path: str, form: FileForm, *, should_stop: Callable[[], bool] = lambda: False) -> Answer:
        """POST a form with a file; its answer, whatever its status below 500.

        Raises what `exchange` raises, TimedOut too where it goes more slowly than SLOWEST, Interrupted when
        `should_stop` says so, and OSError where the file cannot be read.
        """
        read = self.timeouts.read
        with self._open("POST", path, None, form, read, unwanted=should_stop) as (response, exchange):
            content = self._content(path, self._chunks(response, exchange), MAX_JSON_BYTES)
            answer = Answer(response.status_code, response.headers.get("Content-Type", ""), content)
        self._refuse_faults(path, answer, response)
        return answer

    @staticmethod
    def _content(path: str, chunks: Iterator[bytes], max_bytes: int) -> bytes:
        content = bytearray()
        for chunk in chunks:
            content += chunk
            if len(content) > max_bytes:
                raise ServerFault(
                    f"The answer to {path} is over {max_bytes >> 20} MB, so it was not read. Look at the server, or at "
                    "the proxy before it."
                )
        return bytes(content)

    def download(
        self,
        path: str,
        params: Mapping[str, str],
        target: Path,
        *,
        max_bytes: int,
        should_stop: Callable[[], bool],
    ) -> tuple[int, str]:
        """Stream an answer into the file `target`; gives its status and content type.

        Only a 200 is written. Raises FileBroken for a body that is cut, TimedOut where it comes more slowly than
        SLOWEST, Interrupted when `should_stop` says so, and what `exchange` raises. It may be
        asked on another thread.
        """
        read = self.timeouts.read
        with self._open("GET", path, params, None, read, follow_away=True, unwanted=should_stop) as opened:
            response, exchange = opened
            content_type = response.headers.get("Content-Type", "")
            if response.status_code != 200:
                self._refuse_faults(path, Answer(response.status_code, content_type, b""), response)
                return response.status_code, content_type
            size = 0
            if _announced(response) > max_bytes:
                raise _too_large(max_bytes)
            with target.open("wb") as file:
                for chunk in self._chunks(response, exchange):
                    size += len(chunk)
                    if size > max_bytes:
                        raise _too_large(max_bytes)
                    exchange.received(len(chunk))
                    file.write(chunk)
            return 200, content_type

    @contextlib.contextmanager
    def _open(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | FileForm | None,
        read_timeout: float,
        *,
        follow_away: bool = False,
        unwanted: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[requests.Response, Exchange]]:
        url = self.address.http(path) + (f"?{urlencode(params)}" if params else "")
        headers = {"User-Agent": "blender_comfyui", **self._headers}
        if isinstance(data, FileForm):
            headers |= {"Content-Type": data.content_type, "Content-Length": str(data.size)}
        elif data is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        elif method == "POST":
            headers["Content-Length"] = "0"
        timeout = (self.timeouts.connect, read_timeout)
        with self._deadlines.exchange(max(self.timeouts.total, read_timeout), unwanted) as exchange:
            with self._translated(exchange, str(self.address)):
                body = _Reading(data, exchange) if isinstance(data, FileForm) else data
                response = self._send(method, url, body, headers, timeout)
            hops = 0
            stays = True  # once it was led away, a request comes back as a stranger
            while response.status_code in _REDIRECTS and "Location" in response.headers:
                hops += 1
                target = self._redirect(method, path, response, hops, follow_away)
                stays = stays and _origin(target) == _origin(url)
                with self._translated(exchange, _origin(target)):
                    response = self._send("GET", target, None, headers if stays else {}, timeout)
            try:
                yield response, exchange
            finally:
                response.close()

    def _redirect(self, method: str, path: str, response: requests.Response, hops: int, follow_away: bool) -> str:
        """Where the answer sends us, if we go there: only to fetch, only so far, and only files from elsewhere."""
        response.close()
        try:
            target = urljoin(response.url, response.headers["Location"])
            origin = _origin(target)
        except ValueError as error:
            raise NotAComfyServer(
                f"{self.address} sends us on to an address that is none. Check host, port and path prefix.",
                details=f"{method} {path}: {response.status_code}",
            ) from error
        stays = origin == _origin(self.address.http("/"))
        follow_away = follow_away and self._may_lead_to(origin)
        if method != "GET" or hops > MAX_REDIRECTS or not (stays or follow_away):
            raise NotAComfyServer(
                f"{self.address} sends us on to {origin}. Enter that address in the preferences, "
                "or the credentials that the server asks for.",
                details=f"{method} {path}: {response.status_code}",
            )
        return target

    def _may_lead_to(self, origin: str) -> bool:
        """Not out of TLS, and not from elsewhere to what listens on this machine alone, for its own."""
        try:
            target = ServerAddress.parse(origin)
        except InvalidAddress:
            return False
        safer = target.scheme == "https" or self.address.scheme == "http"
        return safer and (self.address.is_loopback or not target.is_loopback)

    def _send(
        self,
        method: str,
        url: str,
        data: bytes | _Reading | None,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
    ) -> requests.Response:
        """One request through the session's pool. Session.send would add cookies, hooks, redirects and .netrc, none
        of which is wanted here, and half a millisecond."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, data  # type: ignore[assignment]
        request.headers = CaseInsensitiveDict(headers)
        adapter = self._http.get_adapter(url)
        return adapter.send(request, stream=True, timeout=timeout, verify=self._verify, proxies=self._proxies)

    def _chunks(self, response: requests.Response, exchange: Exchange) -> Iterator[bytes]:
        """The body piece by piece; checked to be as long as the server announced, which old urllib3 does not."""
        received = 0
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _ENCODINGS:  # we asked for none, and with some a few bytes unpack to gigabytes at once
            raise ServerFault(
                f"What {self.address} answers is packed in a way that nobody asked for. Look at the proxy before it.",
                details=f"Content-Encoding: {encoding[:100]}",
            )
        with self._translated(exchange, str(self.address)):
            for chunk in response.iter_content(CHUNK):
                received += len(chunk)
                yield chunk
            if exchange.cut:  # to a body without a length this looks like its end
                raise ConnectionError
        announced = _announced(response)
        if announced >= 0 and encoding in ("", "identity") and received != announced:
            raise FileBroken(f"The answer was cut: {received} of {announced} bytes came. Try again.")

    def _refuse_faults(self, path: str, answer: Answer, response: requests.Response) -> None:
        """Raise for the statuses that mean the same on every route."""
        status = answer.status
        details = f"{path}: {status} {answer.body[:500].decode('utf-8', 'replace')}"
        if status >= 400 and _origin(response.url) != _origin(self.address.http("/")):
            raise ServerFault(
                f"The place to which {self.address} sends us for the file refuses it ({status}). Try again.",
                details=details,
                status=status,
                transient=True,
            )
        if status in (401, 403, 407):
            raise CredentialsRefused(
                f"{self.address} refused the credentials ({status}). Check the authentication in the preferences.",
                details=details,
            )
        if status in _PASSING:
            raise ServerFault(
                f"{self.address} is too busy or restarting ({status}). Try again in a moment.",
                details=details,
                status=status,
                transient=True,
                retry_after=_seconds(response.headers.get("Retry-After", "")),
            )
        if status >= 500:
            raise ServerFault(
                f"{self.address} failed with an error of its own ({status}). Its console says why.",
                details=details,
                status=status,
            )

    @contextlib.contextmanager
    def _translated(self, exchange: Exchange, where: str) -> Iterator[None]:
        try:
            yield
        except ComfyError:
            raise
        except _CannotRead as error:
            raise error.reason from error
        except (requests.RequestException, OSError, ValueError) as error:
            raise self._cut(exchange) or connection_error(error, where) from error

    def _cut(self, exchange: Exchange) -> ComfyError | None:
        match exchange.cut:
            case "late":
                return TimedOut(f"{self.address} takes too long to answer. Try again later.", sent=True)
            case "unwanted":
                return Interrupted("The transfer was stopped.")
            case "closed":
                return CannotConnect("The connection was closed by us.", sent=True)
        return None


class _CannotRead(Exception):
    """Our own file could not be read: no trouble of the connection, but requests would take it for one."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Reading:
    """The body of an upload, which counts as sign of life of its exchange."""

    def __init__(self, form: FileForm, exchange: Exchange) -> None:
        self._form, self._exchange = form, exchange

    def __iter__(self) -> Iterator[bytes]:
        pieces = self._form.pieces()
        while True:
            try:
                piece = next(pieces, None)
            except OSError as error:
                raise _CannotRead(error) from error
            if piece is None:
                return
            if self._exchange.cut:
                raise ConnectionError
            yield piece
            self._exchange.received(len(piece))


def _too_large(max_bytes: int) -> ServerFault:
    return ServerFault(
        f"The file is over the limit of {max_bytes / 1e9:.1f} GB, so it was not taken. Fetch it by hand."
    )


def _announced(response: requests.Response) -> int:
    """The length that the answer says it has, -1 where it says none that could be one."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def _seconds(retry_after: str) -> float | None:
    """Retry-After in seconds; its date form is not worth a clock that agrees with the server's."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(retry_after))
    return None
