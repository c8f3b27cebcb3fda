"""The picture of a terminal in the documentation: a storyboard while it is made, by a Blender without a window.

Renew it with `python3 build_addon.py test -- tests/gui/test_terminal_picture.py --keep-pictures`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blender_comfyui.generation.storyboard.writing import to_yaml
from tests.comfy_server import ComfyServer
from tests.generation.storyboard.conftest import board
from tests.generation.tasks.conftest import with_all
from tests.gui.headless import HeadlessBlender
from tests.gui.place import Place
from tests.gui.terminal import Terminal
from tests.gui.test_commands import OF_BLENDER
from tools.project import OUT

PANELS, DONE = 12, 5


@pytest.fixture
def blender(place: Place) -> Iterator[HeadlessBlender]:
    with HeadlessBlender(place) as found:
        yield found


@pytest.fixture
def font(place: Place) -> Path:
    """Letters of one width, as terminals have them."""
    found = place.outside("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
    if not found.is_file():
        pytest.skip(f"no font at {found}")
    return found


def test_terminal_picture(blender: HeadlessBlender, comfy_server: Callable[..., ComfyServer], font: Path) -> None:
    server = with_all(comfy_server)()
    project = blender.folder / "fox.yaml"
    project.write_text(to_yaml(board(PANELS, title="The fox")), encoding="utf-8")
    with Terminal() as terminal:
        terminal.type("blender --command comfyui server")
        options = {"COMFYUI_URL": server.url, "TERM": "xterm-256color"}
        assert blender.start(["--command", "comfyui", "server"], terminal.inside, **options).wait(60) == 0
        terminal.wait_for("in its queue")
        server.hold()
        terminal.type("blender --command comfyui storyboard fox.yaml")
        words = ["--command", "comfyui", "storyboard", blender.inside(project)]
        process = blender.start(words, terminal.inside, **options)
        while sum(server.journal.finished.values()) < DONE:
            server.gate.wait_reached(60)
            server.step()
        terminal.wait_for(rf"█.*{DONE}/{PANELS} panels")
        for _ in range(12):  # into the next one
            server.gate.wait_reached(60)
            server.step()
        said = terminal.wait_for(rf"{DONE}/{PANELS} panels  p06 [1-9]\d%")
        assert said.startswith("The fox  ")
        terminal.text = [line for line in terminal.text if not OF_BLENDER.match(line)]  # of the bare test system

        terminal.picture(OUT / "gui" / "terminal.png", font)  # kept.py

        server.release()
        terminal.wait_for(rf"{PANELS}/{PANELS} panels")
        assert process.wait(60) == 0
        terminal.wait_for(r"p12  finished  .*\.png")
    drawn = [line for line in terminal.text if re.search("█", line)]
    assert len(drawn) == 1, drawn  # one line, drawn anew
