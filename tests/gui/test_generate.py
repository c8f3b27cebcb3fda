"""A picture by a click in the 3D View, from the button to the Image Editor, and what a person does around it."""

from pathlib import Path

from tests.gui.pixels import share_alike
from tests.gui.studio import Studio

SIZE = (1440, 900)
PROMPT = "A quiet mountain lake at sunset, golden light on the autumn forest"
LIVE_PICTURE = 150  # pixels that it is high at least


def prepare(studio: Studio) -> None:
    """The 3D View with the panel, an empty Image Editor beside it, a prompt."""
    studio.put_beside("IMAGE_EDITOR", 0.5)
    studio.window.run("bpy.ops.ed.undo_push(message='Prepared')")
    studio.open_panel("VIEW_3D")
    studio.set(prompt=PROMPT, steps=12, seed_mode="FIXED", seed="7")
    studio.window.settle()


def save(studio: Studio) -> Path:
    """Save the .blend in a folder of its own and return that folder, as we see it."""
    folder = studio.window.folder / "project"
    folder.mkdir(exist_ok=True)
    studio.window.run(f"bpy.ops.wm.save_as_mainfile(filepath={studio.window.place.inside(folder / 'scene.blend')!r})")
    return folder


def test_click_on_generate_brings_a_picture(studio: Studio) -> None:
    window = studio.window
    folder = save(studio)
    prepare(studio)
    before = window.screenshot("before")
    assert studio.noisy_rows(before, "VIEW_3D") < LIVE_PICTURE / 2
    studio.server.hold()

    studio.generate("VIEW_3D")
    studio.run_to(0.55)

    assert window.run("str(newest().job.state)") == "running"
    assert int(str(window.run("live_colours()"))) > 1000
    running = window.screenshot("running")
    assert studio.noisy_rows(running, "VIEW_3D") > LIVE_PICTURE

    studio.server.release()
    name = studio.wait_for_result()

    assert name.startswith(PROMPT[:40])
    assert name.endswith(" 7")  # the seed
    finished = window.screenshot("finished")
    assert studio.noisy_rows(finished, "VIEW_3D") < LIVE_PICTURE / 2
    assert window.run("screen_area('IMAGE_EDITOR').spaces.active.image == ours()[0]")
    path = str(window.run("ours()[0].filepath"))
    assert path.startswith("//comfyui/")
    file = folder / path.removeprefix("//")
    assert share_alike(finished, window.region("IMAGE_EDITOR").centre, file) > 0.9


def test_prompt_is_typed_in_the_panel_and_in_the_wide_editor(studio: Studio) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")

    studio.press("VIEW_3D", "comfyui.prompt")
    window.type("A quiet mountain lake")
    window.key("ctrl+Return")

    window.wait_until("settings().prompt == 'A quiet mountain lake'")

    pencil = window.find_button("VIEW_3D", "UI", "comfyui.edit_prompt")
    window.click(*pencil)
    # the dialog comes with its title under the mouse; a click below the text puts the cursor at its end
    window.click(pencil[0] - 150, pencil[1] + 150)
    window.type(", drifting mist")
    window.screenshot("wide-editor")
    window.key("ctrl+Return", "Return")

    window.wait_until("settings().prompt == 'A quiet mountain lake, drifting mist'")


def test_cancel_ends_the_job(studio: Studio) -> None:
    prepare(studio)
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.3)

    studio.press("VIEW_3D", "comfyui.cancel")

    studio.window.wait_until("not any(entry.is_running for entry in entries())")
    studio.let_draw()
    picture = studio.window.screenshot("cancelled")
    assert studio.noisy_rows(picture, "VIEW_3D") < LIVE_PICTURE / 2
    assert studio.window.run("ours()") == []


def test_f3_finds_generate(studio: Studio) -> None:
    window = studio.window
    prepare(studio)
    studio.server.hold()
    window.screen.move(*window.region("VIEW_3D").centre)

    window.key("F3")
    window.type("Generate with")
    window.screenshot("search")
    window.key("Return")

    # Blender goes on working: it is the server that stands still
    window.wait_until("newest() and newest().is_running")
    studio.server.wait_held()
    studio.server.release()
    studio.wait_for_result()


def test_undo_takes_the_picture_away_and_nothing_else(studio: Studio) -> None:
    window = studio.window
    prepare(studio)
    window.run("bpy.data.objects['Cube'].location.x = 1; bpy.ops.ed.undo_push(message='Moved')")
    studio.generate("VIEW_3D")
    studio.wait_for_result()
    window.screen.move(*window.region("VIEW_3D").centre)

    window.key("ctrl+z")

    window.wait_until("not ours()")
    assert window.run("bpy.data.objects['Cube'].location.x") == 1
    studio.let_draw()
    window.screenshot("undone")

    window.key("ctrl+shift+z")

    window.wait_until("len(ours()) == 1")


def test_disabled_while_a_job_runs(studio: Studio) -> None:
    window = studio.window
    prepare(studio)
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.4)

    window.run("bpy.ops.preferences.addon_disable(module=PACKAGE)")
    window.settle(10)

    window.screenshot("disabled")
    assert window.run("hasattr(bpy.types, 'COMFYUI_PT_view3d')") is False
    studio.server.release()
    window.run("bpy.ops.preferences.addon_enable(module=PACKAGE)")
    window.run(f"preferences().host = {studio.server.url!r}")
    studio.open_panel("VIEW_3D")
    studio.generate("VIEW_3D")
    studio.wait_for_result()
    window.screenshot("enabled-again")
