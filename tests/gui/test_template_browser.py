"""The template browser in a real window: how it looks, that its pictures come by themselves, and that a click opens."""

import colorsys
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.blender import workflow_graphs as graphs
from tests.gui.pixels import noisy_rows
from tests.gui.screen import Rect
from tests.gui.studio import Studio

SIZE = (1280, 800)
GROUPS = {
    "Image": (
        "Flux Dev: Text to Image", "Qwen-Image Edit with Two References", "SD1.5", "Inpaint", "Outpaint",
        "LoRA Multiple",
        "Area Composition Square Area for Subject", "Upscale with ESRGAN", "Depth ControlNet", "Pose, in Two Passes",
        "Z-Image Turbo", "Chroma", "A Fox in the Snow",
    ),
    "Video": ("Wan 2.2 Animate: Character Animation and Replacement", "LTX: Image to Video", "First and Last Frame"),
    "Audio": ("A Song from Words",),
    "3D Model": ("Image to Mesh", "Panorama to Mesh"),
}  # fmt: skip


def paint(path: Path, number: int) -> None:
    """A small landscape, each in other colours; every third moves."""
    frames = []
    for frame in range(3 if number % 3 == 0 else 1):
        sky, hill, sun = (
            tuple(round(255 * part) for part in colorsys.hsv_to_rgb((number * 0.17 + shift) % 1, 0.6, value))
            for shift, value in ((0.0, 0.9), (0.3, 0.5), (0.55, 1.0))
        )
        picture = Image.blend(
            Image.new("RGB", (400, 400), sky), Image.effect_noise((400, 400), 120).convert("RGB"), 0.2
        )
        draw = ImageDraw.Draw(picture)
        draw.ellipse((200 + 20 * frame, 60, 300 + 20 * frame, 160), fill=sun)
        draw.polygon([(0, 330), (150, 190), (290, 300), (400, 220), (400, 400), (0, 400)], fill=hill)
        frames.append(picture.crop((0, 0, 400, 400 if number % 4 else 260)))
    frames[0].save(path, "WEBP", save_all=len(frames) > 1, append_images=frames[1:], duration=200)


def offer(studio: Studio) -> None:
    """Put a small collection on the server: one without a picture, one whose picture is broken."""
    folder = studio.server.folders.templates
    folder.mkdir(exist_ok=True)
    index: list[dict[str, object]] = []
    number = 0
    for group, titles in GROUPS.items():
        entries = []
        for title in titles:
            name = f"template_{number}"
            kind = "mp3" if group == "Audio" else "webp"
            size = 0 if number % 5 == 1 else 2_000_000_000 * (number + 1)
            entries.append({"name": name, "title": title, "mediaSubtype": kind, "size": size})
            entries[-1] |= {"description": "Made for tests.", "openSource": number % 5 != 1, "models": ["Some Model"]}
            (folder / f"{name}.json").write_text(json.dumps(graphs.classic()), encoding="utf-8")
            paint(folder / f"{name}-1.webp", number)
            number += 1
        index.append({"title": group, "templates": entries})
    (folder / "template_2-1.webp").write_bytes(b"RIFF no picture")
    (folder / "template_4-1.webp").unlink()
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


INSIDE = Rect(12, 90, 670, 520)  # the pictures, from the popup's corner
# Notes where the popup is; the test asks only while it is open.
NOTED = """
browser, reading = module("templates.browser"), module("templates.reading")
if not hasattr(browser, "unnoted"):
    browser.unnoted, popups = browser.draw, []
def noted(layout, context):
    popups[:] = [context.region_popup]
    browser.unnoted(layout, context)
browser.draw = noted
def is_open():
    return bool(reading._popup.shown and reading._popup.shown())
def is_complete():
    wanted = {(one.name, one.module) for one in reading.pictures._page}
    return is_open() and wanted and wanted <= reading.pictures._answered
def reception_waits():
    return module("workflow_panel.reception").expects_answers()
def titles():
    return [one.title for one in reading.shelf.page]
reading.forget()
"""
SEARCH, CATEGORY, NEXT, FIRST = (230, 51), (565, 51), (647, 76), (99, 231)  # pixels from the popup's corner


class Browser:
    """A person in front of the template browser."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.window = studio, studio.window
        self.window.run(NOTED)
        studio.open_panel("VIEW_3D")

    def open(self) -> None:
        """Click on the button beside the workflow's name."""
        columns = (0.77, 0.74)
        self.window.click(*self.window.find_button("VIEW_3D", "UI", "comfyui.browse_templates", columns))

    def settle(self) -> None:
        self.window.wait_until("is_complete()")
        self.window.settle()

    @property
    def place(self) -> Rect:
        """Where it is on the screen, with its shadow."""
        found = self.window.run(
            "r, w = popups[0], bpy.context.window_manager.windows[0]\n"
            "a = area_region(screen_area('VIEW_3D'), 'WINDOW')\n"
            "[r.x - a.x, a.y + a.height - r.y - r.height, r.width, r.height]"
        )
        x, y, width, height = found  # type: ignore[misc]
        corner = self.window.region("VIEW_3D")
        return Rect(corner.x + x, corner.y + y, width, height)

    def click(self, offset: tuple[int, int]) -> None:
        place = self.place
        self.window.click(place.x + offset[0], place.y + offset[1])

    def picture(self, what: str) -> Path:
        return self.window.screenshot(what, self.place)


@pytest.fixture
def browser(studio: Studio) -> Iterator[Browser]:
    made = Browser(studio)
    yield made
    studio.server.knobs.picture_gate.clear()
    made.window.key("Escape")
    made.window.run("reading.forget()")


def test_pictures_come_by_themselves(browser: Browser) -> None:
    """Nobody moves the mouse meanwhile."""
    offer(browser.studio)
    browser.studio.server.knobs.picture_gate.set()
    browser.open()
    browser.window.wait_until("is_open() and len(reading.pictures._asked) == 3")
    browser.window.settle()
    assert noisy_rows(browser.picture("waiting"), INSIDE) < 30, "only texts"
    browser.window.run("screen_area('VIEW_3D').spaces.active.show_region_ui = False")  # so that it need not be drawn
    browser.window.settle()

    browser.studio.server.knobs.picture_gate.clear()

    browser.settle()
    assert noisy_rows(browser.picture("pictures"), INSIDE) > 200


def test_a_template_is_sought_and_opened(browser: Browser) -> None:
    offer(browser.studio)
    browser.open()
    browser.settle()
    browser.click(SEARCH)
    browser.window.type("fox sn")
    browser.settle()
    browser.picture("sought")
    assert browser.window.run("titles()") == ["A Fox in the Snow"]
    browser.window.key("Return")

    browser.click(FIRST)

    browser.window.wait_until("settings().imported.used")
    assert browser.window.run("settings().imported.title") == "A Fox in the Snow"
    assert not browser.window.run("is_open()")
    browser.studio.let_draw()
    browser.studio.panel("opened", "VIEW_3D")


def test_letters_press_no_button(browser: Browser) -> None:
    """In Blender's dialogs they do, and whoever types at once means to search."""
    offer(browser.studio)
    browser.open()
    browser.settle()

    browser.window.type("fqsi")

    assert browser.window.run("is_open()")
    assert not browser.window.run("settings().imported.used or reception_waits()")


def test_pages_are_turned(browser: Browser) -> None:
    offer(browser.studio)
    browser.open()
    browser.settle()

    browser.click(NEXT)

    browser.settle()
    browser.picture("next")
    assert browser.window.run("titles()[0]") == "A Fox in the Snow"


def test_a_category_is_chosen(browser: Browser) -> None:
    offer(browser.studio)
    browser.open()
    browser.settle()

    browser.click(CATEGORY)
    browser.window.screenshot("categories")
    browser.window.key("Down", "Down", "Down", "Return")

    browser.settle()
    browser.picture("category")
    assert browser.window.run("reading.shelf.view.category") == "Video"


def test_it_is_in_the_menu_of_workflows(browser: Browser) -> None:
    offer(browser.studio)
    corner = browser.window.region("VIEW_3D", "UI")
    browser.window.screen.move(corner.x + 60, corner.y + 90)
    browser.window.settle()
    browser.window.run("with editor('VIEW_3D', 'UI'): bpy.ops.wm.call_menu(name='COMFYUI_MT_workflow')")
    browser.window.settle()
    browser.window.screenshot("menu")

    browser.window.key("Up", "Up", "Up", "Return")  # from the first entry, over the last one

    browser.settle()


def test_a_server_without_templates(browser: Browser) -> None:
    browser.open()
    browser.window.wait_until("is_open()")
    browser.window.settle()
    browser.picture("none")


def test_a_server_that_went_away(browser: Browser) -> None:
    browser.studio.server.stop()
    browser.open()
    browser.window.wait_until("not reading._popup.is_reading")
    browser.window.settle()
    browser.window.screenshot("away")
    assert not browser.window.run("is_open()")
