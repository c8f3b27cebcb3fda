"""What all inner runs share: one pool in which those that were selected run side by side."""

from collections.abc import Iterator

import pytest

from tests.matrix.inner import InnerRuns


@pytest.fixture(scope="session")
def inner_runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InnerRuns]:
    """Every selected test that is marked with `inner_run(name, make)` has its run in the pool."""
    runs = InnerRuns()
    for item in request.session.items:
        for mark in item.iter_markers("inner_run"):
            name, make = mark.args
            runs.want(name, make(tmp_path_factory.mktemp("inner")))
    yield runs
    runs.close()
