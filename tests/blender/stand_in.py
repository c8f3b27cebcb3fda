"""The stand-in server as a process of its own: Blender's Python lacks what it is made of."""

import atexit
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any


class _Nursery:
    """Begins servers and ends them; made with the first of them, and gone with this process."""

    process: "subprocess.Popen[str] | None" = None

    @classmethod
    def ask(cls, root: Path, asked: object) -> str:
        """Return the answer to one line."""
        if cls.process is None:
            python = os.environ.get("BLENDER_COMFYUI_PYTHON", sys.executable)
            # Blender's Python settings must not reach the other Python
            env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
            cls.process = subprocess.Popen(
                [python, "-m", "tests.comfy_server.nursery"],
                cwd=root,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert cls.process.stdin is not None
            atexit.register(cls.process.stdin.close)  # then it ends, and its servers with it
        assert cls.process.stdin is not None
        assert cls.process.stdout is not None
        cls.process.stdin.write(json.dumps(asked) + "\n")
        cls.process.stdin.flush()
        return cls.process.stdout.readline().strip()


class StandIn:
    """``python -m tests.comfy_server`` as a context manager; `url` is where it listens."""

    def __init__(self, root: Path, *options: str) -> None:
        self._options = list(options)
        self._root = root
        self._number = 0

    def __enter__(self) -> "StandIn":
        number, _, self.url = _Nursery.ask(self._root, self._options).partition(" ")
        assert self.url.startswith("http"), f"the stand-in server did not start: {self._options}"
        self._number = int(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self._number:
            assert _Nursery.ask(self._root, self._number) == "ended"
        self._number = 0

    def control(self, **body: Any) -> dict[str, Any]:
        """Turn knobs and read counters: ``control(set={"step_delay": 0.1})``."""
        origin = "/".join(self.url.split("/")[:3])
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{origin}/_control", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
