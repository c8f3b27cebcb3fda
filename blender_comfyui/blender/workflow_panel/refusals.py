"""What a server refused of an imported workflow, shown in the panel like what is found beforehand."""

from collections.abc import Iterable

import bpy

from ...comfy.errors import InvalidPrompt, NodeProblem
from ...generation.events import Ended
from ...generation.history import Question
from ...generation.outcome import Outcome
from ...generation.workshop import Answer, Checked, Explain
from .. import archive, runtime
from ..order import STAMP
from . import building, checking, reception


class _Reader:
    """Hears the end of every job."""

    def questions(self) -> Iterable[Question]:
        return ()

    def take(self, news: object) -> bool:
        if isinstance(news, Ended) and (refused := _refused(news.outcome)):
            entry = runtime.jobs.get(news.job_id)
            stamp = entry.target.get(STAMP, "") if entry is not None else ""
            if stamp and entry.job is not None:
                explain(stamp, Explain(refused, entry.job.request.prompt))
        return False


def explain(stamp: str, question: Explain) -> None:
    """Have the refusal of a workflow put into words, and shown where that workflow is."""

    def hear(answer: Answer) -> None:
        for scene in bpy.data.scenes:
            imported = scene.comfyui.imported
            built = building.built(imported) if imported.stamp == stamp else None
            if built is not None and isinstance(answer, Checked):
                checking.note(imported, built, answer.problems)

    reception.ask(question, hear)


def _refused(outcome: Outcome) -> tuple[NodeProblem, ...]:
    """All of it with a 400, in silence with a 200 where other outputs run."""
    if isinstance(outcome.error, InvalidPrompt):
        return tuple(outcome.error.problems)
    return outcome.problems


_reader = _Reader()


def register() -> None:
    archive.readers.append(_reader)


def unregister() -> None:
    archive.readers.remove(_reader)
