"""The log: bounded, without secrets, nothing left of it when it is stopped, and no disk for those who log."""

from __future__ import annotations

import gc
import linecache
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blender_comfyui.comfy.redaction import Redactor
from blender_comfyui.generation.logbook import Logbook

NAME = "tests.logbook"
log = logging.getLogger(f"{NAME}.part")

Make = Callable[..., Logbook]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """``make(kept=3)`` gives a Logbook in a folder that is not there yet; it is stopped with the test."""
    made: list[Logbook] = []

    def new(**options: int) -> Logbook:
        made.append(Logbook(NAME, tmp_path / "logs" / "log.log", Redactor(homes=["/srv/ann"]), **options))
        return made[-1]

    yield new
    for logbook in made:
        logbook.stop()
    settle()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "comfyui-log"]


def settle() -> None:
    """Until all that was said is written: a stopped log's thread ends."""
    for thread in threads():
        thread.join(10)
        assert not thread.is_alive()


def written(logbook: Logbook) -> str:
    logbook.stop()
    settle()
    return logbook.path.read_text(encoding="utf-8")


def test_lines_say_when_how_bad_where_and_what(make: Make) -> None:
    logbook = make()
    logbook.start(lambda: "Blender 9")
    log.info("job %s is %s", 7, "here")
    log.debug("not this")
    first, second = written(logbook).splitlines()
    assert first.endswith(" INFO log: Blender 9")
    assert second.endswith(" INFO part: job 7 is here")
    assert second[:2] == "20"
    assert logbook.lines == (first, second)
    assert logbook.problem == ""


def test_only_our_own_logger_is_heard_and_none_hears_us(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    logbook = make()
    logbook.start()
    logging.getLogger("urllib3").error("a stranger")
    logging.getLogger("testslogbook").error("a stranger")
    logging.getLogger().error("a stranger")
    log.error("ours")
    text = written(logbook)
    assert "stranger" not in text
    assert "ours" in text
    assert "ours" not in caplog.text


def test_stopped_it_leaves_nothing_twice(make: Make) -> None:
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.CRITICAL)
    before = (logger.level, logger.propagate, [*logger.handlers], [*logging.getLogger().handlers])
    logbook = make()
    for _ in range(2):
        logbook.start()
        logbook.start()
        assert len(threads()) == 1
        log.info("said")
        logbook.stop()
        logbook.stop()
        assert (logger.level, logger.propagate, logger.handlers, logging.getLogger().handlers) == before
        settle()
    logger.setLevel(logging.NOTSET)
    assert written(logbook).count("said") == 2


def test_the_files_are_bounded(make: Make) -> None:
    logbook = make(max_bytes=5000, files=3, kept=20)
    logbook.start()
    for number in range(1000):
        log.warning("line %04d of many", number)
    written(logbook)
    files = sorted(logbook.path.parent.iterdir())
    assert [file.name for file in files] == ["log.log", "log.log.1", "log.log.2"]
    assert all(file.stat().st_size <= 5000 for file in files)
    assert "line 0999" in logbook.path.read_text(encoding="utf-8")
    assert (len(logbook.lines), len(logbook.troubles)) == (20, 10)
    assert "line 0999" in logbook.lines[-1]


def test_troubles_outlast_the_lines_after_them(make: Make) -> None:
    logbook = make(kept=5)
    logbook.start()
    log.warning("the trouble")
    for _ in range(50):
        log.info("noise")
    written(logbook)
    assert "the trouble" not in "".join(logbook.lines)
    [trouble] = logbook.troubles
    assert "the trouble" in trouble


def test_secrets_and_home_folders_are_in_no_line(make: Make) -> None:
    logbook = make()
    logbook.protect(["s3cr3t-one"])
    logbook.start(lambda: "opened with s3cr3t-one")
    logbook.protect(["s3cr3t-two"])
    log.info("%s", {"X-API-Key": "unknown-one"})
    log.info("to https://me:unknown-two@x.org in %s", Path("/home/bob/x"))
    try:
        raise ValueError("s3cr3t-two in /srv/ann/x")
    except ValueError:
        log.exception("s3cr3t-one")
    text = written(logbook)
    for secret in ("s3cr3t", "unknown", "bob", "/srv/ann"):
        assert secret not in text
        assert secret not in "".join((*logbook.lines, *logbook.troubles))
    assert "ValueError: … in ~/x" in text


def test_a_traceback_is_whole_with_causes_and_code(make: Make) -> None:
    def fail() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    logbook = make()
    logbook.start()
    try:
        fail()
    except ValueError:
        log.exception("it failed")
    text = written(logbook)
    assert [line.strip() for line in text.splitlines()].count("Traceback (most recent call last):") == 2
    for part in ("KeyError: 'first'", "direct cause", "ValueError: second", "in fail", 'raise KeyError("first")'):
        assert part in text
    assert len([line for line in text.splitlines() if line[:2] == "20"]) == 2, "only records begin at the margin"


def test_a_record_of_any_length_is_cut(make: Make) -> None:
    logbook = make()
    logbook.start()
    log.info("x" * 1_000_000)
    assert len(written(logbook)) < 10_000


def test_who_logs_touches_no_disk(make: Make) -> None:
    touched: list[str] = []
    mine = threading.get_ident()
    listening = True

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if listening and threading.get_ident() == mine and event in ("open", "os.mkdir", "os.rename", "os.listdir"):
            touched.append(event)

    sys.addaudithook(hook)
    linecache.clearcache()
    logbook = make(max_bytes=1000)
    try:
        raise ValueError("a reason to read lines of code")
    except ValueError:
        logbook.start()
        for _ in range(50):
            log.exception("it failed")
        logbook.stop()
    listening = False
    settle()
    assert touched == []
    assert "a reason to read" in "".join(logbook.lines)


def test_a_slow_disk_holds_up_nobody_and_keeps_nothing_alive(make: Make) -> None:
    class Data:
        pass

    def fail() -> weakref.ref[Data]:
        data = Data()
        try:
            raise ValueError(data)
        except ValueError:
            log.exception("with %s", data)
        return weakref.ref(data)

    ready = threading.Event()
    logbook = make()
    logbook.start(lambda: str(ready.wait(20)))
    began = time.monotonic()
    kept = fail()
    for _ in range(20_000):
        log.info("a flood")
    logbook.stop()
    assert time.monotonic() - began < 15, "it waited for the thread, which waits for us"
    gc.collect()
    assert kept() is None
    ready.set()
    text = written(logbook)
    assert "Data object" in text
    assert 1000 < text.count("a flood") <= 5000


def test_a_file_that_cannot_be_written_is_said(make: Make, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    logbook = make()
    logbook.start()
    log.warning("still remembered")
    logbook.stop()
    settle()
    assert "The log cannot be written" in logbook.problem
    assert "still remembered" in logbook.lines[-1]


def test_a_file_that_cannot_be_turned_over_goes_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("another Blender has it open")

    monkeypatch.setattr("os.rename", refuse)
    logbook = make(max_bytes=200)
    logbook.start()
    for number in range(20):
        log.info("line %d", number)
    assert written(logbook).count("line") == 20
    assert logbook.problem == ""


def test_an_opening_that_fails_does_not_end_the_log(make: Make) -> None:
    def fail() -> str:
        raise OSError("no manifest")

    logbook = make()
    logbook.start(fail)
    log.info("it goes on")
    text = written(logbook)
    assert "no manifest" in text
    assert "it goes on" in text
