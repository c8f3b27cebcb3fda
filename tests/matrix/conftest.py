"""The inner runs of the selected tests begin when the whole run does, and go on beside it."""

import pytest

from tests.matrix.inner import InnerRuns
from tools.project import ROOT

_RUNS = pytest.StashKey[InnerRuns]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is collected itself needs no run of its own. Whoever waits for an inner run comes last."""
    items.sort(key=lambda item: item.get_closest_marker("inner_run") is not None)
    folders = {item.path.parent for item in items}

    def is_here(item: pytest.Item) -> bool:
        mark = item.get_closest_marker("apart")
        return mark is not None and ROOT / mark.args[0] in folders

    if twice := [item for item in items if is_here(item)]:
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if not is_here(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Every test that is marked with `inner_run(name, make)` has its run started."""
    if session.config.option.collectonly:
        return
    runs = session.config.stash[_RUNS] = InnerRuns()
    for item in session.items:
        for mark in item.iter_markers("inner_run"):
            runs.start(*mark.args)


def pytest_unconfigure(config: pytest.Config) -> None:
    if runs := config.stash.get(_RUNS, None):
        runs.close()


@pytest.fixture(scope="session")
def inner_runs(request: pytest.FixtureRequest) -> InnerRuns:
    """``inner_runs.result("5.2.3")`` waits for that one's end."""
    return request.config.stash[_RUNS]
