"""The gallery with real results: looked through, enlarged, placed again, deleted, and brought in from others."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from tests.graphs import txt2img
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
        studio.set(checkpoint=studio.server.checkpoints[0])
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
        self.studio.server.vram_batch_limit = 0
        self.make("A fox that nobody ever taught", 8, (512, 512), batch_size=1)
        self.studio.server.vram_batch_limit = None

    def open(self, editor: str = "VIEW_3D") -> None:
        """Close the panel above it and open the gallery, by its header."""
        bar = self.studio.open_panel(editor)
        self.window.click(bar.x + 80, bar.y + HEADER // 2 + 2)
        between = 0 if editor == "IMAGE_EDITOR" else 1  # the storyboard
        self.window.click(bar.x + 80, bar.y + HEADER // 2 + 2 + (1 + between) * HEADER)
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
    assert noisy_rows(window.screenshot("whole"), bar) > 200, "the pictures"

    gallery.select("VIEW_3D", 2)
    gallery.press("favourite")
    gallery.studio.panel("selected", "VIEW_3D")
    before = window.run("len(ours())")
    gallery.press("place")
    assert window.run("len(ours())") == before + 1
    assert window.run("screen_area('IMAGE_EDITOR').spaces.active.image.name").endswith(" 6.001")  # type: ignore[union-attr]
    window.key("ctrl+z")
    window.wait_until(f"len(ours()) == {before}")

    gallery.select("VIEW_3D", 0)
    gallery.studio.panel("failed", "VIEW_3D")
    assert "memory" in str(window.run("shelf().record.error"))


def test_larger_view(gallery: Gallery) -> None:
    window = gallery.window
    gallery.make(*PROMPTS[1], steps=14, negative_prompt="people, text", batch_size=3)
    gallery.open()
    gallery.select("VIEW_3D", 0)
    window.wait_until("(shelf().selected, 1) in module('gallery.reading').large._slots")

    gallery.press("view")

    window.screenshot("larger")


def test_deleting_asks_first(gallery: Gallery) -> None:
    window = gallery.window
    gallery.make(*PROMPTS[0])
    gallery.open()
    gallery.select("VIEW_3D", 0)

    gallery.press("delete")

    window.screenshot("delete")
    window.key("Escape")
    gallery.settle()
    assert window.run("len(gallery_ids())") == 1
    gallery.press("delete")
    window.key("Return")
    window.wait_until("gallery_ids() == []")
    gallery.studio.panel("empty", "VIEW_3D")


def test_statistics_and_clean_up_open_when_their_answer_is_there(gallery: Gallery) -> None:
    window = gallery.window
    for prompt in PROMPTS[:3]:
        gallery.make(*prompt)
    window.run("preferences().clean_keep, preferences().clean_files = 1, True")
    window.run("bpy.ops.wm.save_as_mainfile(filepath=bpy.app.tempdir + 'kept.blend')")
    gallery.open()
    window.screen.move(*window.region("VIEW_3D").centre)
    window.settle()

    window.run("bpy.ops.comfyui.gallery_statistics()")
    window.wait_until("module('gallery.dialogs').answers.statistics is not None")
    window.settle(5)
    window.screenshot("statistics")
    window.key("Escape")

    window.run("bpy.ops.comfyui.gallery_clean_up()")
    window.wait_until("module('gallery.dialogs').answers.plan is not None")
    window.settle(5)
    window.screenshot("clean-up")
    assert window.run("len(module('gallery.dialogs').answers.plan.ids)") == 2
    window.key("Return")
    window.wait_until("len(gallery_ids()) == 1")
    window.run("preferences().property_unset('clean_keep'); preferences().property_unset('clean_files')")


def test_results_of_others(gallery: Gallery) -> None:
    window, server = gallery.window, gallery.studio.server
    for _ in range(3):
        server.wait_finished(post(server.url, txt2img(steps=12, size=256)))
    gallery.make(*PROMPTS[0])
    gallery.open()
    header = window.find_button("VIEW_3D", "UI", "comfyui.gallery_select", COLUMNS)[1] + 25
    window.click(window.region("VIEW_3D", "UI").x + 80, header)
    gallery.settle()

    gallery.press("list_foreign")

    window.wait_until("module('gallery.foreign').foreign.listed is not None")
    gallery.settle()
    gallery.studio.panel("others", "VIEW_3D")
    gallery.press("bring_in")
    window.wait_until("len(gallery_ids()) == 2")
    gallery.studio.panel("brought-in", "VIEW_3D")


def post(url: str, prompt: object) -> str:
    """What a browser does; returns the prompt's id."""
    data = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(f"{url}/prompt", data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["prompt_id"])
