"""The least that a client can do, to measure ours against: one kept connection, one socket, no safety at all."""

from __future__ import annotations

import http.client
import json
import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

import websocket


class RawClient:
    """Knows nothing of errors, retries, files or other prompts than its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._http = http.client.HTTPConnection(parts.hostname, parts.port or 80)
        self._client_id = uuid.uuid4().hex
        self._socket = websocket.create_connection(
            f"ws://{parts.netloc}/ws?clientId={self._client_id}", suppress_origin=True
        )

    def close(self) -> None:
        self._http.close()
        self._socket.close(timeout=1)

    def post(self, graph: dict[str, Any]) -> str:
        """POST /prompt; gives the prompt id."""
        body = json.dumps({"prompt": graph, "client_id": self._client_id})
        self._http.request("POST", "/prompt", body, {"Content-Type": "application/json"})
        return str(json.loads(self._http.getresponse().read())["prompt_id"])

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

    def view(self, file: dict[str, str]) -> bytes:
        self._http.request("GET", "/view?" + urlencode(file))
        return self._http.getresponse().read()

    def generate(self, graph: dict[str, Any]) -> bytes:
        """From graph to bytes in hand."""
        return self.view(self.wait(self.post(graph))["images"][0])
