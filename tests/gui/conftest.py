"""Fixtures for tests that need a window. Without a windowed Blender they are skipped, with the reason."""

from collections.abc import Iterator

import pytest

from tests.gui import place as places
from tests.gui.place import Place
from tests.gui.window import BlenderWindow


@pytest.fixture(scope="session")
def place() -> Place:
    """Where windowed Blenders run."""
    found = places.find()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture
def blender_window(place: Place, request: pytest.FixtureRequest) -> Iterator[BlenderWindow]:
    """A Blender in a window of 1280x800 with the extension enabled; its pictures carry the test's name.

    Other sizes, or one window for several tests: use `BlenderWindow(place, name, size)` itself.
    """
    name = request.node.name.removeprefix("test_").replace("[", "-").rstrip("]")
    with BlenderWindow(place, name) as window:
        yield window
