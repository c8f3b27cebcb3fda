"""The stand-in server as a process of its own: Blender's Python lacks what it is made of."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any


class StandIn:
    """``python -m tests.comfy_server`` as a context manager; `url` is where it listens."""

    def __init__(self, root: Path, *options: str) -> None:
        python = os.environ.get("BLENDER_COMFYUI_PYTHON", sys.executable)
        self._command = [python, "-m", "tests.comfy_server", "--port", "0", *options]
        self._root = root

    def __enter__(self) -> "StandIn":
        # Blender's Python settings must not reach the other Python
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = subprocess.Popen(
            self._command, cwd=self._root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http"), f"the stand-in server did not start: {self._command}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def control(self, **body: Any) -> dict[str, Any]:
        """Turn knobs and read counters: ``control(set={"step_delay": 0.1})``."""
        origin = "/".join(self.url.split("/")[:3])
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{origin}/_control", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
