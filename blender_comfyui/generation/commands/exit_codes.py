"""With what a command ends. docs/commands.md has this table, and a test holds the two together."""

from __future__ import annotations

from enum import IntEnum

from ...comfy.errors import ComfyError, Interrupted
from ...workflow.errors import CannotKeep, UnknownClasses, WorkflowError
from ..history import HistoryUnavailable
from ..outcome import JobState, Outcome
from ..session import SessionClosed
from ..tasks.errors import InFile, QualityExecutionError, QualityTierError
from ..tasks.status import UnknownJob


class ExitCode(IntEnum):
    """What a script can ask for. The numbers stay as they are in all versions."""

    DONE = 0
    UNFORESEEN = 1
    USAGE = 2
    NO_SERVER = 3
    UNUSABLE = 4
    PROBLEMS = 5
    FAILED = 6
    TIMEOUT = 7
    CANCELLED = 8
    UNKNOWN = 9
    DISK = 10
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    ExitCode.DONE: "Done; all files are there.",
    ExitCode.UNFORESEEN: "Something that nobody foresaw. Blender itself uses 1, too, for a command it does not know.",
    ExitCode.USAGE: "The words are no command: see --help.",
    ExitCode.NO_SERVER: "No server: it is not there, is no ComfyUI, refuses the login, or Blender may not go online.",
    ExitCode.UNUSABLE: "A file, workflow, task or value cannot be used. Nothing was sent for it.",
    ExitCode.PROBLEMS: "This server cannot run it: nodes, models, files or values are missing or wrong.",
    ExitCode.FAILED: "A job failed, the server forgot it, or a file is not what was asked for.",
    ExitCode.TIMEOUT: "The time of --timeout was over. What is on the server goes on.",
    ExitCode.CANCELLED: "Somebody else cancelled it.",
    ExitCode.UNKNOWN: "There is no such job, or no such folder of models.",
    ExitCode.DISK: "A file, a folder or the history cannot be read or written.",
    ExitCode.INTERRUPTED: "Interrupted (Ctrl-C, SIGINT). What this command had on the server was cancelled.",
    ExitCode.TERMINATED: "Ended by SIGTERM. What this command had on the server was cancelled.",
}
"""Every code in a sentence."""


class CommandError(Exception):
    """What is wrong with a command, as a sentence, and the code that says so."""

    def __init__(self, sentence: str, code: ExitCode) -> None:
        super().__init__(sentence)
        self.code = code

    @property
    def kind(self) -> str:
        """What JSON calls it: NoServer, Timeout, …"""
        return self.code.name.title().replace("_", "")


class UsageError(CommandError):
    """The words are no command."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, ExitCode.USAGE)


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (  # the first that fits counts
    (UnknownJob, ExitCode.UNKNOWN),
    (CannotKeep, ExitCode.DISK),
    (UnknownClasses, ExitCode.PROBLEMS),
    (QualityExecutionError, ExitCode.PROBLEMS),
    (WorkflowError, ExitCode.UNUSABLE),
    (QualityTierError, ExitCode.UNUSABLE),
    (InFile, ExitCode.UNUSABLE),
    (ComfyError, ExitCode.NO_SERVER),
    (HistoryUnavailable, ExitCode.DISK),
    (SessionClosed, ExitCode.TIMEOUT),
    (OSError, ExitCode.DISK),
)


def code_of(error: Exception) -> ExitCode:
    """Return the code for an error that ends a command."""
    if isinstance(error, CommandError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.UNFORESEEN)


def code_of_end(outcome: Outcome) -> ExitCode:
    """Return the code for the end of a job."""
    if outcome.state is JobState.FINISHED:
        return ExitCode.DONE
    if outcome.state is JobState.CANCELLED or isinstance(outcome.error, Interrupted):
        return ExitCode.CANCELLED
    return ExitCode.FAILED


def worst(codes: list[ExitCode]) -> ExitCode:
    """Return the code for several ends: a failure is worse than what somebody cancelled."""
    return next((code for code in (ExitCode.FAILED, ExitCode.CANCELLED) if code in codes), ExitCode.DONE)
