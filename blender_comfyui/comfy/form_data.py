"""A form with one file in it, as ComfyUI's upload routes want it, sent piece by piece: a video is never in memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PIECE = 256 * 1024  # bytes


class FileShrank(OSError):
    """The file became shorter while it was sent."""


@dataclass(frozen=True)
class FileForm:
    """`fields` and then the file at `path`, under the name `file_name`. Format: RFC 7578.

    Raises OSError where the file is not there.
    """

    path: Path
    file_name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))
    file_size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "file_size", self.path.stat().st_size)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def size(self) -> int:
        """Bytes of the whole body."""
        return len(self._head) + self.file_size + len(self._tail)

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises FileShrank, or OSError where the file cannot be read."""
        yield self._head
        left = self.file_size  # what was added since was not announced
        with self.path.open("rb") as file:
            while left:
                piece = file.read(min(PIECE, left))
                if not piece:
                    raise FileShrank(0, "it became shorter while it was read", os.fspath(self.path))
                left -= len(piece)
                yield piece
        yield self._tail

    @property
    def _head(self) -> bytes:
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in self.fields.items()
        ]
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="image"; filename="{_escaped(self.file_name)}"'
            "\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        return "".join(parts).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def _escaped(name: str) -> str:
    """As browsers write it (https://html.spec.whatwg.org/#multipart-form-data)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
