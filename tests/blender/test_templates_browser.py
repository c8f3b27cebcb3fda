"""The template browser: what it finds and draws, which pictures it asks for, and what it opens."""

import json
from array import array
from pathlib import Path
from types import SimpleNamespace

import addon_utils
import bpy
import bpy.utils.previews
import pytest

from tests.blender import workflow_graphs as graphs
from tests.blender.recorder import Recorder
from tests.blender.shelves import write_picture

CATEGORIES = ("Image", "Video", "Audio")


def entry(number, **more):
    return {
        "name": f"t{number}",
        "title": f"Template {number}",
        "description": f"Makes something, number {number}",
        "mediaSubtype": "webp",
        "tags": ["Fox"] if number == 7 else [],
        "models": ["Flux"] if number % 2 else [],
        "size": 20830591386,
        **more,
    }


def index(count=30):
    """A third of them in each category."""
    return [
        {"title": title, "templates": [entry(number) for number in range(count) if number % len(CATEGORIES) == at]}
        for at, title in enumerate(CATEGORIES)
    ]


class Browser:
    """A server with templates, and the browser of the extension."""

    def __init__(self, server, folder, module, deliver):
        self.server, self.folder, self.deliver = server, folder, deliver
        self.reading = module("blender.templates.reading")
        self.browser = module("blender.templates.browser")
        self.shelf, self.pictures = self.reading.shelf, self.reading.pictures
        self.chosen = bpy.context.window_manager.comfyui_templates
        self.operator = SimpleNamespace  # whose popup is open

    def offer(self, templates, pictures=range(30)):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index.json").write_text(json.dumps(templates), encoding="utf-8")
        for number in pictures:
            write_picture(self.folder / f"t{number}-1.webp", side=20)
            (self.folder / f"t{number}.json").write_text(json.dumps(graphs.classic()), encoding="utf-8")

    def read(self):
        """As the operator does, until the list is there."""
        self.reading.begin()
        self.deliver(lambda: not self.reading._popup.is_reading)

    def draw(self):
        """As the popup does."""
        self.reading.note_shown(self.operator)
        layout = Recorder()
        self.browser.draw(layout, bpy.context)
        return layout

    def look(self):
        """Draw a page, and wait for its pictures."""
        layout = self.draw()
        self.deliver(lambda: not self.pictures._asked)
        return layout

    @property
    def fetched(self):
        """The names of the pictures that were fetched, in order."""
        paths = [path for _, path, _, _ in self.server.control()["requests"]]
        return [path.rpartition("/")[2].removesuffix("-1.webp") for path in paths if path.endswith(".webp")]


def titles(layout):
    buttons = [one for one in layout.drawn if one.name == "comfyui.open_workflow"]
    return [button.arguments["properties"].name for button in buttons]


@pytest.fixture
def browser(stand_in, preferences, module, deliver, tmp_path):
    server = stand_in("--data-dir", str(tmp_path / "server"))
    preferences.host = server.url
    made = Browser(server, tmp_path / "server" / "templates", module, deliver)
    yield made
    module("blender.workflow_panel.reception").close()
    module("blender.templates.reading").forget()
    for path in module("blender.settings").user_path("template-pictures").glob("*"):
        path.unlink()


# -- what is found ------------------------------------------------------------------------------------------------


def test_a_page_of_templates_is_drawn(browser):
    browser.offer(index())
    browser.read()
    layout = browser.draw()
    assert titles(layout) == [f"t{number}" for number in (*range(0, 30, 3), 1, 4)]
    assert "1–12 of 30" in layout.text
    assert "20.8 GB of models" in layout.text
    assert len([one for one in layout.drawn if one.kind == "template_icon"]) == 12


def test_pages_are_turned(browser):
    browser.offer(index())
    browser.read()
    for by, shown in ((1, "13–24 of 30"), (1, "25–30 of 30"), (1, "25–30 of 30"), (-9, "1–12 of 30")):
        bpy.ops.comfyui.turn_templates(by=by)
        layout = browser.draw()
        assert shown in layout.text
        assert len([one for one in layout.drawn if one.kind == "template_icon"]) == 12  # it keeps its height
    turns = [one for one in layout.drawn if one.name == "comfyui.turn_templates"]
    assert len(turns) == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [("template 17", ["t17"]), ("t17", ["t17"]), ("number 29", ["t29"]), ("FOX", ["t7"]), ("flux video 13", ["t13"])],
    ids=["title", "name", "description", "tag", "model and category"],
)
def test_the_search_knows_all_that_is_said_of_a_template(browser, text, found):
    browser.offer(index())
    browser.read()
    bpy.ops.comfyui.turn_templates(by=2)
    browser.chosen.text = text
    assert titles(browser.draw()) == found


def test_what_has_the_words_in_its_title_comes_first(browser):
    browser.offer([{"title": "All", "templates": [entry(1, description="like Flux"), entry(2, title="Flux")]}])
    browser.read()
    browser.chosen.text = "flux"
    assert titles(browser.draw()) == ["t2", "t1"]


def test_a_category_is_chosen(browser):
    browser.offer(index())
    browser.read()
    browser.draw()
    browser.chosen.category = "2"
    assert titles(browser.draw()) == [f"t{number}" for number in range(1, 30, 3)]
    browser.offer(index()[:1])  # the server has it no more
    browser.reading._popup.listed = float("-inf")
    browser.read()
    assert browser.chosen.category == "0"
    assert len(browser.shelf.found) == 10


def test_nothing_found_is_said(browser):
    browser.offer(index())
    browser.read()
    browser.chosen.text = "no such thing"
    layout = browser.draw()
    assert "No template has all these words" in layout.text
    assert titles(layout) == []


def test_what_is_known_of_a_template_is_in_the_tooltip_of_its_button(browser, module):
    more = {"openSource": False, "minComfyUIVersion": "0.39.1", "title": "Long " * 30}
    browser.offer([{"title": "All", "templates": [entry(1, **more)]}])
    browser.read()
    operator = module("blender.operators.workflow").COMFYUI_OT_open_workflow
    said = operator.description(bpy.context, SimpleNamespace(source="TEMPLATE", name="t1", module=""))
    for part in ("Long Long", "number 1", "Models: Flux", "20.8 GB", "costs money", "ComfyUI 0.39.1 or newer"):
        assert part in said
    assert operator.description(bpy.context, SimpleNamespace(source="LIBRARY", name="x", module="")) == operator.__doc__
    [button] = [one for one in browser.draw().drawn if one.name == "comfyui.open_workflow"]
    assert button.text.endswith("…")


# -- pictures -----------------------------------------------------------------------------------------------------


def test_only_the_pictures_of_the_page_are_fetched_a_few_at_a_time(browser):
    browser.offer(index())
    browser.read()
    browser.draw()
    assert len(browser.pictures._asked) == 3
    browser.look()
    assert sorted(browser.fetched) == sorted(template.name for template in browser.shelf.page)
    bpy.ops.comfyui.turn_templates(by=1)
    browser.look()
    assert sorted(browser.fetched) == sorted(template.name for template in browser.shelf.found[:24])


def test_a_picture_takes_the_place_of_its_stand_in(browser):
    browser.offer(index(), pictures=[0])
    browser.read()
    first = [one.arguments["icon"] for one in browser.draw().drawn if one.kind == "template_icon"]
    assert size(browser, "t0") == size(browser, "t3") == (96, 96)
    dots = list(icon(browser, "t3").image_pixels_float)
    browser.look()
    assert (size(browser, "t0"), size(browser, "t3")) == ((20, 20), (96, 96))
    assert list(icon(browser, "t3").image_pixels_float) != dots
    # the popup that is open still shows the icons that it was laid out with
    assert [one.arguments["icon"] for one in browser.draw().drawn if one.kind == "template_icon"] == first


def icon(browser, name):
    return browser.pictures._icons[browser.pictures._slots[name, ""]]


def size(browser, name):
    return tuple(icon(browser, name).image_size)


def test_a_question_that_failed_is_answered_too(browser, module):
    """Or the few that may be under way would be all that ever are."""
    workshop = module("generation.workshop")
    browser.offer(index(), pictures=())
    browser.read()
    browser.draw()
    for name in ("t0", "t3", "t6"):
        browser.pictures.take(workshop.Trouble("No.", workshop.WantTemplateThumbnail(name)))
    assert len(browser.pictures.questions()) == 3


def test_clear_parts_of_a_picture_do_not_shine(module):
    """Blender draws icons as if their colours had been multiplied by their alpha."""
    icons = module("blender.picture_icons").PictureIcons(1)
    icons.put("a", 2, 1, array("f", [1.0, 1.0, 1.0, 0.0, 0.8, 0.4, 0.2, 1.0]).tobytes())
    drawn = [round(value, 1) for value in icons._icons["0"].image_pixels_float]
    icons.forget()
    assert drawn == [0.0, 0.0, 0.0, 0.0, 0.8, 0.4, 0.2, 1.0]


def test_what_had_no_picture_is_asked_for_again_when_the_browser_is_opened_again(browser):
    browser.offer(index(3), pictures=[0])
    browser.read()
    browser.look()
    browser.look()
    assert len(browser.fetched) == 3
    browser.offer(index(3), pictures=[1])
    browser.read()
    browser.look()
    assert sorted(browser.fetched[3:]) == ["t1", "t2"]
    assert size(browser, "t1") == (20, 20)


def test_pictures_are_kept_on_the_disk(browser, module):
    browser.offer(index(5))
    browser.read()
    browser.look()
    module("blender.workflow_panel.reception").close()
    browser.reading.forget()
    browser.read()
    browser.look()
    assert len(browser.fetched) == 5
    assert size(browser, "t4") == (20, 20)


def test_a_closed_popup_asks_for_no_more(browser):
    browser.offer(index())
    browser.read()
    browser.draw()
    browser.operator = None
    browser.reading._popup.shown = None
    browser.deliver(lambda: not browser.pictures._asked)
    assert len(browser.fetched) == 3


def test_a_bounded_number_of_pictures_is_in_memory(browser):
    browser.offer(index(300), pictures=())
    browser.read()
    for _ in range(20):
        browser.look()
        bpy.ops.comfyui.turn_templates(by=1)
    assert len(browser.pictures._icons) == 60


# -- servers as they are ------------------------------------------------------------------------------------------


def test_a_server_without_templates(browser):
    browser.read()
    assert browser.shelf.templates == ()
    assert "offers no templates" in browser.draw().text


def test_a_server_that_is_away_is_a_sentence(browser, module, monkeypatch):
    said = []
    monkeypatch.setattr(
        module("blender.workflow_panel.reception"), "say", lambda sentence, _icon: said.append(sentence)
    )
    browser.server.stop()
    browser.reading.begin()
    browser.reading._popup.window = 1  # somebody clicked
    browser.deliver(lambda: said)
    assert browser.server.url.rpartition(":")[2] in said[0]
    assert browser.shelf.templates is None
    assert not browser.reading._popup.is_reading


def test_another_server_has_other_templates(browser, stand_in, preferences):
    browser.offer(index(3))
    browser.read()
    browser.look()
    preferences.host = stand_in().url
    browser.reading.begin()
    assert browser.shelf.templates is None
    assert browser.pictures._icons is None
    browser.deliver(lambda: browser.shelf.templates == ())


def test_without_online_access_the_button_says_why(browser, preferences):
    preferences.host = "comfy.example.org"
    assert not bpy.ops.comfyui.browse_templates.poll()
    assert "browse_templates" in dir(bpy.ops.comfyui)


NASTY = [
    {"name": "../secret", "title": "Up", "mediaSubtype": "webp"},
    {"name": "a\nb", "title": "Line"},
    {"name": "..", "title": ""},
    {"name": "x" * 400, "title": "y" * 5000, "mediaSubtype": "webp", "tags": ["t" * 999] * 99},
    {"name": "quote'\"%00 #?&", "title": "\u202eright to left\u0007", "mediaSubtype": "webp", "size": -1},
    {"name": "nothing", "title": None, "mediaSubtype": "../../x", "size": "much", "models": 7, "openSource": "no"},
    {"name": "t1", "title": "   ", "mediaSubtype": "webp"},
    "no template",
]


def test_hostile_names_are_shown_as_far_as_they_are_safe(browser):
    browser.offer([{"title": 7, "templates": NASTY}, {"templates": "none"}, "no group"], pictures=[1])
    (browser.folder.parent / "secret.json").write_text("{}", encoding="utf-8")
    browser.read()
    layout = browser.look()
    assert set(titles(layout)) == {"x" * 400, "quote'\"%00 #?&", "nothing", "t1"}
    for one in layout.drawn:
        assert one.text.isprintable()
    assert browser.chosen.category == "0"
    browser.chosen.category = "1"  # one without a name
    assert len(titles(browser.draw())) == 4
    assert all(".." not in name for name in browser.fetched)


# -- opening ------------------------------------------------------------------------------------------------------


def test_a_click_opens_the_template(browser):
    browser.offer(index())
    browser.read()
    button = next(one for one in browser.draw().drawn if one.name == "comfyui.open_workflow")
    chosen = button.arguments["properties"]
    assert bpy.ops.comfyui.open_workflow(source=chosen.source, name=chosen.name, module=chosen.module) == {"FINISHED"}
    imported = bpy.context.scene.comfyui.imported
    assert (imported.used, imported.title) == (True, "Template 0")


def test_the_browser_is_in_the_menu_and_beside_it(browser, draw):
    assert "comfyui.browse_templates" in draw().operators
    layout = Recorder()
    layout.operator_context = ""
    bpy.types.COMFYUI_MT_workflow.draw(SimpleNamespace(layout=layout), bpy.context)
    assert "comfyui.browse_templates" in layout.operators


def test_disabled_no_picture_is_left(browser, package):
    before = set(bpy.utils.previews._uuid_open)
    browser.offer(index(3))
    browser.read()
    browser.look()
    assert len(set(bpy.utils.previews._uuid_open) - before) == 1
    try:
        addon_utils.disable(package, default_set=True)
        assert set(bpy.utils.previews._uuid_open) <= before
        assert not hasattr(bpy.types.WindowManager, "comfyui_templates")
    finally:
        addon_utils.enable(package, default_set=True)


def test_files_of_pictures_are_in_the_user_folder(browser, package, module):
    browser.offer(index(3))
    browser.read()
    browser.look()
    folder = module("blender.settings").user_path("template-pictures")
    assert len(list(folder.iterdir())) == 3
    assert folder.is_relative_to(Path(bpy.utils.extension_path_user(package)))
