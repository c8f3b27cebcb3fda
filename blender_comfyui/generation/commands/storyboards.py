"""`storyboard`: the panels of a project, from its file or a .blend to the files of the results."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from ...workflow.wording import quoted
from ..sheets import storyboards as sheets
from ..storyboard.checking import Finding, check_panel
from ..storyboard.model import Storyboard
from ..storyboard.production import Production
from ..storyboard.reading import read
from ..storyboard.states import PanelProgress, PanelState, Progress
from . import reports
from .command import Command
from .console import Result
from .exit_codes import CommandError, ExitCode, UsageError, worst
from .progress_bar import ProgressBar, Standing
from .running import settle
from .surroundings import SavedScene

_LOOK = 0.1  # seconds between two looks at how far it is
_PARTING = 15.0  # seconds for the server to confirm that it has cancelled our prompts


def storyboard(command: Command) -> Result:
    """Make what is missing, or what the words say. Raises InvalidStoryboard, ComfyError and HistoryUnavailable."""
    board, scene = _board(command)
    contexts = scene.contexts() if scene is not None else None
    asked = [*command.options.panel, *command.options.again]
    _check_ids(board, asked)
    session = command.session
    session.history.find(size=1)  # without it nobody knows what is missing
    folder = command.surroundings.output if command.options.status else command.output_folder()
    if not command.options.status:
        session.ask_server()  # a session by itself would wait for a server that is away
        command.stock  # noqa: B018 - without it nobody can say what is missing
    production = session.storyboard(board, contexts=contexts, folder=folder)
    try:
        production.replace(scene.replacement() if scene is not None else None)
        before = _known(production)
        if command.options.status:
            return _result(command, before, ended=True)
        with command.interrupts.held():
            _ask(command, production)
            ended = _follow(command, production)
        if contexts is None:
            settle(session, _jobs(production.snapshot) - _jobs(before))
        return _result(command, production.snapshot, ended=ended)
    finally:
        production.close()


def _board(command: Command) -> tuple[Storyboard, SavedScene | None]:
    """What is to be made, and the scene that it belongs to; None where it belongs to none."""
    if command.options.file is not None:
        return read(command.options.file, command.session.task_book.refresh()), None
    scene = command.surroundings.scene
    found = scene.storyboard() if scene is not None else None
    if scene is None or found is None:
        raise UsageError("Say which storyboard: a FILE. Or give Blender a .blend that has one before the command.")
    return found, scene


def _jobs(progress: Progress) -> set[str]:
    return {take.job_id for panel in progress.panels for take in panel.takes if take.job_id}


def _check_ids(board: Storyboard, ids: list[str]) -> None:
    for panel_id in ids:
        if board.panel(panel_id) is None:
            known = ", ".join(panel.id for panel in board.panels[:20])
            raise CommandError(f"The storyboard has no panel {quoted(panel_id)}. It has {known}.", ExitCode.UNKNOWN)


def _ask(command: Command, production: Production) -> None:
    options = command.options
    if options.all:
        production.run_all()
    elif options.again:
        production.again(options.again)
    elif options.panel:
        production.run(options.panel)
    else:
        production.run_missing()


def _known(production: Production) -> Progress:
    """How it is, once the history was read; nothing is started for that."""
    deadline = time.monotonic() + _PARTING
    while not production.snapshot.is_known and time.monotonic() < deadline:
        time.sleep(_LOOK / 10)
    return production.snapshot


def _follow(command: Command, production: Production) -> bool:
    """Show how it goes until nothing is on its way. False where --timeout was over, or a cancel went unanswered."""
    bar = command.console.bar(production.storyboard.title or "storyboard")
    deadline = time.monotonic() + (command.options.timeout or float("inf"))
    waiting = threading.Thread(target=production.wait, name="comfyui-command", daemon=True)
    waiting.start()
    is_cancelled = False
    while waiting.is_alive() and time.monotonic() < deadline:
        if command.interrupts.asked is not None and not is_cancelled:
            is_cancelled, deadline = True, time.monotonic() + _PARTING
            production.cancel()
        waiting.join(_LOOK)
        _show(bar, production.snapshot)
    bar.end(_standing(production.snapshot))
    return not waiting.is_alive()


def _show(bar: ProgressBar, progress: Progress) -> None:
    bar.show(_standing(progress))


def _standing(progress: Progress) -> Standing:
    running = next((panel for panel in progress.panels if panel.state is PanelState.RUNNING), None)
    failed = len(progress.failures)
    state = f"{progress.done}/{progress.total} panels" + (f", {failed} failed" if failed else "")
    detail = f"{running.panel_id} {running.progress:.0%}" if running is not None else ""
    return Standing(progress.fraction, state, detail, progress.seconds_left)


def _result(command: Command, progress: Progress, *, ended: bool) -> Result:
    findings = _findings(command, progress)
    facts = {**command.facts, "storyboard": _facts(progress, findings)}
    lines = [_line(panel) for panel in progress.panels]
    for note in progress.notes:
        command.console.note(note)
    sheet: Path | None = command.options.sheet
    if sheet is not None:
        sheets.write(sheets.sheet_of(progress), sheet.absolute(), command.surroundings.fonts)
        lines.append(str(sheet))
    error = _trouble(command, progress, findings, ended=ended)
    return Result(facts, lines, error.code if error is not None else ExitCode.DONE, error)


def _findings(command: Command, progress: Progress) -> tuple[Finding, ...]:
    """What is wrong with files that are there; why others are not, their panels say."""
    board = progress.storyboard
    task = command.session.task_book.current().tasks.get(board.task)
    tier = task.tiers.get(board.tier) if task is not None else None
    found = (check_panel(panel, tier) for panel in progress.panels)
    return tuple(finding for finding in found if finding is not None)


def _trouble(
    command: Command, progress: Progress, findings: tuple[Finding, ...], *, ended: bool
) -> CommandError | None:
    stopped = command.interrupts.asked
    if stopped is not None:
        told = "Our jobs are cancelled." if ended else "The server did not say whether they are cancelled."
        return CommandError(f"Interrupted. {told}", stopped)
    if not ended:
        sentence = f"{progress.done} of {progress.total} panels are made in time; what was sent goes on."
        return CommandError(sentence, ExitCode.TIMEOUT)
    if progress.problem:
        return CommandError(progress.problem, ExitCode.UNUSABLE)
    asked = {*command.options.panel, *command.options.again} or {panel.panel_id for panel in progress.panels}
    code = worst([_code(panel) for panel in progress.panels if panel.panel_id in asked])
    if command.options.status:
        return None
    if code is not ExitCode.DONE:
        return CommandError(_reasons(progress), code)
    wrong = next((finding for finding in findings if finding.panel_id in asked), None)
    return CommandError(f"{quoted(wrong.panel_id)}: {wrong.sentence}", ExitCode.FAILED) if wrong is not None else None


def _code(panel: PanelProgress) -> ExitCode:
    if panel.state in (PanelState.FAILED, PanelState.LOST):
        return ExitCode.FAILED
    return ExitCode.CANCELLED if panel.state is PanelState.CANCELLED else ExitCode.DONE


def _reasons(progress: Progress) -> str:
    failed = progress.failures
    if not failed:
        return "Panels were cancelled."
    count = f"{len(failed)} panels failed" if len(failed) > 1 else "One panel failed"
    return f"{count}; the first is {quoted(failed[0].panel_id)}: {failed[0].reason}"


def _facts(progress: Progress, findings: tuple[Finding, ...]) -> dict[str, object]:
    board = progress.storyboard
    return {
        "id": board.id,
        "title": board.title,
        "done": progress.done,
        "total": progress.total,
        "problem": progress.problem,
        "notes": list(progress.notes),
        "findings": [{"panel": finding.panel_id, "sentence": finding.sentence} for finding in findings],
        "panels": [_panel(panel, board) for panel in progress.panels],
    }


def _panel(panel: PanelProgress, board: Storyboard) -> dict[str, object]:
    asked = board.panel(panel.panel_id)
    best = panel.best
    return {
        "id": panel.panel_id,
        "prompt": asked.prompt if asked is not None else "",
        "state": str(panel.state),
        "seed": best.seed if best is not None else None,
        "file": None if panel.file is None else str(panel.file),
        "reason": panel.reason,
        "takes": [
            {
                "number": take.number,
                "job": take.job_id,
                "state": str(take.state),
                "seed": take.seed,
                "files": [str(file) for file in take.files],
                "reason": take.reason,
            }
            for take in panel.takes
        ],
    }


def _line(panel: PanelProgress) -> str:
    said = panel.reason or (reports.shown_files([panel.file])[0] if panel.file else "")
    return f"{panel.panel_id}  {panel.state}  {said}".rstrip()
