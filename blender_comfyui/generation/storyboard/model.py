"""A storyboard as plain values: what is asked for, and nothing of what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_PANELS = 2000
MAX_SECONDS = 3600.0
MAX_SIDE = 16384  # pixels
LONGEST_ID = 58  # bytes of UTF-8: with ": …" it fills the name of a marker in Blender


@dataclass(frozen=True)
class Panel:
    """One picture or shot of a storyboard, ``seconds`` long.

    ``id`` names the panel once in its storyboard and decides its seed, so it stays when panels are moved, added or
    reworded. ``seed`` takes the place of the one that follows from the storyboard's. ``parameters`` go before those
    of the storyboard; they are named as in `Session.run_task`.
    """

    id: str
    prompt: str
    negative_prompt: str = ""
    seconds: float = 2.0
    seed: int | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Storyboard:
    """A project: panels in the order of the story, and what they have in common.

    ``id`` names the project in the history: its panels' results are found by it, whatever file or scene it is read
    from. A file without one gets it from its path (see `unnamed_id`). ``seed`` is the global seed; ``width`` and
    ``height`` are the target in pixels, both 0 for whatever the tier makes. ``before`` and ``after`` are the style,
    put around the prompt of each panel.
    """

    id: str
    title: str = ""
    seed: int = 0
    width: int = 0
    height: int = 0
    task: str = ""
    tier: str = ""
    before: str = ""
    after: str = ""
    panels: tuple[Panel, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)

    def panel(self, panel_id: str) -> Panel | None:
        """Return the panel of this id, if there is one."""
        return next((panel for panel in self.panels if panel.id == panel_id), None)


def unnamed_id(name: str) -> str:
    """Return the id of a storyboard whose file gives none: a version 5 UUID of the name, which is the file's path.

    The same file is the same project at every start; one that is moved starts afresh unless it has an ``id``.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"storyboard:{name}"))


def id_problem(panel_id: str) -> str:
    """Return what is wrong with the id of a panel, as the end of a sentence, or ''.

    It can stand before the colon in a marker's name, so it has no colon and no spaces.
    """
    if not panel_id:
        return "it is empty"
    if len(panel_id.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        return f"it is too long: {LONGEST_ID} letters are the most, of scripts other than a–z a half or a third as many"
    if not panel_id.isprintable() or any(character.isspace() or character == ":" for character in panel_id):
        return "it has a space, a colon, or a character that cannot be seen"
    return ""
