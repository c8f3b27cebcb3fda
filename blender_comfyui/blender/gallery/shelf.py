"""What the gallery shows: a page of the history, what is selected, and what is still to be asked. No bpy here.

Everything is a snapshot for drawing; `questions` is what the next tick asks, `take` what the Desk answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from ...generation.events import Ended, Returned
from ...generation.history import (
    Changed,
    Fetch,
    Fetched,
    FileRecord,
    Filter,
    Find,
    Found,
    Page,
    Question,
    Record,
    Sort,
    Trouble,
)
from ...generation.outcome import JobState
from . import words

PAGE = 12  # results on a page: full rows with 2, 3, 4 and 6 a row
_NO_FILE = "-"  # instead of the id of a .blend that has none: nothing was asked for in it
_ENDED = frozenset(state for state in JobState if state.is_terminal)


class Kind(Enum):
    """Which results: all but those that a running Blender follows, those that wait for their .blend, or those in one
    state."""

    ALL = frozenset[JobState]()
    UNPLACED = "unplaced"
    FINISHED = frozenset({JobState.FINISHED})
    FAILED = frozenset({JobState.FAILED})
    CANCELLED = frozenset({JobState.CANCELLED})
    LOST = frozenset({JobState.LOST})


@dataclass(frozen=True)
class View:
    """What the person wants to see. `this_file`: only what was asked for in the open .blend."""

    text: str = ""
    kind: Kind = Kind.ALL
    sort: Sort = Sort.NEWEST
    favourites: bool = False
    this_file: bool = False
    offset: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether something is left out."""
        return bool(self.text.strip() or self.favourites or self.this_file) or self.kind is not Kind.ALL

    def filter(self, blend_id: str, blend_path: str) -> Filter:
        """`blend_path` stands for a file that was saved without an id."""
        found = Filter(
            text=self.text,
            states=_ENDED if self.kind is Kind.UNPLACED else self.kind.value,
            favourite=True if self.favourites else None,
            unplaced=self.kind is Kind.UNPLACED,
            unfollowed=self.kind is Kind.ALL,
        )
        if not self.this_file:
            return found
        if blend_path and not blend_id:
            return replace(found, blend_path=blend_path)
        return replace(found, blend_id=blend_id or _NO_FILE)


class Shelf:
    """The gallery's memory; belongs to the main thread."""

    def __init__(self) -> None:
        self.view = View()
        self.page: Page | None = None  # None before the first answer
        self.trouble = ""  # why there is none, a sentence
        self.selected = ""  # a job's id
        self.number = 0  # which of the selected one's files, from 0
        self._whole: Record | None = None  # the selected one with its request
        self._blend_id = self._blend_path = ""
        self._looked = False  # since the last questions
        self._asked: Find | None = None  # what the page answers, or will
        self._waiting = False  # for that answer
        self._stale = True
        self._fetched = ""  # whose request was asked for
        self._tag = 0

    def look(self, blend_id: str, blend_path: str = "") -> bool:
        """Say that somebody looks, with that .blend open; return whether a tick has something to ask. For drawing."""
        self._blend_id, self._blend_path, self._looked = blend_id, blend_path, True
        return self._wants_page or self._wants_request

    def change(self, **what: object) -> None:
        """See something else of the history, from its first page on."""
        self.view = replace(self.view, **{"offset": 0, **what})  # type: ignore[arg-type]

    def show_all(self) -> None:
        """See everything, in the same order."""
        self.view = View(sort=self.view.sort)

    def turn(self, offset: int) -> None:
        """See the page that holds the `offset`-th result."""
        last = max(0, (self.total - 1) // PAGE * PAGE)
        self.view = replace(self.view, offset=min(max(0, offset // PAGE * PAGE), last))

    def refresh(self) -> None:
        self._stale, self.trouble, self._fetched = True, "", ""

    def select(self, job_id: str) -> None:
        """Show the actions of this result, or hide them if they are shown."""
        self.selected = "" if job_id == self.selected else job_id
        self.number, self._whole, self._fetched = 0, None, ""

    def step(self, by: int) -> None:
        """Go to another file of the selected result."""
        count = len(words.shown_files(self.record)) if self.record else 0
        self.number = (self.number + by) % count if count else 0

    @property
    def total(self) -> int:
        return self.page.total if self.page else 0

    def on_page(self, job_id: str) -> Record | None:
        """Return a result of the page that is shown, None for any other."""
        return next((record for record in (self.page.records if self.page else ()) if record.id == job_id), None)

    @property
    def record(self) -> Record | None:
        """The selected result: as the page has it, which is newer, or as it was fetched."""
        return self.on_page(self.selected) or self.whole

    @property
    def whole(self) -> Record | None:
        """The selected result with its request, None until it is there."""
        return self._whole if self._whole and self._whole.id == self.selected else None

    @property
    def file(self) -> FileRecord | None:
        """The selected result's file that is shown."""
        files = words.shown_files(self.record) if self.record else ()
        return files[min(self.number, len(files) - 1)] if files else None

    @property
    def files_at_hand(self) -> tuple[FileRecord, ...]:
        """The file that is shown, and those that one step leads to."""
        files = words.shown_files(self.record) if self.record else ()
        numbers = dict.fromkeys((self.number + by) % len(files) for by in (0, 1, -1)) if files else ()
        return tuple(files[number] for number in numbers)

    def mark(self, job_id: str, favourite: bool) -> None:
        """Show the mark at once; the history is asked anew when it has it."""
        if self.page is not None:
            marked = [replace(r, favourite=favourite) if r.id == job_id else r for r in self.page.records]
            self.page = replace(self.page, records=tuple(marked))

    def questions(self) -> Iterator[Question]:
        if not self._looked:
            return
        self._looked = False
        if self._wants_page:
            self._tag += 1
            self._asked = replace(self._find(), tag=str(self._tag))
            self._waiting, self._stale = True, False
            yield self._asked
        if self._wants_request:
            self._fetched = self.selected
            yield Fetch(self.selected)

    def take(self, news: object) -> bool:
        """Take an answer; return whether what is shown has changed."""
        match news:
            case Found(page, tag) if tag == str(self._tag):
                self._take_page(page)
            case Fetched(job_id, record) if job_id == self.selected:
                self._whole = record
            case Changed() | Ended() | Returned():  # an end is written down before it is told
                self.refresh()
            case Trouble(sentence):
                self.trouble, self._waiting = sentence, False
            case _:
                return False
        return True

    def _take_page(self, page: Page) -> None:
        self.page, self.trouble, self._waiting = page, "", False
        if not page.records and page.total:  # the last page's results were deleted
            self.turn(page.total - 1)

    @property
    def _wants_page(self) -> bool:
        """One question at a time: while a person types, the last letter is what matters."""
        if self._waiting:
            return False
        return self._stale or self._asked is None or self._find() != replace(self._asked, tag="")

    @property
    def _wants_request(self) -> bool:
        return bool(self.selected) and self._fetched != self.selected

    def _find(self) -> Find:
        return Find(self.view.filter(self._blend_id, self._blend_path), self.view.sort, self.view.offset, PAGE)
