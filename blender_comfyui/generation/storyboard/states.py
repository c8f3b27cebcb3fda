"""What became of each panel, as frozen values that may cross threads. It all follows from the history.

A job of a storyboard carries three words in its context: STORYBOARD the project's id, PANEL the panel's, and TAKE which
of its seeds, counted from 0. ASKED is a mark of what was asked for, so that a panel that was changed since is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .model import Storyboard

STORYBOARD = "storyboard"
PANEL = "panel"
TAKE = "take"
ASKED = "asked"


class PanelState(StrEnum):
    """How a panel is: as the newest of its jobs is, whatever came of earlier ones."""

    MISSING = "missing"  # nobody has asked for it
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"  # the server forgot it
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether more is to come."""
        return self in (PanelState.WAITING, PanelState.RUNNING)


@dataclass(frozen=True)
class Take:
    """One job of a panel. ``number`` says which of the panel's seeds it has; several jobs can have the same.

    ``files`` are what it made, previews left out. ``reason`` says why it is not finished, as a sentence, or ''.
    ``parameters`` are as they were sent. ``created`` is in seconds since 1970. ``job_id`` is '' for a moment where it
    could not be made ready.
    """

    number: int
    job_id: str
    state: PanelState
    progress: float = 0.0
    files: tuple[Path, ...] = ()
    reason: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    created: float = 0.0
    asked: str = ""
    notes: tuple[str, ...] = ()

    @property
    def seed(self) -> int | None:
        """Return the seed that was sent, if one was."""
        seed = self.parameters.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def file(self) -> Path | None:
        """Return the picture or video; the first of several."""
        return self.files[0] if self.files else None


@dataclass(frozen=True)
class PanelProgress:
    """How one panel is. ``takes`` are all its jobs, oldest first; ``progress`` is from 0.0 to 1.0.

    ``is_outdated``: it was made, and what would be asked for now is something else.
    """

    panel_id: str
    state: PanelState = PanelState.MISSING
    progress: float = 0.0
    takes: tuple[Take, ...] = ()
    is_outdated: bool = False

    @property
    def last(self) -> Take | None:
        """Return the newest job."""
        return self.takes[-1] if self.takes else None

    @property
    def best(self) -> Take | None:
        """Return the newest job that made a file."""
        return next((take for take in reversed(self.takes) if take.state is PanelState.FINISHED and take.files), None)

    @property
    def job_id(self) -> str:
        """Return the newest job's id, or ''."""
        return self.takes[-1].job_id if self.takes else ""

    @property
    def reason(self) -> str:
        """Return why the newest job is not finished, as a sentence, or ''."""
        return self.takes[-1].reason if self.takes else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was said when it was made ready, as sentences."""
        return self.takes[-1].notes if self.takes else ()

    @property
    def file(self) -> Path | None:
        """Return the newest picture or video of it."""
        return self.best.file if self.best else None


@dataclass(frozen=True)
class Progress:
    """How a storyboard is. ``panels`` are in its order.

    ``done`` of ``total`` panels have a file. ``seconds_left`` is by the history's medians, None while nothing is on its
    way or nobody knows. ``problem`` says why none could be asked for, as a sentence, or ''; ``notes`` what holds for
    all panels, such as a rounded resolution. ``is_known`` is False until the history was read for the first time.

    When all that was asked for has ended, the files are checked: ``findings`` are sentences by panel, of files that are
    gone, damaged, or of a wrong kind or size; None before that.
    """

    storyboard: Storyboard
    panels: tuple[PanelProgress, ...] = ()
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    is_paused: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()
    is_known: bool = False
    findings: Mapping[str, str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every panel has a file, and all of them were found right."""
        return bool(self.panels) and self.done == self.total and self.findings is not None and not self.findings

    @property
    def fraction(self) -> float:
        """Return how far all of it is, from 0.0 to 1.0."""
        whole = sum(1.0 if panel.best and not panel.state.is_open else panel.progress for panel in self.panels)
        return whole / len(self.panels) if self.panels else 0.0

    @property
    def is_running(self) -> bool:
        """Whether more is to come by itself."""
        return any(panel.state.is_open for panel in self.panels)

    @property
    def failures(self) -> tuple[PanelProgress, ...]:
        """Return the panels whose newest job failed or was lost, each with its reason."""
        return tuple(panel for panel in self.panels if panel.state in (PanelState.FAILED, PanelState.LOST))

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the ids of the panels that have no file, and none on its way."""
        return tuple(panel.panel_id for panel in self.panels if not (panel.best or panel.state.is_open))

    def panel(self, panel_id: str) -> PanelProgress | None:
        """Return how the panel of this id is."""
        return next((panel for panel in self.panels if panel.panel_id == panel_id), None)
