"""Every exit code, by what leads to it; and the table of the documentation."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from blender_comfyui.comfy.errors import (
    CannotConnect,
    CredentialsRefused,
    ExecutionFailed,
    Interrupted,
    InvalidAddress,
    Lost,
    ServerFault,
    TimedOut,
)
from blender_comfyui.generation.commands import program
from blender_comfyui.generation.commands.exit_codes import MEANINGS, ExitCode, code_of, code_of_end, worst
from blender_comfyui.generation.history import HistoryUnavailable
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.storyboard.reading import InvalidStoryboard
from blender_comfyui.generation.tasks.errors import InvalidQualityTierError, QualityExecutionError
from blender_comfyui.workflow.errors import CannotKeep, InvalidValue, NotAWorkflow, UnknownClasses
from tests import graphs

ROOT = Path(__file__).resolve().parents[3]


def broken(commands):
    """What nobody foresaw."""

    def fail(_command):
        raise ZeroDivisionError("a bug")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(program._ACTS, "server", fail)
        return commands.json("server")


def away(commands):
    commands.server.stop()
    return commands.json("server")


def failing(commands):
    return commands.json("run", commands.file("bad.json", graphs.raising()))


def too_slow(commands):
    commands.server.hold()
    done = commands.json("run", commands.file("fox.json", graphs.txt2img()), "--timeout", "0.1")
    commands.server.release()
    return done


def unwritable(commands):
    commands.file("data", {})  # where the folder should be
    return commands.json("history")


def cancelled(commands, begin):
    commands.server.hold()
    running = begin("run", commands.file("fox.json", graphs.txt2img()), "--json")
    commands.server.wait_held()
    commands("cancel", "--all")
    done = running.end()
    commands.server.release()
    return done


def stopped(commands, begin, number):
    commands.server.hold()
    running = begin("run", commands.file("fox.json", graphs.txt2img()), "--json")
    commands.server.wait_held()
    running.stop(number)
    done = running.end()
    commands.server.release()
    return done


TABLE = {
    ExitCode.DONE: lambda commands, _: commands.json("server"),
    ExitCode.UNFORESEEN: lambda commands, _: broken(commands),
    ExitCode.USAGE: lambda commands, _: commands.json("run", "--colour", "red"),
    ExitCode.NO_SERVER: lambda commands, _: away(commands),
    ExitCode.UNUSABLE: lambda commands, _: commands.json("run", "no-such-file.json"),
    ExitCode.PROBLEMS: lambda commands, _: commands.json("check", "sd_basic"),
    ExitCode.FAILED: lambda commands, _: failing(commands),
    ExitCode.TIMEOUT: lambda commands, _: too_slow(commands),
    ExitCode.CANCELLED: cancelled,
    ExitCode.UNKNOWN: lambda commands, _: commands.json("models", "no-such-folder"),
    ExitCode.DISK: lambda commands, _: unwritable(commands),
    ExitCode.INTERRUPTED: lambda commands, begin: stopped(commands, begin, signal.SIGINT),
    ExitCode.TERMINATED: lambda commands, begin: stopped(commands, begin, signal.SIGTERM),
}


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: f"{code}-{code.name}")
def test_every_code_happens(at_server, begin, code):
    done = TABLE[code](at_server, begin)
    assert done.code == code, done.err
    told = done.json  # which its schema knows
    assert told["ok"] is (code is ExitCode.DONE)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidAddress("x"), 3),
        (CannotConnect("x"), 3),
        (TimedOut("x"), 3),  # a TimeoutError, and so an OSError, too
        (CredentialsRefused("x"), 3),
        (ServerFault("x"), 3),
        (NotAWorkflow("x"), 4),
        (InvalidValue("x", name="y"), 4),
        (InvalidQualityTierError("x"), 4),
        (InvalidStoryboard("x"), 4),
        (QualityExecutionError("x"), 5),
        (UnknownClasses("x", classes=(), packs={}), 5),
        (CannotKeep("x"), 10),
        (HistoryUnavailable("x"), 10),
        (PermissionError("x"), 10),
        (KeyError("x"), 1),
    ],
)
def test_errors_have_codes(error, code):
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(JobState.FINISHED), 0),
        (Outcome(JobState.FAILED, error=ExecutionFailed("x")), 6),
        (Outcome(JobState.LOST, error=Lost("x")), 6),
        (Outcome(JobState.CANCELLED), 8),
        (Outcome(JobState.FAILED, error=Interrupted("x")), 8),
    ],
)
def test_ends_have_codes(outcome, code):
    assert code_of_end(outcome) == code


def test_of_several_ends_the_worst_counts():
    assert worst([ExitCode.DONE, ExitCode.CANCELLED, ExitCode.FAILED]) is ExitCode.FAILED
    assert worst([ExitCode.DONE, ExitCode.CANCELLED]) is ExitCode.CANCELLED
    assert worst([]) is ExitCode.DONE


def test_the_documentation_has_the_same_table():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", text, re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in MEANINGS.items()}


def test_the_help_has_the_same_table(commands):
    done = commands("--help")
    assert done.code == 0
    for code, meaning in MEANINGS.items():
        assert f"{int(code):3}  {meaning}" in done.out


def test_all_codes_are_in_the_schema():
    path = ROOT / "blender_comfyui/generation/commands/schemas/common.json"
    assert json.loads(path.read_text())["$defs"]["exit_code"]["enum"] == [int(code) for code in ExitCode]
