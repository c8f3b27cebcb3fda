"""The gallery with real results: looked through, enlarged, placed again, deleted, and brought in from others."""

from collections.abc import Iterator

import pytest

from tests.gui.pixels import noisy_rows
from tests.gui.studio import Studio

SIZE = (1440, 1080)
FORGET = """
import tempfile
from pathlib import Path
module("runtime").close()
module("archive").close()
_folder = Path(bpy.utils.extension_path_user(PACKAGE, path="session", create=True))
_folder.rename(tempfile.mkdtemp(dir=_folder.parent))
"""
WORDS = """
def shelf():
    return module("gallery.reading").shelf

def pictures():
    return module("gallery.reading").thumbnails

def gallery_is_quiet():
    done = not (module("archive").expects_answers() or shelf()._wants_page or shelf()._wants_request)
    return done and not pictures().is_missing_some and told()

def gallery_ids():
    return [record.id for record in shelf().page.records] if shelf().page else []
"""
HEADER = 25  # pixels down to the middle of a panel's header, and from one closed panel to the next
COLUMNS = (0.3, 0.62, 0.71, 0.81)  # left and right buttons, and the small ones at the right
PROMPTS = (
    ("A quiet mountain lake at sunset, golden light on the autumn forest", 1, (512, 512)),
    ("Moonlight over a violet desert, stars, calm", 2, (768, 432)),
    ("Green hills in spring, a teal sea behind them", 3, (432, 768)),
    ("Pink clouds over a winter forest", 4, (512, 512)),
    ("Deep blue ocean at night, a storm far away", 5, (512, 512)),
    ("A crimson canyon at dawn, long shadows", 6, (640, 512)),
)


class Gallery:
    """A person in front of the gallery."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.window = studio, studio.window
        self.window.run(FORGET)
        self.window.run(WORDS)
        self.window.run(f"new_file({studio.server.url!r})")
        self.window.settle()

    def make(self, prompt: str, seed: int, size: tuple[int, int], **settings: object) -> None:
        """Generate as the button does, and wait for the end."""
        width, height = size
        self.studio.set(prompt=prompt, seed_mode="FIXED", seed=str(seed), width=width, height=height, **settings)
        self.window.run("module('operators.generate').start(bpy.context)")
        self.window.wait_until("newest() and newest().is_settled", 60)

    def fill(self) -> None:
        """Six pictures, a batch, a failure and a favourite."""
        for prompt, seed, size in PROMPTS:
            self.make(prompt, seed, size, steps=14, negative_prompt="people, text")
        self.make("A purple night over the sea, four times", 7, (384, 384), batch_size=4)
        self.make("A fox that nobody ever taught", 8, (512, 512), batch_size=1, checkpoint="SDXL/gone_v1.safetensors")
        self.studio.set(checkpoint="")

    def open(self, editor: str = "VIEW_3D") -> None:
        """Close the panel above it and open the gallery, by its header."""
        bar = self.studio.open_panel(editor)
        self.window.click(bar.x + 80, bar.y + HEADER // 2 + 2)
        self.window.click(bar.x + 80, bar.y + HEADER // 2 + 2 + HEADER)
        self.settle()

    def settle(self) -> None:
        self.window.wait_until("gallery_is_quiet()")
        self.window.settle()
        self.window.wait_until("gallery_is_quiet()")

    def select(self, editor: str, number: int) -> None:
        """Click on the button below the picture with that number, 0 for the newest."""
        job_id = self.window.run(f"gallery_ids()[{number}]")
        self.studio.press(editor, str(job_id))
        assert self.window.run("shelf().selected") == job_id
        self.settle()

    def press(self, name: str, editor: str = "VIEW_3D") -> None:
        """Click on one of its buttons."""
        self.window.click(*self.window.find_button(editor, "UI", f"comfyui.gallery_{name}(", COLUMNS))
        self.settle()


@pytest.fixture
def gallery(studio: Studio) -> Iterator[Gallery]:
    made = Gallery(studio)
    yield made
    made.window.key("Escape")
    made.window.run(FORGET)


def test_gallery_with_real_results(gallery: Gallery) -> None:
    window = gallery.window
    gallery.studio.put_beside("IMAGE_EDITOR", 0.5)
    gallery.fill()

    gallery.open()

    bar = window.region("VIEW_3D", "UI")
    assert bar.width == 280
    shown = window.screenshot("whole")
    assert noisy_rows(shown, bar) > 200, "the pictures"
    gallery.studio.panel("panel", "VIEW_3D")
    gallery.select("VIEW_3D", 2)
    gallery.press("favourite")
    gallery.studio.panel("selected", "VIEW_3D")
    gallery.press("place")
    assert window.run("len(ours())") == 11
    window.screenshot("placed")

    gallery.press("view")
    window.screenshot("larger")
    window.key("Escape")
    gallery.select("VIEW_3D", 0)
    gallery.studio.panel("failed", "VIEW_3D")
    gallery.select("VIEW_3D", 1)
    gallery.studio.panel("batch", "VIEW_3D")
    gallery.press("delete")
    window.screenshot("delete")
    assert window.run("len(gallery_ids())") == 8
