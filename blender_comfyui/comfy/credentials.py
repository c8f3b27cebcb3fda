"""What proves to a server who we are: HTTP headers, kept out of every text. No bpy here."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .errors import InvalidCredentials

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HARMLESS = frozenset({"true", "false", "none", "null"})  # as in "ngrok-skip-browser-warning: true"
# These describe the connection and the body; set by hand they break every request.
_OURS = frozenset({"connection", "content-length", "content-type", "transfer-encoding", "upgrade"})


@dataclass(frozen=True, repr=False)
class Credentials:
    """Headers for every request to one server and for its websocket.

    Raises InvalidCredentials for headers that HTTP cannot carry. ``str`` and ``repr`` show neither names nor
    values, and no error sentence shows a value.
    """

    headers: tuple[tuple[str, str], ...] = ()
    account_key: str = ""  # of a Comfy account: what partner nodes pay with; no header, it goes with their prompts

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for name, value in self.headers:
            _check_name(name)
            _check_value(name, value)
            if name.lower() in seen:
                raise InvalidCredentials(f"The header {name} is there twice. Keep one of them.")
            seen.add(name.lower())

    @classmethod
    def none(cls) -> Credentials:
        """For servers that ask for nothing."""
        return cls()

    @classmethod
    def bearer(cls, token: str) -> Credentials:
        """``Authorization: Bearer <token>``; a pasted "Bearer " before the token is tolerated."""
        token = re.sub(r"^bearer\s+", "", token.strip(), flags=re.IGNORECASE)
        return cls((("Authorization", f"Bearer {_filled(token, 'token')}"),))

    @classmethod
    def api_key(cls, key: str) -> Credentials:
        """``X-API-Key: <key>``, as Comfy Cloud wants it."""
        return cls((("X-API-Key", _filled(key.strip(), "API key")),))

    @classmethod
    def basic(cls, user: str, password: str) -> Credentials:
        """HTTP basic authentication (RFC 7617, UTF-8)."""
        if ":" in user:
            raise InvalidCredentials("A user name for basic authentication cannot hold a colon. Check the user name.")
        try:
            pair = f"{user}:{password}".encode()
        except UnicodeEncodeError:
            raise InvalidCredentials(
                "The user name or password has a broken character. Type it again by hand."
            ) from None
        return cls((("Authorization", "Basic " + base64.b64encode(pair).decode("ascii")),))

    @classmethod
    def free(cls, headers: Mapping[str, str]) -> Credentials:
        """Any headers; spaces and line ends around names and values, as pasting leaves them, are dropped."""
        return cls(tuple((name.strip(), value.strip()) for name, value in headers.items()))

    def with_account(self, key: str) -> Credentials:
        """The same, and the key of a Comfy account (platform.comfy.org)."""
        return dataclasses.replace(self, account_key=key.strip())

    @property
    def secrets(self) -> frozenset[str]:
        """What may be in no text: the headers' values, and tokens and passwords by themselves."""
        values = [value for _, value in self.headers] + [self.account_key]
        return frozenset(secret for value in values for secret in secrets_of(value))

    def __repr__(self) -> str:
        return f"Credentials(<{len(self.headers) + bool(self.account_key)} hidden>)"

    def __bool__(self) -> bool:
        return bool(self.headers or self.account_key)


def secrets_of(value: str) -> Iterator[str]:
    """The secrets in a header's value: itself, and what it is made of. '' and harmless words are none."""
    if value and value.lower() not in _HARMLESS:
        yield value
    scheme, _, rest = value.partition(" ")
    if scheme.lower() in ("bearer", "token", "basic"):
        yield rest.strip()
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            pair = base64.b64decode(rest, validate=True).decode("utf-8")
            yield pair
            yield pair.partition(":")[2]


def _filled(secret: str, kind: str) -> str:
    if not secret:
        raise InvalidCredentials(f"The {kind} is empty. Enter it, or choose no authentication.")
    return secret


def _check_name(name: str) -> None:
    # A bad name is not shown: it may be a whole "Name: secret" line pasted into the wrong field.
    if not _TOKEN.fullmatch(name):
        raise InvalidCredentials(
            "A header name may hold letters, digits and hyphens only. "
            "Enter the name without colon and the value by itself."
        )
    if name.lower() in _OURS:
        raise InvalidCredentials(f"The header {name} belongs to the connection itself. Remove it.")


def _check_value(name: str, value: str) -> None:
    if any((ord(character) < 0x20 and character != "\t") or ord(character) == 0x7F for character in value):
        raise InvalidCredentials(f"The value of the header {name} holds a line break or control character. Remove it.")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidCredentials(
            f"The value of the header {name} holds a character that HTTP cannot carry. Copy it again."
        ) from None
