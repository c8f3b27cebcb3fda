"""Presets, drops, and exports of workflows in a real window."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.blender import workflow_graphs as graphs
from tests.gui.studio import Studio
from tests.gui.test_workflow_panel import load
from tests.workflow import containers

SIZE = (1440, 1000)
SMALL = (0.59, 0.66, 0.73)  # where the buttons beside the presets are, in shares of the width

# What Blender does with files that are dropped onto an editor: it looks for a handler, and invokes its operator.
DROP = """
with editor({editor!r}):
    bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory={folder!r}, files=[{{"name": {name!r}}}])
"""


def drop(studio: Studio, editor: str, path: Path) -> None:
    inside = Path(studio.window.place.inside(path))
    studio.window.run(DROP.format(editor=editor, folder=str(inside.parent), name=inside.name))
    studio.window.settle()
    if path.suffix == ".png":  # Blender has an idea of its own, and asks
        studio.window.screenshot(f"drop-{editor}")
        studio.window.key("i")  # Import Workflow


def title(studio: Studio) -> object:
    return studio.window.run("module('workflow_panel.drawing')._preset_title(settings().imported)")


def press_beside_presets(studio: Studio, meaning: str) -> None:
    studio.window.click(*studio.window.find_button("VIEW_3D", "UI", meaning, SMALL))


def test_presets_are_chosen_marked_reset_and_deleted(studio: Studio) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Preset Fox.json")
    window.run("settings().values['3.cfg'] = 3.5; settings().values['6.text'] = 'a blue fox'")
    window.run("with editor('VIEW_3D'): bpy.ops.comfyui.add_value_preset(name='Blue Fox')")
    press_beside_presets(studio, "comfyui.reset_values")
    window.wait_until("settings().values['3.cfg'] > 7")
    assert title(studio) == "Presets"

    _, y = window.find_button("VIEW_3D", "UI", "comfyui.add_value_preset()", SMALL)
    side_bar = window.region("VIEW_3D", "UI")
    window.click(side_bar.x + side_bar.width // 4, y)
    window.screenshot("menu")
    window.key("Down", "Return")
    window.wait_until("settings().values['3.cfg'] == 3.5")
    assert window.run("settings().values['6.text']") == "a blue fox"
    studio.panel("chosen", "VIEW_3D")
    assert title(studio) == "Blue Fox"

    window.run("settings().values['3.cfg'] = 9.0; module('regions').redraw()")
    window.settle()
    studio.panel("modified", "VIEW_3D")
    assert title(studio) == "Blue Fox (modified)"

    window.run("bpy.types.COMFYUI_MT_value_presets.bl_label = 'Another'")  # chosen in another file
    press_beside_presets(studio, "comfyui.add_value_preset(remove_active=True)")
    window.wait_until("not settings().imported.preset_name")
    found = window.run("[bpy.utils.user_resource('SCRIPTS', path='presets')]")
    assert not list(window.path(str(found[0])).rglob("Blue*.py"))  # type: ignore[index]


@pytest.mark.parametrize("editor", ["VIEW_3D", "IMAGE_EDITOR"])
def test_a_dropped_picture_with_a_workflow_becomes_the_panel(studio: Studio, editor: str) -> None:
    if editor == "IMAGE_EDITOR":
        studio.put_beside(editor, 0.5)
    studio.open_panel("VIEW_3D")
    path = studio.window.folder / "dropped.png"
    path.write_bytes(containers.png({"prompt": json.dumps(graphs.classic())}))
    drop(studio, editor, path)
    studio.window.wait_until("settings().imported.used and settings().imported.title == 'dropped'")
    studio.let_draw()
    studio.panel(f"dropped-{editor}", "VIEW_3D")
    assert studio.window.run("[image.name for image in bpy.data.images if 'dropped' in image.name]") == []


@pytest.mark.parametrize("editor", ["VIEW_3D", "IMAGE_EDITOR"])
def test_a_dropped_picture_without_one_is_what_blender_makes_of_it(studio: Studio, editor: str) -> None:
    if editor == "IMAGE_EDITOR":
        studio.put_beside(editor, 0.5)
    path = studio.window.folder / "plain.png"
    Image.new("RGB", (64, 64), "orange").save(path)
    drop(studio, editor, path)
    if editor == "VIEW_3D":
        studio.window.wait_until("[o for o in bpy.data.objects if o.type == 'EMPTY' and o.data]")
    else:
        studio.window.wait_until("screen_area('IMAGE_EDITOR').spaces.active.image")
    studio.window.screenshot(f"plain-{editor}")
    assert not studio.window.run("settings().imported.used")


EXPORT = """
bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
entry = next(e for e in module("workflow_panel.reception").library() if e.name.startswith({name!r}))
with editor("VIEW_3D"):
    bpy.ops.comfyui.export_workflow("INVOKE_DEFAULT", id=entry.id)
"""
FILL = """
browser = screen_area("FILE_BROWSER").spaces.active
browser.params.directory = {folder!r}.encode()
browser.params.filename = {name!r}
browser.active_operator.picture = {picture!r}
screen_area("FILE_BROWSER").tag_redraw()
"""


@pytest.mark.parametrize("ending", ["png", "json"])
def test_a_workflow_is_exported_with_the_file_browser_and_comes_back(studio: Studio, ending: str) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), f"Exported {ending}.json")
    window.wait_until(f"[e for e in module('workflow_panel.reception').library() if e.name == 'Exported {ending}']")
    picture, folder = window.folder / "picture.png", window.folder
    Image.new("RGB", (64, 64), "orange").save(picture)
    inside = Path(window.place.inside(picture))
    window.run(EXPORT.format(name=f"Exported {ending}"))
    window.wait_until("screen_area('FILE_BROWSER').spaces.active.params")
    window.settle()
    window.run(FILL.format(folder=str(inside.parent), name=f"copy.{ending}", picture=str(inside)))
    window.settle()
    window.screenshot(f"export-{ending}")
    window.run("with editor('FILE_BROWSER'): bpy.ops.file.execute('INVOKE_DEFAULT')")
    copy = folder / f"copy.{ending}"
    window.wait_until(f"__import__('os').path.isfile({window.place.inside(copy)!r})")
    window.settle()

    window.run("settings().imported.used = False")
    window.key("Escape")  # the message that says where it is
    drop(studio, "VIEW_3D", copy)
    window.wait_until("settings().imported.used and settings().imported.title == 'copy'")
    assert window.run("settings().values['3.seed']") == str(2**63 + 3)
    assert copy.read_bytes()[:8] == picture.read_bytes()[:8] or ending == "json"


CHOOSE = """
browser = screen_area("FILE_BROWSER").spaces.active
browser.params.directory = {folder!r}.encode()
browser.params.filename = {name!r}
screen_area("FILE_BROWSER").tag_redraw()
"""


def test_each_click_on_import_asks_for_a_file(studio: Studio) -> None:
    window = studio.window
    window.run("bpy.context.preferences.view.filebrowser_display_type = 'SCREEN'")
    studio.open_panel("VIEW_3D")
    for name in ("first", "second"):
        path = window.folder / f"{name}.json"
        graphs.written(path, graphs.classic())
        studio.press("VIEW_3D", "comfyui.import_workflow()")
        window.wait_until("screen_area('FILE_BROWSER') and screen_area('FILE_BROWSER').spaces.active.params")
        window.settle()
        inside = Path(window.place.inside(path))
        window.run(CHOOSE.format(folder=str(inside.parent), name=inside.name))
        window.settle()
        window.run("with editor('FILE_BROWSER'): bpy.ops.file.execute('INVOKE_DEFAULT')")
        window.wait_until(f"settings().imported.title == {name!r}")
        studio.let_draw()
    studio.panel("chosen-twice", "VIEW_3D")
