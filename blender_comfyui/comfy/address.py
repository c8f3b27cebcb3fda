"""Where a ComfyUI server is: what people type, and the URLs that follow from it. No network here, no bpy."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from .errors import InvalidAddress

COMFYUI_PORT = 8188
_WELL_KNOWN_PORTS = {"http": 80, "https": 443}
_SCHEMES: dict[str, Literal["http", "https"]] = {
    "http": "http",
    "ws": "http",
    "https": "https",
    "wss": "https",
}
# ComfyUI prints these when it listens on everything; as a destination they work on some systems only.
_LISTEN_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_LOCAL_SUFFIXES = (".local", ".lan", ".home", ".internal", ".home.arpa")
_EXAMPLE = "Type it like 127.0.0.1:8188 or https://comfy.example.org."
_EMPTY = f"The server address is empty. {_EXAMPLE}"


@dataclass(frozen=True)
class ServerAddress:
    """A server's address, already checked.

    ``host`` is lower case and ASCII, an IPv6 address without brackets. ``prefix`` is the path that a reverse
    proxy puts before every route: '' or like '/a/b'.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> ServerAddress:
        """Read what a person typed or pasted; raise InvalidAddress with a sentence for them.

        Spaces and quotes around it, upper case, ``ws://``, a query, a fragment and a closing ``/api`` or
        ``/ws`` are tolerated. Without a port it is 443 for https. For http it is ComfyUI's own 8188, except
        where a scheme was typed before a public host or before a path: such a server stands behind a proxy,
        so it is 80, as in a browser. ``0.0.0.0`` and ``::`` mean this machine.
        """
        _refuse_passwords(text)
        scheme_text, rest = _split_scheme(text)
        authority, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
        host_text, port_text = _split_port(authority, text)
        scheme = _SCHEMES[scheme_text or "http"]
        host = _checked_host(host_text, text)
        prefix = _checked_prefix(path, text)
        if port_text:
            port = _checked_port(port_text, text)
        elif scheme == "https" or (scheme_text and (prefix or not _is_near(host))):
            port = _WELL_KNOWN_PORTS[scheme]
        else:
            port = COMFYUI_PORT
        return cls(scheme, host, port, prefix)

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers write an origin: without the scheme's usual port."""
        return f"{self.scheme}://{self._authority}"

    @property
    def is_loopback(self) -> bool:
        """True when connections to it cannot leave this machine."""
        if self.host == "localhost":
            return True
        address = _ip(self.host)
        mapped = getattr(address, "ipv4_mapped", None)
        return address is not None and (mapped or address).is_loopback

    def http(self, path: str) -> str:
        """Return the URL of a route such as ``/prompt``."""
        return f"{self.origin}{self.prefix}/{path.lstrip('/')}"

    def websocket(self, client_id: str) -> str:
        """Return the URL of the websocket for a client id."""
        scheme = "wss" if self.scheme == "https" else "ws"
        return f"{scheme}://{self._authority}{self.prefix}/ws?clientId={quote(client_id, safe='')}"

    def __str__(self) -> str:
        """Return what ``parse`` reads back to the same address."""
        port = ":80" if (self.scheme, self.port) == ("http", 80) else ""
        return f"{self.origin}{port}{self.prefix}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _WELL_KNOWN_PORTS[self.scheme] else f"{host}:{self.port}"


def _refuse_passwords(text: str) -> None:
    # Any @ is refused without showing the text: a password may hold / ? or # itself, so no part is safe.
    if "@" in unicodedata.normalize("NFKC", text):
        raise InvalidAddress(
            "The server address holds an @, so perhaps a user name or password. "
            "Remove it from the address and enter it as credentials instead."
        )


def _split_scheme(text: str) -> tuple[str, str]:
    bare = text.strip().strip("\"'<>").strip().replace("\\", "/")
    if match := re.match(r"(https?|wss?):/+", bare, flags=re.IGNORECASE):
        return match[1].lower(), bare[match.end() :]
    if "://" in re.split(r"[?#]", bare, maxsplit=1)[0]:
        raise InvalidAddress(f"{_shown(text)} starts with neither http:// nor https://. {_EXAMPLE}")
    return "", bare


def _split_port(authority: str, text: str) -> tuple[str, str]:
    """Split "host:port"; IPv6 addresses come in brackets, or bare and then without a port."""
    if authority.startswith("["):
        host, bracket, tail = authority[1:].partition("]")
        if not bracket or ":" not in host or (tail and not tail.startswith(":")):
            raise InvalidAddress(f"{_shown(text)} has a bad IPv6 address. Type it like [::1]:8188.")
        return host, tail[1:]
    if authority.count(":") > 1:
        return authority, ""
    host, _, port = authority.partition(":")
    return host, port


def _checked_host(host: str, text: str) -> str:
    if not host.isascii():
        host = _to_ascii(host, text)
    host = host.lower().removesuffix(".").replace("%25", "%")  # in URLs the % before an IPv6 zone is escaped
    if not host:
        raise InvalidAddress(f"{_shown(text)} names no server. {_EXAMPLE}" if text.strip() else _EMPTY)
    address = _ip(host)
    if address is not None:
        return _LISTEN_EVERYWHERE.get(str(address), str(address))
    if ":" in host:
        raise InvalidAddress(f"{_shown(text)} has a bad IPv6 address. Type it like [::1]:8188.")
    labels = host.split(".")
    # Resolvers read "127.1" and "0x7f000001" as IPv4 addresses: nobody means that, and it hides the target.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        raise InvalidAddress(f"{_shown(text)} has a bad IPv4 address: it takes four numbers from 0 to 255.")
    if len(host) > 253 or not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise InvalidAddress(f"{_shown(text)} is no server address. {_EXAMPLE}")
    return host


def _to_ascii(host: str, text: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidAddress(f"{_shown(text)} is no server address. {_EXAMPLE}") from None


def _checked_port(port: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise InvalidAddress(f"{_shown(text)} has a bad port: it is a number from 1 to 65535, usually {COMFYUI_PORT}.")
    return int(port)


def _checked_prefix(path: str, text: str) -> str:
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    if segments and segments[-1] in ("api", "ws"):
        segments.pop()
    if ".." in segments or any(not character.isprintable() or character == " " for character in path):
        raise InvalidAddress(f"{_shown(text)} has a bad path after the server's name. {_EXAMPLE}")
    return "".join("/" + quote(segment, safe="%!$&'()*+,;=:") for segment in segments)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    address, percent, zone = host.partition("%")
    if percent and not re.fullmatch(r"[A-Za-z0-9_.-]+", zone):
        return None
    try:
        return ipaddress.ip_address(host if percent else address)
    except ValueError:
        return None


def _is_near(host: str) -> bool:
    """True for this machine and the local network, where servers stand without a proxy."""
    address = _ip(host)
    if address is not None:
        return address.is_private or address.is_link_local
    return "." not in host or host.endswith(_LOCAL_SUFFIXES)


def _shown(text: str) -> str:
    """Quote the typed text for a sentence: one short line, without the query, which may hold a token."""
    text = re.split(r"[?#]", text.strip(), maxsplit=1)[0]
    text = "".join(character if character.isprintable() else "�" for character in text)
    return f"“{text if len(text) <= 80 else text[:79] + '…'}”"
