"""How the storyboard's states are said. No bpy here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...generation.storyboard.states import PanelProgress, PanelState, Progress

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

_MINUTE = 60.0
_LISTED = 5  # panels
_ICONS: "dict[PanelState, IconItems]" = {
    PanelState.MISSING: "DOT",
    PanelState.WAITING: "SORTTIME",
    PanelState.RUNNING: "PLAY",
    PanelState.FINISHED: "CHECKMARK",
    PanelState.FAILED: "ERROR",
    PanelState.LOST: "QUESTION",
    PanelState.CANCELLED: "CANCEL",
}
_STATES = {
    PanelState.MISSING: "Not made yet",
    PanelState.WAITING: "Waiting",
    PanelState.RUNNING: "Running",
    PanelState.FINISHED: "Finished",
    PanelState.FAILED: "Failed",
    PanelState.LOST: "Lost",
    PanelState.CANCELLED: "Cancelled",
}


def icon(progress: PanelProgress | None) -> "IconItems":
    """Return the icon of a panel's state; of one that was made for another prompt, that it is out of date."""
    if progress is None:
        return "BLANK1"
    if progress.state is PanelState.FINISHED and progress.is_outdated:
        return "FILE_REFRESH"
    return _ICONS[progress.state]


def state(progress: PanelProgress) -> str:
    """Return how a panel is, in a few words."""
    if progress.state is PanelState.RUNNING:
        return f"Running, {progress.progress:.0%}"
    if progress.state is PanelState.FINISHED and progress.is_outdated:
        return "Made before the panel was changed"
    return _STATES[progress.state]


def headline(progress: Progress) -> str:
    """Return "23 of 60, about 4 min left"."""
    said = f"{progress.done} of {progress.total}"
    if progress.is_paused and progress.is_running:
        return f"{said}, paused"
    return f"{said}, about {duration(progress.seconds_left)} left" if progress.seconds_left is not None else said


def by_reason(failures: Iterable[PanelProgress]) -> list[tuple[str, str]]:
    """Return each reason once, with the panels that it holds for: "009, 021 and 3 more"."""
    found: dict[str, list[str]] = {}
    for failed in failures:
        found.setdefault(failed.reason, []).append(failed.panel_id)
    return [(reason, _listed(panels)) for reason, panels in found.items()]


def _listed(panels: list[str]) -> str:
    shown = ", ".join(panels[:_LISTED])
    return shown if len(panels) <= _LISTED else f"{shown} and {len(panels) - _LISTED} more"


def duration(seconds: float) -> str:
    """Return a time that is left, as roughly as it is known."""
    if seconds < 1.5 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * _MINUTE:
        return f"{round(seconds / _MINUTE)} min"
    return f"{seconds / _MINUTE / 60:.1f} h"


def counted(count: int) -> str:
    """Return "1 panel", "2 panels"."""
    return f"{count} panel" if count == 1 else f"{count} panels"
