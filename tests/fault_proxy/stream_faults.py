"""What can befall a websocket. Each is an async callable of the Line and of a source of the server's frames."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .frames import BINARY, TEXT, Frame, header
from .proxy import Line

Source = Callable[[], Awaitable[Frame]]


class OnMessage:
    """Passes everything on, up to the first message of a kind; there `befall` has its way."""

    kind: str

    async def __call__(self, line: Line, next_frame: Source) -> None:
        while (frame := await next_frame()).kind != self.kind:
            await line.send(bytes(frame))
        await self.befall(line, frame)

    async def befall(self, line: Line, frame: Frame) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Drop(OnMessage):
    """The connection ends instead of that message, with a close frame or without."""

    kind: str
    close_frame: bool

    async def befall(self, line: Line, frame: Frame) -> None:
        await line.drop(self.close_frame)


@dataclass(frozen=True)
class FallSilent(OnMessage):
    """Half-open: from that message on nothing comes any more, not even an answer to a ping."""

    kind: str

    async def befall(self, line: Line, frame: Frame) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class HalfFrame(OnMessage):
    """The connection breaks in the middle of that message."""

    kind: str

    async def befall(self, line: Line, frame: Frame) -> None:
        data = bytes(frame)
        await line.send(data[: len(data) // 2])
        line.reset()


@dataclass(frozen=True)
class DripFrame(OnMessage):
    """In place of that message one comes that never gets whole."""

    kind: str

    async def befall(self, line: Line, frame: Frame) -> None:
        await line.send(header(TEXT, 2**20))
        while True:
            await line.drip(b" ", 0.03)


@dataclass(frozen=True)
class HugeFrame(OnMessage):
    """In place of that message one comes that announces `announced` bytes and keeps sending; or, with 0, parts of a
    message that has no last one."""

    kind: str
    announced: int = 2**62

    async def befall(self, line: Line, frame: Frame) -> None:
        part = bytes(2**16)
        if self.announced:
            await line.send(header(BINARY, self.announced))
        else:
            await line.send(header(BINARY, len(part), fin=False) + part)
        while True:
            await line.send(part if self.announced else header(0, len(part), fin=False) + part)
            await asyncio.sleep(0)


@dataclass(frozen=True)
class RawBytes(OnMessage):
    """In place of that message bytes come that are no frame; nothing more after them."""

    kind: str
    data: bytes

    async def befall(self, line: Line, frame: Frame) -> None:
        await line.send(self.data)
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Duplicated:
    """Every message comes twice."""

    async def __call__(self, line: Line, next_frame: Source) -> None:
        while True:
            await line.send(bytes(await next_frame()) * 2)


@dataclass(frozen=True)
class Reordered:
    """Messages come in another order: shuffled in groups of `size`, or backwards without a seed."""

    size: int = 4
    seed: int | None = None

    async def __call__(self, line: Line, next_frame: Source) -> None:
        rng = random.Random(self.seed)
        reading = asyncio.ensure_future(next_frame())
        group: list[Frame] = []
        try:
            while True:
                # a group that does not fill up is sent once the server pauses: reordering is no loss
                done, _ = await asyncio.wait({reading}, timeout=0.05 if group else None)
                if done:
                    group.append(reading.result())
                    reading = asyncio.ensure_future(next_frame())
                if not done or len(group) >= self.size:
                    group.reverse() if self.seed is None else rng.shuffle(group)
                    await line.send(b"".join(map(bytes, group)))
                    group = []
        finally:
            reading.cancel()


@dataclass(frozen=True)
class Truncated:
    """Every message comes whole as a frame, but with only a part of what it says."""

    part: float = 0.5

    async def __call__(self, line: Line, next_frame: Source) -> None:
        while True:
            frame = await next_frame()
            if frame.opcode in (TEXT, BINARY):
                frame = Frame(frame.opcode, frame.payload[: int(len(frame.payload) * self.part)])
            await line.send(bytes(frame))


GARBAGE = (
    Frame(TEXT, b""),
    Frame(TEXT, b"not json"),
    Frame(TEXT, b"\xff\xfe\x00"),
    Frame(TEXT, b"[" * 50_000),
    Frame(TEXT, b'{"type": "executing", "data": 7}'),
    Frame(TEXT, b'{"type": ["status"], "data": {"prompt_id": NaN}}'),
    Frame(TEXT, b'{"type": "progress", "data": {"value": Infinity, "max": -1, "prompt_id": [], "node": {}}}'),
    Frame(TEXT, b'{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": -5}}}}'),
    Frame(TEXT, b'{"type": "a.message.of.tomorrow", "data": {"prompt_id": "x"}}'),
    Frame(BINARY, b""),
    Frame(BINARY, b"\x00\x00\x00\x01"),
    Frame(BINARY, b"\x00\x00\x00\x04\xff\xff\xff\xff{}"),
    Frame(BINARY, b"\x00\x00\x00\x63 of a kind that nobody knows"),
    Frame(9, b"a ping"),
    Frame(10, b"a pong that nobody asked for"),
)


@dataclass(frozen=True)
class Garbled:
    """Rubbish comes before every message."""

    async def __call__(self, line: Line, next_frame: Source) -> None:
        while True:
            frame = await next_frame()
            await line.send(b"".join(map(bytes, GARBAGE)) + bytes(frame))


def _told(prompt_id: str, file: str) -> list[Frame]:
    """A whole life of a prompt, with a file that it left."""
    output = {"images": [{"filename": file, "subfolder": "", "type": "output"}]}
    trouble = {"node_id": "1", "exception_type": "ValueError", "exception_message": "no", "traceback": []}
    about = {"prompt_id": prompt_id}
    return [
        Frame.message("execution_start", about),
        Frame.message("execution_cached", {"nodes": ["1"], **about}),
        Frame.message("executing", {"node": "1", **about}),
        Frame.message("progress", {"node": "1", "value": 9, "max": 9, **about}),
        Frame.message("executed", {"node": "2", "output": output, **about}),
        Frame.message("execution_error", {**trouble, **about}),
        Frame.message("execution_interrupted", {"node_id": "1", **about}),
        Frame.message("execution_success", about),
        Frame.message("executing", {"node": None, **about}),
    ]


@dataclass(frozen=True)
class Foreign:
    """Other people's messages come among ours; with `as_ours` they claim to be about our own prompt."""

    file: str
    as_ours: bool = False

    async def __call__(self, line: Line, next_frame: Source) -> None:
        while True:
            frame = await next_frame()
            prompt_id = frame.prompt_id if self.as_ours else "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
            told = _told(prompt_id, self.file) if prompt_id else []
            await line.send(b"".join(map(bytes, told)) + bytes(frame))
