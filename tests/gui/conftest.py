"""Fixtures for tests that need a window. Without a windowed Blender they are skipped, with the reason."""

from collections.abc import Callable, Generator, Iterator

import pytest

from tests.comfy_server import ComfyServer
from tests.gui import kept
from tests.gui import place as places
from tests.gui.place import Place
from tests.gui.studio import Studio
from tests.gui.window import BlenderWindow


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-pictures", action="store_true", help="renew the pictures in docs/pictures")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed scenario leaves a picture of its screen; those that did not fail may renew the documentation's."""
    report = yield
    if report.when == "call" and report.passed and item.config.getoption("--keep-pictures", default=False):
        kept.keep_since(call.start)
    studio = getattr(item, "funcargs", {}).get("studio")
    if report.when == "call" and report.failed and studio is not None:
        report.sections.append(("screen", str(studio.window.screenshot(f"failed-{item.name}"))))
    return report


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


@pytest.fixture(scope="module")
def shared_window(place: Place, request: pytest.FixtureRequest) -> Iterator[BlenderWindow]:
    """One Blender for all scenarios of a module; its pictures carry the module's name."""
    name = request.module.__name__.rpartition("test_")[2]
    with BlenderWindow(place, name, request.module.SIZE) as window:
        yield window


@pytest.fixture
def studio(shared_window: BlenderWindow, comfy_server: Callable[..., ComfyServer]) -> Studio:
    """The module's Blender with a new file, and a server of its own for each scenario."""
    return Studio(shared_window, comfy_server())
