"""What a failure of requests or of a socket means, as one of our errors. No network here."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from http.client import BadStatusLine, RemoteDisconnected

import requests

from .errors import CannotConnect, ComfyError, InvalidCertificates, NotAComfyServer, TimedOut


def connection_error(error: Exception, where: str) -> ComfyError:
    """The error for what requests or a socket raised on the way to `where`, an address as a person knows it."""
    details = _without_queries(f"{type(error).__name__}: {error}")
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.ProxyError):
        return CannotConnect(
            f"The proxy before {where} does not let us through. Check the proxy settings (HTTP_PROXY, HTTPS_PROXY).",
            details=details,
        )
    if "CA certificate bundle" in str(error):
        return InvalidCertificates(
            "The file of certificates named by REQUESTS_CA_BUNDLE or SSL_CERT_FILE is not there. Mend or unset it.",
            details=details,
        )
    if isinstance(error, requests.exceptions.SSLError) or any("SSL" in type(c).__name__ for c in causes):
        return CannotConnect(
            f"No secure connection to {where}. Check the scheme (http or https) and the server's certificate.",
            details=details,
        )
    if any(isinstance(c, BadStatusLine) and not isinstance(c, RemoteDisconnected) for c in causes):
        return NotAComfyServer(
            f"Something answers at {where}, but it does not speak HTTP. Check the port: ComfyUI's is usually 8188.",
            details=details,
        )
    if any(isinstance(c, socket.gaierror) for c in causes):
        return CannotConnect(f"The host of {where} is not known. Check its name.", details=details)
    if isinstance(error, requests.ConnectTimeout) or _has_errno(causes, errno.ETIMEDOUT):
        return CannotConnect(
            f"{where} does not answer. Check that the machine is on, and that host and port are right.",
            details=details,
        )
    if isinstance(error, requests.Timeout | TimeoutError) or any(isinstance(c, TimeoutError) for c in causes):
        return TimedOut(f"{where} takes too long to answer. Try again later.", details=details, sent=True)
    if _has_errno(causes, errno.ECONNREFUSED, 10061):
        return CannotConnect(
            f"Nothing answers at {where}. Start ComfyUI, or check host and port in the preferences.",
            details=details,
        )
    if _has_errno(causes, errno.ENETUNREACH, errno.EHOSTUNREACH, 10051, 10065):
        return CannotConnect(f"There is no way to {where}. Check host and network.", details=details)
    return CannotConnect(f"The connection to {where} broke. Try again.", details=details, sent=True)


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


def _without_queries(text: str) -> str:
    """A query can hold a signature or a token, and details are shown and copied."""
    return re.sub(r"\?[^\s'\")]+", "?…", text)
