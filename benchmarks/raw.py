"""The least that a client can do, to measure ours against: a kept connection, one socket, and no safety at all.

RawClient is on requests, the library that ours is on too, and BareClient on Python's own http.client, below which there
is only C. SafeClient is RawClient with the little that a result needs to survive a power cut.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import websocket
from PIL import Image


class RawClient:
    """Knows nothing of errors, retries, files or other prompts than its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client_id = uuid.uuid4().hex
        self._http = requests.Session()
        self._socket = websocket.create_connection(
            f"ws://{urlsplit(url).netloc}/ws?clientId={self._client_id}", suppress_origin=True
        )

    def close(self) -> None:
        self._http.close()
        self._socket.close(timeout=1)

    def post(self, graph: dict[str, Any]) -> str:
        """POST /prompt; gives the prompt id."""
        body = {"prompt": graph, "client_id": self._client_id}
        return str(self._http.post(f"{self._url}/prompt", json=body).json()["prompt_id"])

    def view(self, file: dict[str, str]) -> bytes:
        return self._http.get(f"{self._url}/view", params=file).content

    def wait(self, prompt_id: str) -> dict[str, Any]:
        """Read the socket to the end of the prompt; gives the output of its last output node."""
        output: dict[str, Any] = {}
        while True:
            frame = self._socket.recv()
            if not isinstance(frame, str):
                continue
            message = json.loads(frame)
            data = message["data"]
            if data.get("prompt_id") != prompt_id:
                continue
            if message["type"] == "executed":
                output = data["output"]
            elif message["type"] == "execution_success":
                return output

    def generate(self, graph: dict[str, Any]) -> bytes:
        """From graph to bytes in hand."""
        return self.view(self.wait(self.post(graph))["images"][0])


class SafeClient(RawClient):
    """The least that keeps what ours promises: the job on the disk itself before it is on the wire, the picture read
    through and on the disk itself when it is told. Without a history, a queue, or a second try."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url)
        self._folder = folder

    def post(self, graph: dict[str, Any]) -> str:
        self._keep("jobs.jsonl", json.dumps(graph).encode(), "ab")
        return super().post(graph)

    def generate(self, graph: dict[str, Any]) -> bytes:
        picture = super().generate(graph)
        with Image.open(io.BytesIO(picture)) as read:
            read.load()
        self._keep(f"{uuid.uuid4()}.png", picture, "wb")
        return picture

    def _keep(self, name: str, data: bytes, mode: str) -> None:
        with (self._folder / name).open(mode) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


class BareClient(RawClient):
    """The same on http.client."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._bare = http.client.HTTPConnection(parts.hostname, parts.port or 80)

    def post(self, graph: dict[str, Any]) -> str:
        body = json.dumps({"prompt": graph, "client_id": self._client_id})
        self._bare.request("POST", "/prompt", body, {"Content-Type": "application/json"})
        return str(json.loads(self._bare.getresponse().read())["prompt_id"])

    def view(self, file: dict[str, str]) -> bytes:
        self._bare.request("GET", "/view?" + urlencode(file))
        return self._bare.getresponse().read()
