"""One HTTP exchange with the server, and what its failures mean. Knows HTTP, but no route of ComfyUI."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from .address import ServerAddress
from .credentials import Credentials
from .errors import (
    CannotConnect,
    ComfyError,
    CredentialsRefused,
    FileBroken,
    Interrupted,
    NotAComfyServer,
    ServerFault,
    TimedOut,
)

MAX_JSON_BYTES = 256 * 1024 * 1024
MAX_REDIRECTS = 5
CHUNK = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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
        """The body as JSON, bare NaN and Infinity allowed (the server sends them); ServerFault if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ServerFault(
                "The server's answer could not be read: it is no proper JSON. Try again; if it stays, look at the "
                "server's console, or at the proxy before it.",
                details=self.body[:2000].decode("utf-8", "replace"),
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
        self._proxies = {} if address.is_loopback else requests.utils.get_environ_proxies(address.http("/"))
        self._verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self._http = requests.Session()
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=8)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)

    def close(self) -> None:
        self._http.close()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        read_timeout: float | None = None,
    ) -> Answer:
        """One request with an optional JSON body, and its whole answer, whatever its status below 500.

        Raises CannotConnect, CredentialsRefused, NotAComfyServer, ServerFault, TimedOut.
        """
        data = None if body is None else json.dumps(body).encode()
        read = self.timeouts.read if read_timeout is None else read_timeout
        deadline = time.monotonic() + max(self.timeouts.total, read)
        with self._open(method, path, params, data, read) as response:
            content = bytearray()
            for chunk in self._chunks(response, deadline):
                content += chunk
                if len(content) > MAX_JSON_BYTES:
                    raise ServerFault(f"The answer to {path} is over {MAX_JSON_BYTES >> 20} MB: not accepted.")
            answer = Answer(response.status_code, response.headers.get("Content-Type", ""), bytes(content))
        self._refuse_faults(path, answer, response)
        return answer

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

        Only a 200 is written. Raises FileBroken for a body that is cut or over `max_bytes`, Interrupted when
        `should_stop` says so between two pieces, and what `exchange` raises.
        """
        with self._open("GET", path, params, None, self.timeouts.read, follow_away=True) as response:
            content_type = response.headers.get("Content-Type", "")
            if response.status_code != 200:
                self._refuse_faults(path, Answer(response.status_code, content_type, b""), response)
                return response.status_code, content_type
            size = 0
            with target.open("wb") as file:
                for chunk in self._chunks(response, None):
                    size += len(chunk)
                    if size > max_bytes:
                        raise ServerFault(f"The file is over the limit of {max_bytes / 1e9:.1f} GB: not accepted.")
                    if should_stop():
                        raise Interrupted("The download was stopped.")
                    file.write(chunk)
            return 200, content_type

    @contextlib.contextmanager
    def _open(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        read_timeout: float,
        follow_away: bool = False,
    ) -> Iterator[requests.Response]:
        url = self.address.http(path) + (f"?{urlencode(params)}" if params else "")
        headers = {"User-Agent": "blender_comfyui", **self._headers}
        if data is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        elif method == "POST":
            headers["Content-Length"] = "0"
        timeout = (self.timeouts.connect, read_timeout)
        with self._translated():
            response = self._send(method, url, data, headers, timeout)
            hops = 0
            while response.status_code in _REDIRECTS and "Location" in response.headers:
                target = urljoin(response.url, response.headers["Location"])
                response.close()
                hops += 1
                stays = _origin(target) == _origin(url)
                if method != "GET" or hops > MAX_REDIRECTS or not (stays or follow_away):
                    raise NotAComfyServer(
                        f"{self.address} sends us on to {_origin(target)}. Enter that address in the "
                        "preferences, or the credentials that the server asks for.",
                        details=f"{method} {path}: {response.status_code}",
                    )
                response = self._send(method, target, None, headers if stays else {}, timeout)
        try:
            yield response
        finally:
            response.close()

    def _send(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
    ) -> requests.Response:
        """One request through the session's pool. Session.send would add cookies, hooks, redirects and .netrc, none
        of which is wanted here, and half a millisecond."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, data
        request.headers = CaseInsensitiveDict(headers)
        adapter = self._http.get_adapter(url)
        return adapter.send(request, stream=True, timeout=timeout, verify=self._verify, proxies=self._proxies)

    def _chunks(self, response: requests.Response, deadline: float | None) -> Iterator[bytes]:
        """The body piece by piece; checked to be as long as the server announced, which old urllib3 does not."""
        received = 0
        with self._translated():
            for chunk in response.iter_content(CHUNK):
                received += len(chunk)
                if deadline is not None and time.monotonic() > deadline:
                    raise TimedOut(f"{self.address} takes too long to answer. Try again later.", sent=True)
                yield chunk
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and "Content-Encoding" not in response.headers and received != int(announced):
            raise FileBroken(f"The answer was cut: {received} of {announced} bytes came. Try again.")

    def _refuse_faults(self, path: str, answer: Answer, response: requests.Response) -> None:
        """Raise for the statuses that mean the same on every route."""
        status = answer.status
        details = f"{path}: {status} {answer.body[:500].decode('utf-8', 'replace')}"
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
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ComfyError:
            raise
        except (requests.RequestException, OSError) as error:
            raise translate(error, self.address) from error


def translate(error: Exception, address: ServerAddress) -> ComfyError:
    """What a failure of requests or of a socket means, as one of our errors."""
    details = f"{type(error).__name__}: {error}"
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.SSLError) or any("SSL" in type(c).__name__ for c in causes):
        return CannotConnect(
            f"No secure connection to {address}. Check the scheme (http or https) and the server's certificate.",
            details=details,
        )
    if any(isinstance(c, BadStatusLine) and not isinstance(c, RemoteDisconnected) for c in causes):
        return NotAComfyServer(
            f"Something answers at {address}, but it does not speak HTTP. Check the port: ComfyUI's is usually 8188.",
            details=details,
        )
    if any(isinstance(c, socket.gaierror) for c in causes):
        return CannotConnect(f"The host “{address.host}” is not known. Check its name.", details=details)
    if isinstance(error, requests.ConnectTimeout) or _has_errno(causes, errno.ETIMEDOUT):
        return CannotConnect(
            f"{address} does not answer. Check that the machine is on, and that host and port are right.",
            details=details,
        )
    if isinstance(error, requests.Timeout | TimeoutError) or any(isinstance(c, TimeoutError) for c in causes):
        return TimedOut(f"{address} takes too long to answer. Try again later.", details=details, sent=True)
    if _has_errno(causes, errno.ECONNREFUSED, 10061):
        return CannotConnect(
            f"Nothing answers at {address}. Start ComfyUI, or check host and port in the preferences.",
            details=details,
        )
    if _has_errno(causes, errno.ENETUNREACH, errno.EHOSTUNREACH, 10051, 10065):
        return CannotConnect(f"There is no way to {address}. Check host and network.", details=details)
    return CannotConnect(f"The connection to {address} broke. Try again.", details=details, sent=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all it wraps: urllib3 keeps the reason in args or `reason`, Python in __context__."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        current = todo.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def _has_errno(causes: list[BaseException], *numbers: int) -> bool:
    return any(isinstance(cause, OSError) and cause.errno in numbers for cause in causes)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _seconds(retry_after: str) -> float | None:
    """Retry-After in seconds; its date form is not worth a clock that agrees with the server's."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(retry_after))
    return None
