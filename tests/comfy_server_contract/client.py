"""A plain client for the contract: requests, and a websocket that keeps what it hears."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable
from typing import Any

import requests
import websocket

from tests.comfy_server import ComfyServer

from .recordings import kind_of

Message = dict[str, Any]


class Client:
    """One client id, one socket; ``heard`` has all messages in the form of the recordings."""

    def __init__(self, server: ComfyServer, client_id: str | None = None, flags: dict[str, Any] | None = None) -> None:
        self.server = server
        self.http = requests.Session()
        self.id = client_id or uuid.uuid4().hex
        self.heard: list[Message] = []
        url = server.url.replace("http", "ws", 1) + f"/ws?clientId={self.id}"
        self.socket = websocket.create_connection(url, timeout=20)
        if flags is not None:
            self.socket.send(json.dumps({"type": "feature_flags", "data": flags}))

    def post(self, prompt: dict[str, Any], **more: Any) -> Any:
        """The answer to POST /prompt; ``client_id=None`` leaves it out."""
        body = {"prompt": prompt, "client_id": self.id, **more}
        body = {key: value for key, value in body.items() if value is not None}
        return self.http.post(f"{self.server.url}/prompt", json=body, timeout=20)

    def get(self, path: str, **more: Any) -> Any:
        return self.http.get(self.server.url + path, timeout=20, **more)

    def hear(self) -> Message | None:
        """The next message; None at the end of the connection, however it comes."""
        try:
            opcode, data = self.socket.recv_data()
        except (websocket.WebSocketException, ConnectionError):
            return None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return None
        message = json.loads(data) if opcode == websocket.ABNF.OPCODE_TEXT else _read_frame(data)
        self.heard.append(message)
        return dict(message)

    def hear_until(self, holds: Callable[[Message], bool]) -> list[Message]:
        """All heard so far, up to and with the first message that holds."""
        while (message := self.hear()) is not None:
            if holds(message):
                return self.heard
        raise AssertionError(f"the connection ended after {[kind_of(each) for each in self.heard]}")

    def hear_end_of(self, prompt_id: str) -> list[Message]:
        """Up to ``executing`` with no node."""
        return self.hear_until(
            lambda message: (
                kind_of(message) == "executing"
                and message["data"]["node"] is None
                and message["data"]["prompt_id"] == prompt_id
            )
        )

    def hear_rest(self) -> list[Message]:
        """All until the server closes the socket."""
        while self.hear() is not None:
            pass
        return self.heard

    def close(self) -> None:
        self.socket.close()
        self.http.close()


def _read_frame(data: bytes) -> Message:
    (kind,) = struct.unpack_from(">I", data)
    message: Message = {"binary": True, "event_type": kind, "length": len(data)}
    (number,) = struct.unpack_from(">I", data, 4)
    if kind == 1:
        return message | {"image_type": number, "image_head": data[8:12].hex()}
    name = data[8 : 8 + number].decode()
    if kind == 3:
        return message | {"node_id": name, "text": data[8 + number :].decode()}
    return message | {"metadata": json.loads(name), "image_head": data[8 + number : 12 + number].hex()}
