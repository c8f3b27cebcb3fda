"""Who looks after open jobs: locks of crashed Blenders go away, and without locks nobody takes another's jobs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import filelock
import pytest

from blender_comfyui.generation import ownership
from blender_comfyui.generation.events import Returned
from blender_comfyui.generation.ownership import Ownership
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.hardening.conftest import QUICK
from tools.project import ROOT

LIMIT = 120.0


class NoLock(filelock.FileLock):
    """As on a network disk that knows no locks."""

    def acquire(self, *_: object, **__: object) -> filelock.AcquireReturnProxy:
        Path(self.lock_file).touch()
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.fixture
def without_locks(monkeypatch) -> None:
    monkeypatch.setattr(ownership, "filelock", SimpleNamespace(FileLock=NoLock, Timeout=filelock.Timeout))


def taken(folder: Path) -> Ownership:
    owner = Ownership(folder)
    owner.take()
    return owner


CRASH = """
import os, sys
from pathlib import Path
import filelock
from blender_comfyui.generation.ownership import Ownership
if sys.argv[2] == "without":
    def acquire(*_, **__):
        raise OSError
    filelock.FileLock.acquire = acquire
owner = Ownership(Path(sys.argv[1]))
owner.take()
print(owner.id)
sys.stdout.flush()
os._exit(1)
"""


def crashed(folder: Path, locks: str) -> str:
    command = [sys.executable, "-c", CRASH, str(folder), locks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stdout.strip()


def test_whoever_comes_removes_the_locks_of_those_who_are_gone(tmp_path):
    lives = taken(tmp_path)
    gone = [crashed(tmp_path, "with") for _ in range(2)]
    assert {path.stem for path in tmp_path.iterdir()} == {lives.id, gone[1]}
    comes = taken(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {lives.id, comes.id}
    assert comes.is_held(lives.id)
    assert lives.is_held(comes.id)
    assert not any(comes.is_held(owner) for owner in gone)
    lives.release()
    assert not comes.is_held(lives.id)
    comes.release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_removed_while_it_is_locked(tmp_path, monkeypatch):
    """Else somebody could take its lock in between, and hold one that nobody finds."""
    owner = crashed(tmp_path, "with")
    real, free = Path.unlink, []

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.stem == owner:
            try:
                filelock.FileLock(path, timeout=0).acquire()
                free.append(path)
            except filelock.Timeout:
                pass
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    taken(tmp_path).release()
    assert free == []
    assert list(tmp_path.iterdir()) == []


def test_without_locks_the_living_are_known_to_live(tmp_path, without_locks):
    first, second = taken(tmp_path), taken(tmp_path)
    assert first.id != second.id
    assert first.is_held(second.id)
    assert second.is_held(first.id)
    first.release()
    assert not second.is_held(first.id)
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_whoever_has_locks_and_whoever_has_none_know_each_other(tmp_path, without_locks, monkeypatch):
    first = taken(tmp_path)
    monkeypatch.setattr(ownership, "filelock", filelock)
    second = taken(tmp_path)
    assert second.is_held(first.id)
    monkeypatch.undo()
    monkeypatch.setattr(ownership, "filelock", SimpleNamespace(FileLock=NoLock, Timeout=filelock.Timeout))
    assert first.is_held(second.id)  # it cannot be told, and a job that two follow is worse than one that waits


@pytest.mark.skipif(os.name != "posix", reason="elsewhere processes cannot be asked for")
def test_without_locks_a_crash_is_seen_on_the_same_machine(tmp_path):
    owner = crashed(tmp_path, "without")
    marker = tmp_path / f"{owner}.lock"
    told = marker.read_text()
    marker.write_text("elsewhere " + told.split()[-1])
    comes = taken(tmp_path)
    assert comes.is_held(owner)
    for nonsense in ("", " ", "\0", "x 0", f"{told} 0", f"{told.split()[0]} -1", f"{told.split()[0]} {10**30}"):
        marker.write_text(nonsense)
        assert comes.is_held(owner)
    marker.write_text(told)
    assert not comes.is_held(owner)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["../x", "x/y", "", ".", "a.b"])
def test_no_name_leads_elsewhere(tmp_path, name):
    (tmp_path / "x.lock").touch()
    owner = taken(tmp_path / "owners")
    assert not owner.is_held(name)
    assert (tmp_path / "x.lock").exists()


def test_without_locks_a_second_blender_leaves_the_jobs_of_the_first_alone(comfy_server, tmp_path, without_locks):
    server = comfy_server()
    server.hold()
    first, second = (Session(server.url, data_dir=tmp_path, **QUICK) for _ in range(2))
    with first, second:
        job = first.submit(graphs.empty_save())
        server.wait_held()
        subscription = second.subscribe()
        own = second.submit(graphs.empty_save())
        server.release()
        assert own.wait(LIMIT).state == job.wait(LIMIT).state == "finished"
        assert not any(isinstance(event, Returned) for event in subscription.drain(1000))
    assert set(server.executions.values()) == {1}
    assert list((tmp_path / "owners").iterdir()) == []
