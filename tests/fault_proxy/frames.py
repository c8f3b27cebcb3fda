"""Websocket frames on their way from the server to the client."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from typing import Any

TEXT, BINARY, CLOSE = 1, 2, 8


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True

    @classmethod
    def message(cls, kind: str, data: dict[str, Any]) -> Frame:
        return cls(TEXT, json.dumps({"type": kind, "data": data}).encode())

    @property
    def json(self) -> dict[str, Any]:
        """What a text frame says, {} for any other."""
        if self.opcode != TEXT:
            return {}
        found = json.loads(self.payload)
        return found if isinstance(found, dict) else {}

    @property
    def kind(self) -> str:
        """The type of a JSON message; "preview" of a binary one; '' of control frames."""
        return "preview" if self.opcode == BINARY else str(self.json.get("type", ""))

    @property
    def prompt_id(self) -> str:
        data = self.json.get("data")
        return str(data.get("prompt_id") or "") if isinstance(data, dict) else ""

    def __bytes__(self) -> bytes:
        return header(self.opcode, len(self.payload), self.fin) + self.payload


def header(opcode: int, length: int, fin: bool = True) -> bytes:
    """The head of a server's frame; what it announces need not come."""
    first = bytes([(0x80 if fin else 0) | opcode])
    if length < 126:
        return first + bytes([length])
    return first + (struct.pack("!BH", 126, length) if length < 65536 else struct.pack("!BQ", 127, length))


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next unmasked frame. Raises asyncio.IncompleteReadError where the connection ends."""
    first, length = await reader.readexactly(2)
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    return Frame(first & 0x0F, await reader.readexactly(length), bool(first & 0x80))
