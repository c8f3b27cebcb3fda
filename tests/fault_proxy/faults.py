"""What can befall one request. Each fault is an async callable of the Line, and has the request to itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .messages import Answer
from .proxy import Fault, Line

PAGE = b"<!doctype html><title>One moment</title><p>We are back soon."
_TICK = 0.03  # seconds between two drops


@dataclass(frozen=True)
class Say:
    """Another answer, whole and in good order; the server hears nothing of the request."""

    status: int = 200
    body: bytes = b"busy"
    content_type: str = "text/plain"

    async def __call__(self, line: Line) -> None:
        await line.send(bytes(Answer.make(self.status, self.content_type, self.body)))


def page(content_type: str = "text/html", status: int = 200) -> Say:
    """A web page, of whatever type it says it is."""
    return Say(status, PAGE, content_type)


def json(body: bytes) -> Say:
    return Say(200, body, "application/json")


@dataclass(frozen=True)
class After:
    """The server does it, but its answer is lost: `fault` befalls the client."""

    fault: Fault

    async def __call__(self, line: Line) -> None:
        await line.forward()
        await self.fault(line)


@dataclass(frozen=True)
class HangUp:
    """The connection ends without an answer, in order or broken."""

    reset: bool = False

    async def __call__(self, line: Line) -> None:
        if self.reset:
            line.reset()
        line.finish()


@dataclass(frozen=True)
class Silence:
    """Nothing comes any more, and nothing ends."""

    async def __call__(self, line: Line) -> None:
        await line.until_gone()


@dataclass(frozen=True)
class Noise:
    """Bytes that are no HTTP."""

    data: bytes = b"\x15\x03\x01\x00\x02\x02\x50 what?\r\n\r\n"

    async def __call__(self, line: Line) -> None:
        await line.send(self.data)
        line.finish()


@dataclass(frozen=True)
class Cut:
    """The server's answer, but only this part of its body; with `announced` its length is told all the same."""

    part: float = 0.5
    announced: bool = True
    reset: bool = False

    async def __call__(self, line: Line) -> None:
        answer = await line.forward()
        head = answer.head if self.announced else answer.head.without("Content-Length").adding("Connection", "close")
        await line.send(bytes(head) + answer.body[: int(len(answer.body) * self.part)])
        if self.reset:
            line.reset()
        line.finish()


@dataclass(frozen=True)
class Twice:
    """The server's answer, and once more, though nobody asked again."""

    async def __call__(self, line: Line) -> None:
        answer = await line.forward()
        await line.send(bytes(answer) * 2)


@dataclass(frozen=True)
class DripHead:
    """A head that never ends: one header of many drops, or many whole headers."""

    whole_headers: bool = False

    async def __call__(self, line: Line) -> None:
        line.finish()
        await line.send(b"HTTP/1.1 200 OK\r\nX-Drops: ")
        while True:
            await line.drip(b"x\r\nX-Drop: " if self.whole_headers else b"x", _TICK)


@dataclass(frozen=True)
class EndlessHead:
    """A head that never ends, as fast as it goes."""

    async def __call__(self, line: Line) -> None:
        line.finish()
        await line.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await line.send(b"X-More: " + b"x" * 1000 + b"\r\n")
            await asyncio.sleep(0)


@dataclass(frozen=True)
class DripBody:
    """A body of which a byte comes now and then, for ever; in chunks, or up to an end of the connection that never
    comes, or after a length that is not kept within any time. With a `status` the server hears nothing of it."""

    chunked: bool = False
    announced: bool = False
    status: int = 0

    async def __call__(self, line: Line) -> None:
        answer = Answer.make(self.status, "text/html", PAGE) if self.status else await line.forward()
        line.finish()
        head = answer.head.without("Content-Length")
        if self.chunked:
            head = head.adding("Transfer-Encoding", "chunked")
        elif self.announced:
            head = head.adding("Content-Length", str(10**9))
        await line.send(bytes(head))
        body = answer.body
        while True:
            piece, body = body[:1] or b" ", body[1:]
            await line.send(b"1\r\n" + piece + b"\r\n" if self.chunked else piece)
            await asyncio.sleep(_TICK)


@dataclass(frozen=True)
class Meanwhile:
    """Something happens to the server (methods of ComfyServer, in turn) before it gets the request."""

    calls: tuple[str, ...]

    async def __call__(self, line: Line) -> None:
        for call in self.calls:
            await asyncio.to_thread(getattr(line.server, call))
        await line.send(bytes(await line.forward()))
