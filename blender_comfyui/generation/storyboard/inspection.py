"""The check of all files at the end of a run, one after the other, so that news is heard between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from ..tasks.records import Tier
from .checking import check_panel
from .states import PanelProgress


class Inspection:
    """Belongs to the production's thread. `findings` is None until a check is through."""

    def __init__(self) -> None:
        self.findings: Mapping[str, str] | None = None
        self._left: deque[PanelProgress] = deque()
        self._found: dict[str, str] = {}
        self._was_open = False

    @property
    def is_going_on(self) -> bool:
        return bool(self._left)

    def follow(self, panels: Mapping[str, PanelProgress], is_open: bool) -> None:
        """Begin when the last of the panels has ended; what was found before a new run counts no longer."""
        is_open = is_open or any(panel.state.is_open for panel in panels.values())
        if is_open:
            self.findings = None
            self._left.clear()
        elif self._was_open:
            self.begin(panels.values())
        self._was_open = is_open

    def begin(self, panels: Iterable[PanelProgress]) -> None:
        """Check these panels; those without a file are not looked at."""
        self._left = deque(panel for panel in panels if panel.best is not None)
        self._found = {}
        self.findings = None if self._left else {}

    def go_on(self, tier: Tier | None) -> None:
        """Check the next one."""
        panel = self._left.popleft()
        finding = check_panel(panel, tier)
        if finding is not None:
            self._found[panel.panel_id] = finding.sentence
        if not self._left:
            self.findings = self._found
