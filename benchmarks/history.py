"""The history with 100,000 entries: a page, searches, and what a Generate writes. Called by bench.py.

What was filled in by executemany is what History.add and History.end would have written, one commit each.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.timing import milliseconds, row
from blender_comfyui.generation.history import Filter, History, Sort, opening, rows, search
from blender_comfyui.generation.ownership import Ownership
from blender_comfyui.generation.request import Request
from tests import graphs

ENTRIES = 100_000
ROUNDS = 30
_SYLLABLES = "ka lo mi ter an bri sto gra ven pol ish ton der mar el qui fex zan ro wim bla cho dre".split()


def prompts(count: int) -> Iterator[str]:
    """Thirty words each, all different; "masterpiece" is in every second one, "lighthouse" in every thousandth."""
    dice = random.Random(1)
    words = ["".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4))) for _ in range(8000)]
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(words))))
    for number in range(count):
        text = " ".join(dice.choices(words, cum_weights=weights, k=30))
        text += ", Masterpiece, highly detailed" if number % 2 else ""
        yield text + (" of a lighthouse" if number % 1000 == 0 else "")


def fill(folder: Path, count: int = ENTRIES) -> None:
    """A history of finished jobs, one a minute until now."""
    with_tables = History(folder)
    with_tables.find()
    with_tables.close()
    connection = sqlite3.connect(folder / "history.sqlite")
    connection.execute("PRAGMA synchronous = OFF")
    graph = graphs.txt2img()
    requests = (
        Request(graph, {"prompt": text, "seed": 2**63 + number, "steps": 20}, label=text, task="image", tier="draft")
        for number, text in enumerate(prompts(count))
    )
    for first in range(0, count, 5000):
        _insert(connection, first + 1, list(itertools.islice(requests, 5000)), time.time() - 60 * count)
    connection.execute("DELETE FROM meta WHERE key = ?", (search.MARK,))  # have the index made at the next opening
    connection.commit()
    connection.close()


def _insert(connection: sqlite3.Connection, first: int, requests: list[Request], began: float) -> None:
    numbered = list(enumerate(requests, first))
    texts = {number: search.folded(rows.searched(rows.facts(request))) for number, request in numbered}
    connection.executemany(
        "INSERT INTO jobs (number, id, state, task, tier, server, owner, blend_id, blend_path, created, ended, seconds,"
        " rank, favourite, alphabet) VALUES (?, ?, 'finished', ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                str(uuid.UUID(int=number)),
                request.task,
                request.tier,
                "http://127.0.0.1:8188",
                f"{number % 50:032x}",
                f"/scenes/{number % 50}.blend",
                began + 60 * number,
                began + 60 * number + 10,
                10 + number % 7,
                number,
                number % 100 == 0,
                rows.alphabet(texts[number]),
            )
            for number, request in numbered
        ],
    )
    connection.executemany(
        "INSERT INTO requests (job, facts, body) VALUES (?, ?, ?)",
        [(number, rows.facts(request), rows.packed(request)) for number, request in numbered],
    )
    connection.executemany("INSERT INTO texts VALUES (?, ?)", texts.items())
    connection.executemany(
        "INSERT INTO files VALUES (?, 1, ?, '7', 'Save', 'image', 'output', 400000, ?, '')",
        [(number, f"/outputs/{number}.png", "kept" if number % 200 else "waiting") for number, _ in numbered],
    )
    connection.commit()


def measure() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        history = History(Path(folder))
        history.find()
        size = (Path(folder) / "history.sqlite").stat().st_size / 1e6
        print(f"a history of {ENTRIES:,} entries, {size:.0f} MB")
        for name, ask, note in questions(history):
            row(name, [milliseconds(ask) for _ in range(ROUNDS)], note=note)
        measure_open_jobs(history)
        row("statistics of all", [milliseconds(history.statistics) for _ in range(3)])
        history.close()
        with contextlib.closing(sqlite3.connect(Path(folder) / "history.sqlite")) as connection:
            looks = [milliseconds(lambda: opening.look_through(connection)) for _ in range(3)]
        row("the whole file looked through for damage", looks)


def measure_open_jobs(history: History) -> None:
    """Writing them, and lists beside them."""
    request = Request(graphs.txt2img(), {"prompt": next(prompts(1))}, label="a fox", folder=history.folder)
    adding = [milliseconds(lambda: history.add(str(uuid.uuid4()), request, "", "", 0.0)) for _ in range(ROUNDS)]
    row("writing a new job, to the disk itself", adding)
    [*_, job_id] = (record.id for record in history.open_jobs(""))
    times = itertools.count(1.0)  # the same value once more would not be written
    noting = [milliseconds(lambda: history.update(job_id, started=next(times))) for _ in range(ROUNDS)]
    row("noting something of it", noting)
    sending = [milliseconds(lambda: history.update(job_id, sent=next(times))) for _ in range(ROUNDS)]
    row("noting that it is sent, to the disk itself", sending)
    owner = Ownership(history.folder / "owners")
    owner.take()
    history.adopt(job_id, "", owner.id)
    for name, text in (("the newest page while a job runs", ""), ("  a search then", "masterpiece")):
        ask = functools.partial(history.find, Filter(text, unfollowed=True))
        row(name, [milliseconds(ask) for _ in range(ROUNDS)], note="aim <= 20 ms")
    owner.release()


def questions(history: History) -> Iterator[tuple[str, Callable[[], object], str]]:
    aim = "aim <= 20 ms"
    yield "the newest page of 24", lambda: history.find(), aim
    yield "  the last page", lambda: history.find(offset=ENTRIES - 24), ""
    yield "  by the time it took", lambda: history.find(sort=Sort.LONGEST), ""
    yield "  by the alphabet", lambda: history.find(sort=Sort.PROMPT), ""
    yield "  favourites", lambda: history.find(Filter(favourite=True)), ""
    yield "  of one .blend", lambda: history.find(Filter(blend_id=f"{7:032x}")), ""
    yield "  unplaced", lambda: history.find(Filter(unplaced=True)), ""
    yield "  of one tier", lambda: history.find(Filter(tier="draft")), ""
    yield "a page and the total of a search: in every second", lambda: history.find(Filter("masterpiece")), aim
    yield "  in every thousandth", lambda: history.find(Filter("lighthouse")), aim
    yield "  in none", lambda: history.find(Filter("zzyzx")), aim
    yield "  one letter, in all", lambda: history.find(Filter("a")), aim
    yield "  two words in every second", lambda: history.find(Filter("masterpiece, highly")), ""
    yield "  a word and favourites", lambda: history.find(Filter("masterpiece", favourite=True)), ""
    yield "  a word, by the alphabet", lambda: history.find(Filter("masterpiece"), Sort.PROMPT), ""
