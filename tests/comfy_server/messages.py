"""The websockets, and what is sent over them."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

from aiohttp import web

TEXT = 3
PREVIEW = 1
PREVIEW_WITH_METADATA = 4

Message = tuple[str | int, Any, str | None]
"""Type (a name: JSON; a number: binary), data, client id or None for all."""


class Messenger:
    """Sends from any thread, in the order of the calls; one socket for each client id."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.flags: dict[str, dict[str, Any]] = {}
        self.open: dict[web.WebSocketResponse, web.Request] = {}
        self.silent: set[web.WebSocketResponse] = set()

    def send(self, kind: str | int, data: Any, client_id: str | None = None) -> None:
        self._loop.call_soon_threadsafe(self._messages.put_nowait, (kind, data, client_id))

    def wants_metadata(self, client_id: str | None) -> bool:
        return bool(client_id and self.flags.get(client_id, {}).get("supports_preview_metadata"))

    async def publish(self) -> None:
        while True:
            kind, data, client_id = await self._messages.get()
            if client_id is None:
                targets = list(self.sockets.values())
            else:
                targets = [self.sockets[client_id]] if client_id in self.sockets else []
            for socket in targets:
                await self.send_to(socket, kind, data)

    async def send_to(self, socket: web.WebSocketResponse, kind: str | int, data: Any) -> None:
        if socket in self.silent:
            return
        try:
            if isinstance(kind, str):
                await socket.send_str(json.dumps({"type": kind, "data": data}))
            else:
                await socket.send_bytes(struct.pack(">I", kind) + data)
        except (ConnectionError, RuntimeError):
            pass  # the peer has gone; its handler takes it from the register

    async def drop(self, close_frame: bool) -> None:
        for socket, request in list(self.open.items()):
            if close_frame:
                await socket.close()
            elif request.transport is not None:
                request.transport.abort()


def text_frame(node_id: str, text: str) -> bytes:
    name = node_id.encode()
    return struct.pack(">I", len(name)) + name + text.encode()


def image_frame(image: bytes, is_png: bool) -> bytes:
    return struct.pack(">I", 2 if is_png else 1) + image


def metadata_frame(image: bytes, metadata: dict[str, Any]) -> bytes:
    text = json.dumps(metadata).encode()
    return struct.pack(">I", len(text)) + text + image
