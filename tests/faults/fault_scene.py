"""One job between a Session, the fault proxy and the stand-in server, and what has to hold at its end."""

from __future__ import annotations

import io
import re
import threading
import uuid
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from blender_comfyui.comfy.errors import ComfyError
from blender_comfyui.comfy.stream import StreamTimes
from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.outcome import Outcome
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.comfy_server import ComfyServer
from tests.fault_proxy import FaultProxy, Script

from .fault_row import Row

LIMIT = 120.0  # seconds; whoever waits longer waits for ever
PATIENCE = Patience(unsent=1.0, outage=1.5, absence=0.3, absence_behind_proxy=1.0, look=0.2, look_blind=0.1)
TIMEOUTS = Timeouts(connect=1.0, read=0.5, total=0.9)
STREAM_TIMES = StreamTimes(connect=0.5, ping_after=0.3, first_delay=0.02, longest_delay=0.1, message=1.0)
RETRY = Retry(first=0.02)


class Scene:
    """Set up around a row; `play` gives the outcome of its job."""

    limit = LIMIT

    def __init__(self, row: Row, server: ComfyServer, proxy: FaultProxy, folder: Path) -> None:
        self.row = row
        self.server = server
        self.proxy = proxy
        self.folder = folder
        self.script = Script(row.faults, row.stream, row.streams)
        self.script.set_on(proxy)
        self.job: Job

    def play(self) -> Outcome:
        """Raises what the checks raise; leaves no thread of the session behind."""
        before = set(threading.enumerate())
        row, times = (
            self.row,
            {"patience": PATIENCE, "timeouts": TIMEOUTS, "stream_times": STREAM_TIMES, "retry": RETRY},
        )
        if row.before:
            row.before(self)
        with Session(self.proxy.url, data_dir=self.folder, **times) as session:
            if row.during:
                self.server.hold()
            self.job = session.submit(*self._request())
            if row.during:
                self._act()
            outcome = self.job.wait(LIMIT)
            self._check_files(outcome)
            self._check_another(session)
        left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("comfyui")}
        assert not left, left
        return outcome

    def post_foreign(self) -> str:
        """A prompt of somebody else, who has nothing to do with us."""
        prompt_id = str(uuid.uuid4())
        body = {"prompt": graphs.empty_save(prefix="theirs"), "client_id": "them", "prompt_id": prompt_id}
        assert requests.post(f"{self.server.url}/prompt", json=body, timeout=10).status_code == 200
        return prompt_id

    def made(self, outcome: Outcome) -> list[bytes]:
        """What the stand-in has on its disk for each output node of the job, in the order of the outcome."""
        found = []
        for node_id in dict.fromkeys(output.node_id for output in outcome.outputs):
            node: Any = self.job.request.prompt[node_id]
            if node["class_type"] == "SaveImageWebsocket":
                found.append(self._drawn())
                continue
            prefix = node["inputs"]["filename_prefix"]
            found += [path.read_bytes() for path in sorted(self.server.folders.of_type("output").glob(f"{prefix}_*"))]
        return found

    def _drawn(self) -> bytes:
        """The picture of a graph that leaves none on the server's disk, as its node draws and sends it."""
        inputs: Any = self.job.request.prompt["1"]["inputs"]  # type: ignore[index]
        colour, buffer = inputs["color"], io.BytesIO()
        fill = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
        Image.new("RGB", (inputs["width"], inputs["height"]), fill).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def _request(self) -> tuple[Any, ...]:
        graph = self.row.graph()
        return graph if isinstance(graph, tuple) else (graph,)

    def _act(self) -> None:
        self.server.wait_held(LIMIT)
        self.row.during(self)
        self.server.release()

    def _check_files(self, outcome: Outcome) -> None:
        folder = self.folder / "outputs"
        here = sorted(folder.iterdir()) if folder.is_dir() else []
        assert here == sorted(outcome.files), "something was left, or is not there"

    def _check_another(self, session: Session) -> None:
        """All is well again, and the next job comes: nothing hangs, nothing was confused."""
        self.script.calm = True
        self.proxy.listen()
        self.server.release()
        outcome = session.submit(graphs.empty_save(prefix="next")).wait(LIMIT)
        assert outcome.state == "finished", outcome
        (made,) = self.server.folders.of_type("output").glob("next_*")
        assert [path.read_bytes() for path in outcome.files] == [made.read_bytes()]


def check_sentence(error: Exception | None) -> None:
    """A person can read it, and learns what to do next."""
    assert isinstance(error, ComfyError)
    text = str(error)
    assert re.fullmatch(r"[A-Z“h].{20,400}[.!]", text), text
    assert len(re.findall(r"[.!?](?: |$)", text)) >= 2, f"it does not say what to do: {text}"
