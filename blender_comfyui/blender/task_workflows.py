"""Which workflow of the library makes a task, before the bundled one: kept in the preferences, for every .blend."""

from ..workflow.library import Entry
from . import settings
from .workflow_panel import reception


def chosen(task: str) -> str:
    """Return the id of the workflow that was chosen, '' where none was; the library may have it no more."""
    found = settings.preferences().task_workflows.get(task)
    return found.entry if found is not None else ""


def entry_of(task: str) -> Entry | None:
    """Return the workflow that was chosen; None where none was, or the library has it no more."""
    id = chosen(task)
    return next((entry for entry in reception.library() if id and entry.id == id), None)


def tasks_of(entry_id: str) -> list[str]:
    """Return the tasks that this workflow was chosen for."""
    return [found.name for found in settings.preferences().task_workflows if found.entry == entry_id]


def choose(task: str, entry_id: str) -> None:
    """Have this workflow make the task; the one that is chosen goes."""
    known = settings.preferences().task_workflows
    is_taken_back = (found := known.get(task)) is not None and found.entry == entry_id
    if found is not None:
        known.remove(known.find(task))
    if entry_id and not is_taken_back:
        added = known.add()
        added.name, added.entry = task, entry_id
