"""Any workflow becomes a panel: import, values, keyframes, problems, and what reaches the server."""

import json
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from tests.blender import workflow_graphs as graphs
from tests.blender.workflow_words import PanelRecorder, posted, reopened

pytestmark = pytest.mark.usefixtures("alone")


def test_keyframes_and_drivers_reach_the_server_after_save_and_load(server, load, tmp_path):
    load(graphs.classic())
    scene = bpy.context.scene
    for frame, cfg in ((1, 2.0), (21, 12.0)):
        scene.comfyui.values["3.cfg"] = cfg
        assert scene.keyframe_insert('comfyui.values["3.cfg"]', frame=frame)
    bpy.ops.comfyui.show_value(name="3.denoise")
    driver = scene.driver_add('comfyui.values["3.denoise"]').driver
    driver.expression = "frame / 40"
    scene = reopened(tmp_path / "animated.blend")
    for frame in (1, 11, 21):
        scene.frame_set(frame)
        assert bpy.ops.comfyui.generate() == {"FINISHED"}
    sampled = [graph["3"]["inputs"] for graph in posted(server)]
    assert [inputs["cfg"] for inputs in sampled] == [2.0, 7.0, 12.0]
    assert [inputs["denoise"] for inputs in sampled] == [0.025, 0.275, 0.525]


def test_a_frame_that_a_script_has_set_counts(server, load):
    load(graphs.classic())
    scene = bpy.context.scene
    scene.driver_add('comfyui.values["3.cfg"]').driver.expression = "frame / 4"
    for frame in (4, 8):
        scene.frame_current = frame
        bpy.ops.comfyui.generate()
    assert [graph["3"]["inputs"]["cfg"] for graph in posted(server)] == [1.0, 2.0]


def test_switches_and_menus_can_be_animated_too(server, load, module):
    load(graphs.classic())
    scene, values = bpy.context.scene, module("blender.workflow_panel.values")
    numbers = values.numbers(scene.comfyui.values, "3.sampler_name")
    for frame, name in ((1, "euler"), (5, "heun")):
        scene.comfyui.values["3.sampler_name"] = numbers[name]
        scene.keyframe_insert('comfyui.values["3.sampler_name"]', frame=frame)
    for frame in (1, 5):
        scene.frame_set(frame)
        assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert [graph["3"]["inputs"]["sampler_name"] for graph in posted(server)] == ["euler", "heun"]


def test_what_is_not_changed_reaches_the_server_as_it_was(server, load):
    load(graphs.classic())
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [graph] = posted(server)
    assert graph == graphs.classic()


def test_a_changed_number_has_no_digits_that_nobody_typed(server, load):
    chosen = load(graphs.classic())
    chosen.values["3.cfg"] = 6.30000019073486328125  # what Blender makes of 6.3
    bpy.ops.comfyui.generate()
    assert posted(server)[0]["3"]["inputs"]["cfg"] == 6.3


def test_seeds_are_exact_and_go_on(server, load, module):
    chosen = load(graphs.classic())
    values = module("blender.workflow_panel.values")
    assert chosen.values["3.seed"] == str(2**63 + 3)
    chosen.values[values.mode_name("3.seed")] = 1  # increment
    for _ in range(2):
        bpy.ops.comfyui.generate()
    assert [graph["3"]["inputs"]["seed"] for graph in posted(server)] == [2**63 + 3, 2**63 + 4]
    assert chosen.values["3.seed"] == str(2**63 + 5)
    bpy.ops.comfyui.use_last_value(name="3.seed")
    bpy.ops.comfyui.generate()
    bpy.ops.comfyui.generate()
    assert [graph["3"]["inputs"]["seed"] for graph in posted(server)][2:] == [2**63 + 4] * 2


def test_a_seed_takes_keyframes_and_drivers_by_what_is_added_to_it(server, load, module, tmp_path):
    chosen = load(graphs.classic())
    values = module("blender.workflow_panel.values")
    chosen.values[values.mode_name("3.seed")] = values.ANIMATED
    scene, plus = bpy.context.scene, values.plus_name("3.seed")
    scene.driver_add("comfyui.values" + values.path(plus)).driver.expression = "frame * 10"
    scene = reopened(tmp_path / "seeds.blend")
    for frame in (1, 2):
        scene.frame_set(frame)
        bpy.ops.comfyui.generate()
    assert [graph["3"]["inputs"]["seed"] for graph in posted(server)] == [2**63 + 13, 2**63 + 23]
    assert scene.comfyui.values["3.seed"] == str(2**63 + 3)
    scene.comfyui.values["3.seed"] = "5"
    scene.animation_data_clear()
    scene.comfyui.values[plus] = -7
    bpy.ops.comfyui.generate()
    assert posted(server)[-1]["3"]["inputs"]["seed"] == 0


def test_what_is_added_is_shown_only_where_the_seed_is_animated(load, panel, module):
    chosen, values = load(graphs.classic()), module("blender.workflow_panel.values")
    plus = values.path(values.plus_name("3.seed"))
    assert plus not in [drawn.name for drawn in panel().drawn]
    chosen.values[values.mode_name("3.seed")] = values.ANIMATED
    assert plus in [drawn.name for drawn in panel().drawn]


@pytest.mark.parametrize(("typed", "sent"), [("12 345", 12345), ("-3", 0), (str(2**64), 2**64 - 1), ("fox", 0)])
def test_a_typed_seed_is_made_a_number(load, server, module, build, typed, sent):
    chosen = load(graphs.classic())
    chosen.values["3.seed"] = typed
    values = module("blender.workflow_panel.values")
    assert values.read(chosen.values, "3.seed", build().parameters["3.seed"]) == sent


def test_limits_steps_and_tooltips_are_the_servers(server, load):
    chosen = load(graphs.classic())
    told = chosen.values.id_properties_ui("3.cfg").as_dict()
    assert (told["min"], told["max"], told["step"], told["precision"]) == (0.0, 100.0, 10.0, 2)
    assert told["description"]
    items = chosen.values.id_properties_ui("3.sampler_name").as_dict()["items"]
    assert [item[0] for item in items][:1] == ["euler"]


def test_names_with_quotes_and_unicode_and_beyond_63_bytes(load, module, build, tmp_path):
    name = 'größe "große" \\ 大きさ'
    graph = {"1": {"class_type": "Unknown", "inputs": {name: 1.5, "x" * 90: 2.5, "x" * 91: 3.5}}}
    load(graph)
    built = build()
    for property_name in built.parameters:
        bpy.ops.comfyui.show_value(name=property_name)
    scene, values = bpy.context.scene, module("blender.workflow_panel.values")
    for property_name in built.parameters:
        assert scene.keyframe_insert("comfyui.values" + values.path(property_name), frame=1)
        scene.comfyui.values[property_name] += 1
    scene = reopened(tmp_path / "names.blend")
    assert len(scene.comfyui.values.keys()) == 3
    scene.frame_set(1)
    assert values.read_all(scene.comfyui.values, build()) == {}
    scene.animation_data_clear()
    for property_name in built.parameters:
        scene.comfyui.values[property_name] += 1
    found = values.read_all(scene.comfyui.values, build())
    assert {place.input_name: value for place, value in found.items()} == {name: 2.5, "x" * 90: 3.5, "x" * 91: 4.5}


def test_the_workflow_travels_with_the_blend_and_needs_no_server(server, load, panel, tmp_path, module):
    load(graphs.classic())
    before = [(drawn.kind, drawn.name) for drawn in panel().drawn]
    server.stop()
    for name in ("building", "state", "lines"):
        module(f"blender.workflow_panel.{name}")._known.clear()
    reopened(tmp_path / "travels.blend")
    assert [(drawn.kind, drawn.name) for drawn in panel().drawn] == before
    assert bpy.context.scene.comfyui.imported.title == "fox"


def test_a_damaged_workflow_in_a_blend_is_told(server, load, panel, module):
    chosen = load(graphs.classic())
    chosen.imported.packed, chosen.imported.stamp = chosen.imported.packed[:100], "other"
    assert "damaged" in panel().text
    with pytest.raises(RuntimeError, match="cannot run yet"):
        bpy.ops.comfyui.generate()


def test_three_problems_are_shown_before_anything_is_sent_and_their_fixes_make_it_run(server, load, panel):
    load(graphs.broken())
    with pytest.raises(RuntimeError, match="3 problems"):
        bpy.ops.comfyui.generate()
    assert posted(server) == []
    text = panel().text
    for word in ("Sharper", "SomebodysUpscaler", "random_sd15_v2.safetensors", "KSampler", "cfg", "at most 100"):
        assert word in text.replace("\n", ""), word
    buttons = [drawn for drawn in panel().drawn if drawn.name == "comfyui.fix_problem"]
    assert len(buttons) >= 3
    for _ in range(3):
        assert bpy.ops.comfyui.fix_problem(index=0) == {"FINISHED"}
    assert "fix_problem" not in " ".join(panel().operators)
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [graph] = posted(server)
    assert graph["3"]["inputs"]["cfg"] == 100.0
    assert graph["4"]["inputs"]["ckpt_name"] == "random_sd15.safetensors"
    assert "77" not in graph


def test_changing_the_panel_marks_and_resets(server, load, panel):
    chosen = load(graphs.classic())
    assert "comfyui.reset_value" not in panel().operators
    chosen.values["3.steps"] = 9
    [reset] = [drawn for drawn in panel().drawn if drawn.name == "comfyui.reset_value"]
    assert reset.arguments["properties"].name == "3.steps"
    bpy.ops.comfyui.reset_value(name="3.steps")
    assert chosen.values["3.steps"] == 2


def test_what_is_shown_can_be_chosen_ordered_grouped_and_renamed(server, load, panel, tmp_path):
    load(graphs.classic())
    assert "filename_prefix" not in str([drawn.name for drawn in panel().drawn])
    bpy.ops.comfyui.show_value(name="9.filename_prefix")
    bpy.ops.comfyui.hide_value(name="9.filename_prefix")
    bpy.ops.comfyui.show_value(choice="0")  # as the search does: the only one that is left
    bpy.ops.comfyui.rename_value(name="9.filename_prefix", label="File", group="Positive")
    bpy.ops.comfyui.hide_value(name="3.steps")
    reopened(tmp_path / "arranged.blend")
    names = [drawn.name for drawn in panel().drawn]
    assert '["3.steps"]' not in names
    assert names.index('["6.text"]') < names.index('["9.filename_prefix"]')
    assert "File" in [drawn.text for drawn in panel().drawn]
    bpy.ops.comfyui.move_value(name="9.filename_prefix", by=-1)
    names = [drawn.name for drawn in panel().drawn]
    assert names.index('["6.text"]') > names.index('["9.filename_prefix"]')
    bpy.ops.comfyui.reset_layout()
    assert '["3.steps"]' in [drawn.name for drawn in panel().drawn]


def test_presets_are_kept_by_workflow_and_tell_when_they_are_modified(server, load, panel, no_presets):
    chosen = load(graphs.classic())
    chosen.values["3.cfg"], chosen.values["6.text"] = 3.5, 'a "blue" fox\nin the snow'
    assert bpy.ops.comfyui.add_value_preset(name="Blue") == {"FINISHED"}
    bpy.ops.comfyui.reset_values()
    [path] = [path for folder in bpy.utils.preset_paths("comfyui/fox") for path in Path(folder).glob("*.py")]
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="COMFYUI_MT_value_presets")
    assert (chosen.values["3.cfg"], chosen.values["6.text"]) == (3.5, 'a "blue" fox\nin the snow')
    menu = next(drawn for drawn in panel().drawn if drawn.kind == "menu")
    assert menu.text == "Blue"
    chosen.values["3.cfg"] = 4.0
    assert next(drawn for drawn in panel().drawn if drawn.kind == "menu").text == "Blue (modified)"


def test_another_workflow_takes_the_place_and_its_animation_does_not_move_the_new_one(server, load):
    chosen = load(graphs.classic())
    scene = bpy.context.scene
    scene.keyframe_insert('comfyui.values["3.cfg"]', frame=1)
    scene.keyframe_insert('comfyui.values["5.width"]', frame=1)
    other = graphs.classic()
    other["5"] = {"class_type": "Other", "inputs": {"width": 1.0}}
    load(other, "other.json")
    assert chosen.imported.title == "other"
    chosen.values["3.cfg"], chosen.values["5.width"] = 9.0, 2.0
    scene.frame_set(5)
    assert (chosen.values["3.cfg"], chosen.values["5.width"]) == (pytest.approx(7.1), 2.0)


def test_the_bundled_panel_can_be_had_back(server, load, comfyui, draw):
    load(graphs.classic())
    bpy.ops.comfyui.use_workflow(name="sd_basic")
    assert "prompt" in [drawn.name for drawn in draw().drawn]
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    bpy.ops.comfyui.use_workflow()
    assert bpy.context.scene.comfyui.imported.used


@pytest.mark.parametrize("text", ['{"1": ', "[]", '{"last_node_id": 1}', ""])
def test_a_broken_file_is_one_sentence_and_changes_nothing(server, tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(RuntimeError, match=r"broken\.json") as error:
        bpy.ops.comfyui.import_workflow(filepath=str(path))
    assert "Traceback" not in str(error.value)
    assert not bpy.context.scene.comfyui.imported.used


def test_a_server_that_is_away_does_not_keep_a_workflow_from_being_imported(server, load, panel):
    server.stop()
    load(graphs.classic())
    assert '["3.cfg"]' in [drawn.name for drawn in panel().drawn]


def test_an_imported_workflow_is_in_the_library_from_then_on(server, load, module, deliver):
    load(graphs.classic(), "in the library.json")
    reception = module("blender.workflow_panel.reception")
    deliver(lambda: reception.library())
    entry = next(entry for entry in reception.library() if entry.name.startswith("in the library"))
    load({"1": {"class_type": "Other", "inputs": {}}}, "other.json")
    assert bpy.ops.comfyui.open_workflow(source="LIBRARY", name=entry.id) == {"FINISHED"}
    assert bpy.context.scene.comfyui.imported.title == entry.name


def test_a_long_list_is_searched_and_not_a_menu(stand_in, preferences, load, panel):
    server = stand_in()
    preferences.host = server.url
    server.control(set={"checkpoints": [f"model {n}.safetensors" for n in range(5000)]})
    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = "model 7.safetensors"
    chosen = load(graph)
    assert chosen.values["4.ckpt_name"] == "model 7.safetensors"
    assert "comfyui.search_value" in panel().operators
    assert bpy.ops.comfyui.search_value(name="4.ckpt_name", choice="4321") == {"FINISHED"}
    assert chosen.values["4.ckpt_name"] == "model 4321.safetensors"
    bpy.ops.comfyui.generate()
    assert posted(server)[0]["4"]["inputs"]["ckpt_name"] == "model 4321.safetensors"


def test_keyframes_of_a_menu_mean_the_same_when_the_server_has_more(server, load, module, deliver):
    chosen = load(graphs.classic())
    values = module("blender.workflow_panel.values")
    before = values.numbers(chosen.values, "4.ckpt_name")
    server.control(set={"checkpoints": ["a new one.safetensors", *before]})
    bpy.ops.comfyui.check_workflow()
    deliver(lambda: len(values.numbers(chosen.values, "4.ckpt_name")) > len(before))
    after = values.numbers(chosen.values, "4.ckpt_name")
    assert before.items() <= after.items()


def test_what_the_server_refuses_all_the_same_is_listed_too(server, load, panel, deliver):
    load(graphs.broken())
    bpy.ops.comfyui.fix_problem(index=0)
    assert bpy.ops.comfyui.run_anyway() == {"FINISHED"}
    deliver(lambda: "comfyui.fix_problem" in panel().operators and server.control()["requests"])
    deliver(lambda: len([1 for drawn in panel().drawn if drawn.name == "comfyui.fix_problem"]) == 2)
    assert "at most 100" in panel().text
    assert bpy.ops.comfyui.fix_problem(index=0) == {"FINISHED"}


def test_a_file_of_the_editor_with_a_missing_class_can_be_mended_too(server, load, panel):
    load(graphs.broken_ui(), "editor.json")
    with pytest.raises(RuntimeError, match="3 problems"):
        bpy.ops.comfyui.generate()
    assert posted(server) == []
    for _ in range(3):
        assert bpy.ops.comfyui.fix_problem(index=0) == {"FINISHED"}
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert len(posted(server)) == 1


def test_the_library_can_be_tidied_and_exported(server, load, module, deliver, tmp_path):
    load(graphs.classic(), "to tidy.json")
    reception = module("blender.workflow_panel.reception")

    def named(name):
        return next((entry for entry in reception.library() if entry.name == name), None)

    deliver(lambda: named("to tidy"))
    bpy.ops.comfyui.rename_workflow(id=named("to tidy").id, name="Tidy")
    deliver(lambda: named("Tidy"))
    bpy.ops.comfyui.duplicate_workflow(id=named("Tidy").id)
    deliver(lambda: named("Tidy 2"))
    path = tmp_path / "exported.json"
    bpy.ops.comfyui.export_workflow(id=named("Tidy").id, filepath=str(path))
    deliver(path.is_file)
    assert json.loads(path.read_text()) == graphs.classic()
    bpy.ops.comfyui.delete_workflow(id=named("Tidy").id)
    deliver(lambda: named("Tidy") is None)


def test_a_workflow_of_the_library_makes_a_task_until_it_is_taken_back(server, load, module, deliver):
    load(graphs.classic(), "house style.json")
    reception, task_workflows = module("blender.workflow_panel.reception"), module("blender.task_workflows")

    def menu():
        layout = PanelRecorder()
        bpy.types.COMFYUI_MT_workflow.draw(SimpleNamespace(layout=layout), bpy.context)
        return [drawn.text for drawn in layout.drawn]

    deliver(reception.library)
    [entry] = [entry for entry in reception.library() if entry.name == "house style"]
    assert "Image: house style" not in menu()
    assert bpy.ops.comfyui.use_for_task(id=entry.id, task="image_generation") == {"FINISHED"}
    assert menu()[0] == "Image: house style"
    assert task_workflows.tasks_of(entry.id) == ["image_generation"]
    bpy.ops.comfyui.delete_workflow(id=entry.id)
    deliver(lambda: entry.id not in [one.id for one in reception.library()])
    assert "Image: house style" not in menu()
    task_workflows.choose("image_generation", entry.id)
    assert task_workflows.tasks_of(entry.id) == []


def test_menus_can_be_drawn(server, load, draw):
    load(graphs.classic())
    for name in ("COMFYUI_MT_workflow", "COMFYUI_MT_workflow_library"):
        layout = PanelRecorder()
        getattr(bpy.types, name).draw(SimpleNamespace(layout=layout), bpy.context)
        assert layout.drawn


@pytest.mark.parametrize("editor", ["VIEW_3D", "IMAGE_EDITOR"])
def test_a_dropped_picture_without_a_workflow_is_placed_as_blender_would(module, tmp_path, editor):
    dropped = module("blender.workflow_panel.dropped")
    picture = bpy.data.images.new("plain", 8, 8)
    picture.filepath_raw, picture.file_format = str(tmp_path / "plain.png"), "PNG"
    picture.save()
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "IMAGE_EDITOR"
    path = tmp_path / "plain.png"
    assert dropped.placed(dropped.Dropped(path, editor, area.as_pointer(), bpy.context.scene.session_uid))
    if editor == "IMAGE_EDITOR":
        assert area.spaces.active.image.filepath == str(path)
    else:
        assert [found.data.filepath for found in bpy.context.scene.objects] == [str(path)]
    assert not dropped.placed(dropped.Dropped(tmp_path / "fox.json", editor, 0, 0))


def test_generate_comes_after_the_prompts_and_before_what_is_set_less_often(load, draw):
    load(graphs.classic())
    names = [drawn.name for drawn in draw().drawn]
    at = {name: names.index(name) for name in ('["6.text"]', '["7.text"]', "comfyui.generate", '["3.cfg"]')}
    assert list(at) == sorted(at, key=at.__getitem__)
