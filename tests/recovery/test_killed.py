"""Blender is killed with SIGKILL at more than fifty moments of a job's life: each result is there once afterwards.

A chain of Blenders with one history and one .blend. Each recovers what the one before left, is looked at, works, and
dies at its moment. 5.2 only, unless BLENDER_COMFYUI_VERSIONS names others ("all", or "4.2 5.0").
"""

import dataclasses
import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.generation.history import History, Record
from tests.comfy_server import ComfyServer
from tests.graphs import empty_save
from tests.recovery.moments import MOMENTS, Moment
from tools import extension
from tools.project import ROOT
from tools.venvs import BLENDERS, Blender

PATIENCE = 150.0  # seconds in which a life says something


def versions() -> list[Blender]:
    wanted = os.environ.get("BLENDER_COMFYUI_VERSIONS", "5.2")
    return [known for known in BLENDERS if wanted == "all" or known.version.startswith(tuple(wanted.split()))]


class Life:
    """A Blender process, from its start to its death."""

    def __init__(self, blender: Blender, resources: Path, plan: dict[str, Any]) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        self._process = subprocess.Popen(
            [blender.venv.python, "-m", "tests.recovery.life", json.dumps(plan)],
            cwd=ROOT,
            env=env | {"BLENDER_USER_RESOURCES": str(resources)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            if line.startswith("@@"):
                self._said.put(json.loads(line[2:]))
        self._said.put(None)

    @property
    def last_words(self) -> str:
        return "".join(line[:400].rstrip() + "\n" for line in self.output[-40:])

    def hear(self) -> dict[str, Any] | None:
        """What it says next, None when it is dead."""
        try:
            return self._said.get(timeout=PATIENCE)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"Blender hangs:\n{self.last_words}") from None

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        return self._process.wait(PATIENCE)


class Chain:
    """One server, one history, one .blend, and the lives of Blender after each other."""

    def __init__(self, blender: Blender, server: ComfyServer, folder: Path) -> None:
        self.server = server
        self._blender = blender
        self._resources = folder / "resources"
        self._blend = folder / "scene.blend"
        self._pictures: dict[str, bytes] = {}
        self._clicked: set[str] = set()
        self._lives = 0
        self._resources.mkdir()
        first = self._begin(None, zip=os.environ.get("BLENDER_COMFYUI_ZIP") or str(extension.zip_for_this_machine()))
        assert first.end() == 0, first.last_words

    def live(self, moment: Moment | None) -> None:
        """One life: recover and look, work, die."""
        life = self._begin(moment)
        while (said := life.hear()) is not None:
            match said["what"]:
                case "returned":
                    self.server.release()
                case "recovered":
                    self._check(said, placed=False)
                    life.go_on()
                case "placed":
                    self._check(said, placed=True)
                    self._prepare(moment)
                    life.go_on()
                case "clicked":
                    self._clicked.add(said["id"])
                    if moment is not None and moment.is_in_post:
                        self._kill_in_post(life, said["id"])
                case "survived":
                    assert moment is None, f"{moment}: it did not come\n" + life.last_words
        code = life.end()
        assert code == (0 if moment is None else -signal.SIGKILL), life.last_words
        if moment is not None and moment.hold == "death":
            self.server.release()
            self.server.wait_for(lambda: not self._is_busy())

    def _begin(self, moment: Moment | None, **more: str) -> Life:
        self._lives += 1
        plan = {"zip": "", "blend": str(self._blend), "host": self.server.url, "number": self._lives} | more
        plan["moment"] = dataclasses.asdict(moment) if moment else None
        return Life(self._blender, self._resources, plan)

    def _prepare(self, moment: Moment | None) -> None:
        """Set the server as the moment wants it."""
        self.server.post_delay = 0.0
        self.server.vram_batch_limit = moment.vram if moment and moment.vram else None
        if moment is None or moment.stage != "work":
            return
        self.server.step_delay = 0.1 if moment.is_news_of_a_step else 0.0
        if moment.hold:
            self.server.hold()
        if moment.stranger:
            self._post_as_stranger()
        if moment.is_in_post:
            self.server.post_delay = 2 * PATIENCE

    def _post_as_stranger(self) -> None:
        import requests

        body = {"prompt": empty_save(), "client_id": "x", "prompt_id": str(uuid.uuid4())}
        requests.post(f"{self.server.url}/prompt", json=body, timeout=10).raise_for_status()
        self.server.wait_held()

    def _kill_in_post(self, life: Life, job_id: str) -> None:
        """The server has the prompt, the answer is on its way."""
        self.server.wait_for(lambda: job_id in self.server.executions)
        life.kill()
        self.server.post_delay = 0.0

    def _is_busy(self) -> bool:
        running, pending = self.server.site.queue.snapshot()
        return bool(running or pending)

    @property
    def summary(self) -> str:
        records = self._records()
        return f"{len(records)} jobs, {sum(len(record.files) for record in records)} results, each there once"

    # -- what has to be true

    def _check(self, said: dict[str, Any], *, placed: bool) -> None:
        """After each restart: nothing is lost, doubled or wrong, on the server, on the disk and in Blender."""
        records = self._records()
        unwritten = self._clicked - {record.id for record in records}
        assert not unwritten & set(self.server.executions), "executed, but not in the history"
        assert set(self.server.executions.values()) <= {1}, "a second execution"
        assert said["problems"] == []
        wanted = [f"{record.id}/{file.number}" for record in records for file in record.files]
        for record in records:
            self._check_record(record)
        where = {
            key: (said["lines"].get(key, 0), said["made"].get(key, 0), said["offered"].count(key)) for key in wanted
        }
        right = [(1, 1, 0)] if placed else [(1, 1, 0), (0, 0, 1)]
        assert {key: found for key, found in where.items() if found not in right} == {}
        assert set(said["lines"]) | set(said["made"]) | set(said["offered"]) == set(wanted)
        self._check_folders(records)

    def _check_record(self, record: Record) -> None:
        assert record.state == "finished", f"{record.label}: {record.state} {record.error}"
        files = [file.path.read_bytes() for file in record.files]
        entry = self.server.history.get(record.id, {})
        made = [file for output in entry.get("outputs", {}).values() for file in output["images"]]
        assert len(files) == record.parameters["batch_size"]
        if made:  # not where it overflowed and ran in parts
            output = self.server.folders.of_type("output")
            assert output is not None
            assert files == [(output / file["subfolder"] / file["filename"]).read_bytes() for file in made]
        assert all(
            file == self._pictures.setdefault(str(known.path), file)
            for file, known in zip(files, record.files, strict=True)
        )
        assert len(set(files)) == len(files)

    def _check_folders(self, records: tuple[Record, ...]) -> None:
        """No leftovers, no copies."""
        wanted = {file.path for record in records for file in record.files}
        folders = {path.parent for path in wanted}
        assert {path for folder in folders for path in folder.iterdir()} == wanted

    def _records(self) -> tuple[Record, ...]:
        [folder] = self._resources.glob("extensions/.user/user_default/*/session")
        history = History(folder)
        try:
            return history.find(size=1000).records
        finally:
            history.close()


@pytest.fixture(params=versions(), ids=lambda blender: f"bpy-{blender.version}")
def chain(request: pytest.FixtureRequest, comfy_server: Any, tmp_path: Path) -> Iterator[Chain]:
    blender = request.param
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
    return Chain(blender, comfy_server(), tmp_path)


def test_killed_at_any_moment_every_result_is_there_once(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(MOMENTS) >= 50
    began = time.monotonic()
    for before, moment in itertools.pairwise((None, *MOMENTS, None)):
        try:
            chain.live(moment)
        except BaseException as error:
            error.add_note(f"In the life that dies {moment}, after one that died {before}.")
            raise
    with capsys.disabled():
        print(f"\nkilled at {len(MOMENTS)} moments in {time.monotonic() - began:.0f} s: {chain.summary}")
