"""Panels as they stand in a scene: timeline markers or text strips become panels, and panels become these again.

A marker is called “id: prompt”, or just by its prompt; a text strip's name is the id, and its text the prompt. What a
scene cannot hold (negative prompts, seeds, parameters) is kept from the storyboard that was there before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...workflow.wording import quoted
from .model import LONGEST_ID, Panel, id_problem

_CUT = "…"
_MARKER = re.compile(r"\s*(?P<id>[^\s:]+):(?:\s+(?P<prompt>.*))?", re.DOTALL)
_WORDS_OF_ID = 6


class InvalidCues(ValueError):
    """Two markers, or two strips, have the same id."""


@dataclass(frozen=True)
class Cue:
    """A place in time: ``start`` is its first frame, ``end`` the first one after it."""

    id: str
    text: str
    start: int
    end: int


def marker_name(cue: Cue, most_bytes: int | None = None) -> str:
    """Return the name of a cue's marker; cut to so many bytes, with an ellipsis, where a name cannot be longer."""
    name = f"{cue.id}: {cue.text}"
    if most_bytes is None or len(name.encode()) <= most_bytes:
        return name
    return _first(name, most_bytes - len(_CUT.encode())) + _CUT


def marker_parts(name: str) -> tuple[str, str]:
    """Return id and prompt of a marker's name; '' for the id of one that is just a prompt."""
    found = _MARKER.fullmatch(name)
    if found and not id_problem(found["id"]):
        return found["id"], (found["prompt"] or "").strip()
    return "", name.strip()


def marker_cues(markers: Iterable[tuple[str, int]], end: int) -> tuple[Cue, ...]:
    """Return cues for markers, each (name, frame), which last until the next one, the last one until ``end``.

    Several at one frame last equally long. Raises InvalidCues.
    """
    ordered = sorted(markers, key=lambda marker: marker[1])
    cues: list[Cue] = []
    for number, (name, frame) in enumerate(ordered):
        following = next((other for _, other in ordered[number + 1 :] if other > frame), end)
        panel_id, prompt = marker_parts(name)
        cues.append(Cue(panel_id, prompt, frame, max(frame + 1, following)))
    return _named(cues, "markers")


def strip_cues(strips: Iterable[tuple[str, str, int, int]]) -> tuple[Cue, ...]:
    """Return cues for text strips, each (name, text, first frame, frame after the last one). Raises InvalidCues."""
    ordered = sorted(strips, key=lambda strip: (strip[2], strip[3], strip[0]))
    cues = [Cue(clean_id(name), text.strip(), start, max(start + 1, end)) for name, text, start, end in ordered]
    return _named(cues, "text strips")


def clean_id(name: str) -> str:
    """Return what a name is as an id: without spaces and colons."""
    text = "".join(character if character.isprintable() else " " for character in name)
    return _first("-".join(re.split(r"[\s:]+", text.strip(" :"))), LONGEST_ID)


def from_cues(cues: Sequence[Cue], fps: float, known: Iterable[Panel] = ()) -> tuple[Panel, ...]:
    """Return a panel for each cue, in their order, as long as the cue is at ``fps`` frames a second.

    A panel of the same id that is ``known`` keeps all that a cue does not say; also its prompt, where the cue's is
    only its beginning, cut with an ellipsis.
    """
    before = {panel.id: panel for panel in known}
    return tuple(_panel(cue, fps, before.get(cue.id)) for cue in cues)


def to_cues(panels: Iterable[Panel], fps: float, start: int = 1) -> tuple[Cue, ...]:
    """Return a cue for each panel, one after the other from the frame ``start`` on, each at least one frame long.

    Each begins at the frame that is nearest to its time, so that rounding does not add up.
    """
    cues: list[Cue] = []
    seconds, first = 0.0, start
    for panel in panels:
        seconds += panel.seconds
        end = max(first + 1, start + round(seconds * fps))
        cues.append(Cue(panel.id, panel.prompt, first, end))
        first = end
    return tuple(cues)


def _panel(cue: Cue, fps: float, known: Panel | None) -> Panel:
    seconds = (cue.end - cue.start) / fps
    if known is None:
        return Panel(cue.id, cue.text, seconds=seconds)
    is_cut = cue.text.endswith(_CUT) and known.prompt.startswith(cue.text.removesuffix(_CUT))
    return replace(known, prompt=known.prompt if is_cut else cue.text, seconds=seconds)


def _named(cues: Sequence[Cue], what: str) -> tuple[Cue, ...]:
    """Return cues that all have ids: those without get one from their text, so that it stays when others move."""
    taken: dict[str, Cue] = {}
    for cue in cues:
        if cue.id in taken:
            raise InvalidCues(
                f"Two {what} have the id {quoted(cue.id)}, at the frames {taken[cue.id].start} and {cue.start}. "
                "Give one of them another name."
            )
        if cue.id:
            taken[cue.id] = cue
    found: list[Cue] = []
    for cue in cues:
        if not cue.id:
            cue = replace(cue, id=_free(_id_of(cue.text), taken))
            taken[cue.id] = cue
        found.append(cue)
    return tuple(found)


def _id_of(text: str) -> str:
    return clean_id(" ".join(re.findall(r"\w+", text.casefold())[:_WORDS_OF_ID])) or "panel"


def _free(wanted: str, taken: Iterable[str]) -> str:
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{_first(wanted, LONGEST_ID - 5)}-{number}"
    return found


def _first(text: str, most_bytes: int) -> str:
    """Return as many whole letters as so many bytes hold."""
    return text.encode("utf-8", "ignore")[:most_bytes].decode("utf-8", "ignore")
