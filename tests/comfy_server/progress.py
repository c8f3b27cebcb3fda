"""progress_state, progress and previews of one prompt."""

from __future__ import annotations

import copy
from typing import Any

from .messages import PREVIEW, PREVIEW_WITH_METADATA, Messenger, image_frame, metadata_frame


class Progress:
    def __init__(self, prompt_id: str, client_id: str | None, messenger: Messenger) -> None:
        self._prompt_id = prompt_id
        self._client_id = client_id
        self._messenger = messenger
        self._nodes: dict[str, dict[str, Any]] = {}

    def start(self, node_id: str) -> None:
        self._entry(node_id).update(value=0.0, max=1.0, state="running")
        self._send_state()

    def finish(self, node_id: str) -> None:
        entry = self._entry(node_id)
        entry.update(value=entry["max"], state="finished")
        self._send_state()

    def update(self, node_id: str, value: float, total: float, image: bytes | None, is_png: bool) -> None:
        """State, preview with metadata, progress, preview without: one of the previews, as the client asked."""
        self._entry(node_id).update(value=value, max=total, state="running")
        self._send_state()
        with_metadata = self._messenger.wants_metadata(self._client_id)
        if image is not None and with_metadata:
            data = self._ids(node_id) | {"image_type": "image/png" if is_png else "image/jpeg"}
            self._messenger.send(PREVIEW_WITH_METADATA, metadata_frame(image, data), self._client_id)
        data = {"value": value, "max": total, "prompt_id": self._prompt_id, "node": node_id}
        self._messenger.send("progress", data, self._client_id)
        if image is not None and not with_metadata:
            self._messenger.send(PREVIEW, image_frame(image, is_png), self._client_id)

    def _ids(self, node_id: str) -> dict[str, Any]:
        ids = {"node_id": node_id, "prompt_id": self._prompt_id, "display_node_id": node_id}
        return {**ids, "parent_node_id": None, "real_node_id": node_id}

    def _entry(self, node_id: str) -> dict[str, Any]:
        fresh = {"value": 0, "max": 1, "state": "pending", **self._ids(node_id)}
        return self._nodes.setdefault(node_id, fresh)

    def _send_state(self) -> None:
        data = {"prompt_id": self._prompt_id, "nodes": copy.deepcopy(self._nodes)}
        self._messenger.send("progress_state", data, self._client_id)
