"""HTTP messages as they travel: a head and a body, read whole, changed little."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_UUID = re.compile(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Head:
    """The first line and the headers, in their order and spelling."""

    line: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first header of that name, or ''."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def without(self, *names: str) -> Head:
        gone = {name.lower() for name in names}
        return dataclasses.replace(self, headers=tuple(h for h in self.headers if h[0].lower() not in gone))

    def adding(self, name: str, value: str) -> Head:
        return dataclasses.replace(self, headers=(*self.headers, (name, value)))

    def __bytes__(self) -> bytes:
        lines = [self.line, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


@dataclass(frozen=True)
class Request:
    """What a client asked. `count` says how many requests of this route and caller came before it."""

    head: Head
    body: bytes
    count: int = 0

    @property
    def route(self) -> str:
        """Method and path, without /api and query; ids stand as ``{id}``, node classes as ``{class}``."""
        method, target, _ = self.head.line.split(" ", 2)
        path = urlsplit(target).path.removeprefix("/api")
        path = re.sub(r"^/object_info/.+", "/object_info/{class}", _UUID.sub("/{id}", path))
        return f"{method} {path}"

    @property
    def caller(self) -> str:
        """Whose request it is, where callers say so."""
        return self.head.get("X-Caller")

    @property
    def is_upgrade(self) -> bool:
        return self.head.get("Upgrade").lower() == "websocket"


@dataclass(frozen=True)
class Answer:
    """`body` is as it travelled: with its chunk sizes where it came in chunks."""

    head: Head
    body: bytes

    @classmethod
    def make(cls, status: int, content_type: str, body: bytes, **headers: str) -> Answer:
        all_headers = {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}
        return cls(Head(f"HTTP/1.1 {status} Because", tuple(all_headers.items())), body)

    def __bytes__(self) -> bytes:
        return bytes(self.head) + self.body


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Raises asyncio.IncompleteReadError where the connection ends."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = text.rstrip("\r\n").split("\r\n")
    pairs = (header.partition(":") for header in rest)
    return Head(line, tuple((name, value.strip()) for name, _, value in pairs))


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    """The body that this head announces, in chunks or by its length."""
    if head.get("Transfer-Encoding").lower() != "chunked":
        return await reader.readexactly(int(head.get("Content-Length") or 0))
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        body += size + await reader.readexactly(int(size, 16) + 2)
        if int(size, 16) == 0:
            return body
