"""The contact sheet of a storyboard: its panels with their newest pictures, prompts and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..storyboard.model import Panel
from ..storyboard.seeds import seed_of
from ..storyboard.states import PanelProgress, PanelState, Progress
from .cards import Card, Sheet
from .drawing import sheet_to_png
from .paper import sheet_to_pdf

PDF = ".pdf"
_MISSING = {
    PanelState.MISSING: "No picture yet",
    PanelState.WAITING: "Waiting",
    PanelState.RUNNING: "On its way",
    PanelState.FAILED: "Failed",
    PanelState.LOST: "Lost",
    PanelState.CANCELLED: "Cancelled",
}


def sheet_of(progress: Progress) -> Sheet:
    """Return the contact sheet of a storyboard as it is now."""
    storyboard = progress.storyboard
    panels = {panel.id: panel for panel in storyboard.panels}
    cards = tuple(_card(progress, panels[now.panel_id], now) for now in progress.panels if now.panel_id in panels)
    count = f"{len(cards)} panel" if len(cards) == 1 else f"{len(cards)} panels"
    return Sheet(storyboard.title or "Storyboard", cards, f"{count}, seed {storyboard.seed}")


def write(sheet: Sheet, path: Path, fonts: Sequence[Path] = ()) -> None:
    """Draw a sheet: as PDF where the path ends so, else as PNG. Raises OSError."""
    draw = sheet_to_pdf if path.suffix.lower() == PDF else sheet_to_png
    draw(sheet, path, fonts)


def _card(progress: Progress, panel: Panel, now: PanelProgress) -> Card:
    made = now.best
    seed = made.seed if made is not None and made.seed is not None else seed_of(progress.storyboard, panel)
    facts = f"Seed {seed} · {panel.seconds:.4g} s"
    missing = _MISSING.get(now.state, "No picture yet")
    if now.reason and not now.state.is_open:
        missing = f"{missing}: {now.reason}"
    return Card(now.file, panel.id, panel.prompt, facts, missing)
