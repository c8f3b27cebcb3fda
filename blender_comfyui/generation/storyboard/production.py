"""A storyboard is made: panels are prepared and submitted on a thread of their own, and what becomes of them is told.

::

    production = session.storyboard(read(Path("fox.yaml")))
    production.run_missing()
    progress = production.wait(timeout=3600)      # or, at any time, production.snapshot

All panels go into the session's own queue at once. Nothing but the history says what was done: a production that is
made again after a crash knows what its forerunner's jobs became, and those that wait go on by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Storyboard
from .states import Progress

if TYPE_CHECKING:
    from ..session import Session

Contexts = Mapping[str, Mapping[str, str]]
"""What the caller wants to find in the context of a panel's jobs, by the panel's id."""


class Production:
    """Makes one storyboard. Every method may be called from any thread, and none but `wait` blocks.

    ``folder`` is where files go, the session's own for None.
    """

    def __init__(
        self,
        session: Session,
        storyboard: Storyboard,
        *,
        contexts: Contexts | None = None,
        folder: Path | None = None,
    ) -> None:
        raise NotImplementedError

    @property
    def snapshot(self) -> Progress:
        """How it is now; no lock, no disk."""
        raise NotImplementedError

    def use(self, storyboard: Storyboard, contexts: Contexts | None = None, folder: Path | None = None) -> None:
        """From now on this is what the storyboard says; None leaves contexts and folder as they are."""

    def run_all(self) -> None:
        """Make every panel that is not on its way already, also those that are finished: with the seed they have."""

    def run_missing(self) -> None:
        """Make the panels that have no file, and none on its way; also those that failed or were cancelled."""

    def run(self, ids: Iterable[str]) -> None:
        """Make these, unless they are on their way: with the seed they have."""

    def again(self, ids: Iterable[str]) -> None:
        """Make another take of these, with another seed."""

    def cancel(self, ids: Iterable[str] | None = None) -> None:
        """Stop what is on its way, of these panels or of all: our own jobs, and nobody else's."""

    def pause(self) -> None:
        """Send nothing more until `resume`, of the whole session. What is on the server goes on."""

    def resume(self) -> None:
        """Go on sending."""

    def refresh(self) -> None:
        """Read the history anew, for instance as something was deleted there."""

    def wait(self, timeout: float | None = None) -> Progress:
        """Block until nothing is on its way, and all that was asked for before is begun. Raises TimedOut after
        ``timeout`` seconds; the production goes on."""
        raise NotImplementedError

    def close(self) -> None:
        """End the thread. Jobs go on in the session."""
