"""What a person does while a workflow is on its way, and what else shares the file with it."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from tests.blender import workflow_graphs as graphs
from tests.blender.workflow_words import posted

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def begin(tmp_path):
    """``begin(graph)`` imports as a click does: the workflow comes by itself."""

    def run(graph, name="fox.json"):
        bpy.ops.comfyui.import_workflow(filepath=graphs.written(tmp_path / name, graph), waits=False)

    return run


@pytest.fixture
def said(module, monkeypatch):
    """The sentences that a person is told in a window of their own."""
    sentences = []
    reception = module("blender.workflow_panel.reception")
    monkeypatch.setattr(reception, "say", lambda sentence, _icon: sentences.append(sentence))
    return sentences


def test_a_workflow_does_not_come_into_another_file(server, begin, said, module, deliver):
    begin(graphs.classic())
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    deliver(lambda: said)
    assert not bpy.context.scene.comfyui.imported.used
    assert "is gone" in said[0]
    deliver(module("blender.workflow_panel.reception").library)  # it is not lost


def test_a_scene_may_be_renamed_meanwhile(server, begin, deliver):
    begin(graphs.classic())
    scene = bpy.context.scene
    scene.name = "Renamed"
    bpy.data.scenes.new("Scene")
    deliver(lambda: scene.comfyui.imported.used)


def test_a_workflow_waits_while_blender_is_busy(server, begin, module, deliver, monkeypatch):
    delivery, reception = module("blender.delivery"), module("blender.workflow_panel.reception")
    busy = [True]
    monkeypatch.setattr(delivery, "blender_is_busy", lambda: busy[0])
    begin(graphs.classic())
    deliver(lambda: reception._current.put_off)
    for _ in range(3):
        assert delivery.tick() is not None  # it goes on looking
    assert not bpy.context.scene.comfyui.imported.used
    busy[0] = False
    deliver(lambda: bpy.context.scene.comfyui.imported.used)


def test_the_tick_stays_for_the_list_behind_what_was_kept(server, load, module):
    load(graphs.classic())
    reception, workshop = module("blender.workflow_panel.reception"), module("generation.workshop")
    heard = []
    reception._current.waiting["x"] = heard.append
    for answer in (workshop.KeptInLibrary(None, tag="x"), workshop.LibraryListed((), (), tag="x")):
        assert reception.expects_answers()
        reception._tell(answer, reception._current.hearer(answer))
    assert len(heard) == 2
    assert "x" not in reception._current.waiting


def test_another_servers_lists_are_asked_for_at_once(server, stand_in, preferences, module, deliver):
    reception = module("blender.workflow_panel.reception")
    for one in (server, stand_in()):
        preferences.host = one.url
        for expected in (True, False):
            reception.want_lists()
            assert reception.expects_answers() is expected
            deliver(lambda: not reception.expects_answers())


def test_a_check_that_was_not_possible_is_told(server, load, said, deliver):
    load(graphs.classic())
    server.stop()
    bpy.ops.comfyui.check_workflow()
    deliver(lambda: said)


def test_what_is_found_in_the_search_stays_what_it_was(server, load, module, deliver):
    load(graphs.classic())
    reception, workflow = module("blender.workflow_panel.reception"), module("blender.operators.workflow")
    deliver(reception.library)
    before = {name: identifier for identifier, name, *_ in workflow._offers(None, None)}
    load(graphs.classic(), "a first one.json")
    deliver(lambda: len(reception.library()) == 2)
    after = {name: identifier for identifier, name, *_ in workflow._offers(None, None)}
    assert before.items() < after.items()


def test_two_clicks_before_the_server_answers_have_two_seeds(server, load, module, deliver):
    chosen = load(graphs.classic())
    values, reception = module("blender.workflow_panel.values"), module("blender.workflow_panel.reception")
    running, generate = module("blender.workflow_panel.running"), module("blender.operators.generate")
    chosen.values[values.mode_name("3.seed")] = 1  # increment
    reception._current.definitions = None
    server.control(set={"checkpoints": ["a new one.safetensors", "random_sd15.safetensors"]})
    runs = [running.start(bpy.context, generate.follow) for _ in range(2)]
    deliver(lambda: all(run.is_decided for run in runs))
    assert [run.problem for run in runs] == ["", ""]
    deliver(lambda: len(posted(server)) == 2)
    assert [graph["3"]["inputs"]["seed"] for graph in posted(server)] == [2**63 + 3, 2**63 + 4]


def test_a_click_that_comes_to_nothing_is_told(server, load, module, said, deliver):
    load(graphs.classic())
    reception, running = module("blender.workflow_panel.reception"), module("blender.workflow_panel.running")
    reception._current.definitions = None
    run = running.start(bpy.context, module("blender.operators.generate").follow)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    deliver(lambda: run.is_decided)
    assert said == [run.problem]
    assert posted(server) == []


def test_a_refusal_is_listed_also_when_the_server_has_more_models_by_then(server, load, module, panel, deliver):
    load(graphs.classic())
    reception = module("blender.workflow_panel.reception")
    reception._current.definitions = None
    server.control(set={"checkpoints": ["a new one.safetensors", "random_sd15.safetensors"]})
    run = module("blender.workflow_panel.running").start(bpy.context, module("blender.operators.generate").follow)
    deliver(lambda: run.is_decided)
    assert run.entry.target[module("blender.order").STAMP] == bpy.context.scene.comfyui.imported.stamp


def test_a_damaged_workflow_is_not_unpacked_with_each_drawing(load, panel, module, monkeypatch, server):
    chosen = load(graphs.classic())
    state = module("blender.workflow_panel.state")
    unpacked, unpack = [], state._unpacked
    monkeypatch.setattr(state, "_unpacked", lambda packed: unpacked.append(packed) or unpack(packed))
    chosen.imported.packed, chosen.imported.stamp = chosen.imported.packed[:100], "damaged"
    for _ in range(3):
        assert "damaged" in panel().text
    assert len(unpacked) == 1


def test_a_choice_survives_a_list_that_becomes_too_long_for_a_menu(server, load, module, deliver, said):
    values = module("blender.workflow_panel.values")
    few = [f"model {number}.safetensors" for number in range(99)]
    server.control(set={"checkpoints": ["random_sd15.safetensors", *few]})
    chosen = load(graphs.classic())
    chosen.values["4.ckpt_name"] = values.numbers(chosen.values, "4.ckpt_name")["model 7.safetensors"]
    bpy.context.scene.keyframe_insert('comfyui.values["4.ckpt_name"]', frame=1)
    server.control(set={"checkpoints": ["random_sd15.safetensors", "model 99.safetensors", *few]})
    bpy.ops.comfyui.check_workflow()
    deliver(lambda: isinstance(chosen.values["4.ckpt_name"], str))
    assert chosen.values["4.ckpt_name"] == "model 7.safetensors"
    assert "animation of 1 values" in said[0]  # texts cannot be animated
    server.control(set={"checkpoints": ["random_sd15.safetensors", *few]})
    bpy.ops.comfyui.check_workflow()
    deliver(lambda: isinstance(chosen.values["4.ckpt_name"], int))
    assert values.numbers(chosen.values, "4.ckpt_name")["model 7.safetensors"] == chosen.values["4.ckpt_name"]


def test_the_same_workflow_in_two_scenes_with_menus_numbered_differently(server, load, module, panel, deliver):
    values = module("blender.workflow_panel.values")
    server.control(set={"checkpoints": ["random_sd15.safetensors"]})
    first = load(graphs.classic())
    server.control(set={"checkpoints": ["another.safetensors", "random_sd15.safetensors"]})
    bpy.ops.comfyui.check_workflow()
    deliver(lambda: len(values.numbers(first.values, "4.ckpt_name")) == 2)
    assert "comfyui.reset_value" not in panel().operators
    bpy.context.window.scene = bpy.data.scenes.new("Second")
    second = load(graphs.classic())
    assert second.imported.stamp == first.imported.stamp
    assert second.values["4.ckpt_name"] != first.values["4.ckpt_name"]
    assert "comfyui.reset_value" not in panel().operators


def other():
    graph = graphs.classic()
    graph["3"] = {"class_type": "Other", "inputs": {"cfg": 1.0}}
    return graph


def test_animation_of_another_scene_stays(server, load):
    load(graphs.classic())
    first = bpy.context.scene
    first.comfyui.values["3.cfg"] = 2.0
    first.keyframe_insert('comfyui.values["3.cfg"]', frame=1)
    bpy.ops.scene.new(type="LINK_COPY")
    second = bpy.context.scene
    second.animation_data_create().action = first.animation_data.action
    if hasattr(second.animation_data, "action_slot"):
        second.animation_data.action_slot = first.animation_data.action_slot
    load(other(), "other.json")
    second.comfyui.values["3.cfg"] = 9.0
    first.comfyui.values["3.cfg"] = 9.0
    for scene in (first, second):
        scene.frame_set(5)
    assert (first.comfyui.values["3.cfg"], second.comfyui.values["3.cfg"]) == (2.0, 9.0)


def test_animation_in_strips_goes_with_its_workflow(server, load):
    load(graphs.classic())
    scene = bpy.context.scene
    scene.comfyui.values["3.cfg"] = 2.0
    scene.keyframe_insert('comfyui.values["3.cfg"]', frame=1)
    data = scene.animation_data
    data.nla_tracks.new().strips.new("pushed down", 1, data.action)
    data.action = None
    load(other(), "other.json")
    scene.comfyui.values["3.cfg"] = 9.0
    scene.frame_set(5)
    assert scene.comfyui.values["3.cfg"] == 9.0


def presets(folder="fox"):
    return sorted(path.stem for found in bpy.utils.preset_paths(f"comfyui/{folder}") for path in Path(found).glob("*"))


def preset(stem):
    root = Path(bpy.utils.user_resource("SCRIPTS", path="presets"))
    return str(root / "comfyui" / "fox" / f"{stem}.py")


def test_deleting_a_preset_deletes_the_one_that_the_panel_names(server, load, no_presets):
    chosen = load(graphs.classic())
    for name in ("a green one", "Blue"):
        bpy.ops.comfyui.add_value_preset(name=name)
    bpy.ops.script.execute_preset(filepath=preset("a_green_one"), menu_idname="COMFYUI_MT_value_presets")
    assert chosen.imported.preset_name == "a green one"  # as the menu has it
    bpy.types.COMFYUI_MT_value_presets.bl_label = "Blue"  # chosen in another file
    bpy.ops.comfyui.add_value_preset(remove_active=True)
    assert presets() == ["Blue"]
    assert chosen.imported.preset_name == ""
    assert bpy.ops.comfyui.add_value_preset(remove_active=True) == {"CANCELLED"}
    assert presets() == ["Blue"]


def test_a_preset_that_the_server_cannot_fulfil_says_so(server, load, no_presets, capfd):
    chosen = load(graphs.classic())
    text = '{"3.sampler_name": "no such sampler", "3.cfg": 3.0, "3.steps": "many", "nowhere": 1}'
    assert bpy.ops.comfyui.apply_values(preset="Other", values=text) == {"FINISHED"}
    assert chosen.values["3.cfg"] == 3.0
    assert "sampler_name" in capfd.readouterr().out


@pytest.mark.parametrize("title", ["大" * 100, "../../x", "a/b", "x" * 300, "..", "con.|?*"])
def test_presets_of_a_workflow_with_an_odd_name(server, load, no_presets, title):
    chosen = load(graphs.classic())
    chosen.imported.title = title
    assert bpy.ops.comfyui.add_value_preset(name="Odd") == {"FINISHED"}
    root = Path(bpy.utils.user_resource("SCRIPTS", path="presets"), "comfyui")
    [path] = root.rglob("*.py")
    assert path.parent.parent == root


def test_a_preset_that_cannot_be_written_is_a_sentence(server, load, no_presets, module, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    chosen = load(graphs.classic())
    monkeypatch.setattr(module("blender.operators.workflow_presets").Path, "write_text", full)
    with pytest.raises(RuntimeError, match="No space left") as error:
        bpy.ops.comfyui.add_value_preset(name="Odd")
    assert "Traceback" not in str(error.value)
    assert chosen.imported.preset_name == ""


def test_nothing_is_imported_into_a_linked_scene(server, load, tmp_path):
    load(graphs.classic())
    bpy.context.scene.name = "Linked"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Linked"]
    bpy.context.window.scene = bpy.data.scenes["Linked"]
    assert not bpy.ops.comfyui.import_workflow.poll()


def test_a_library_that_cannot_be_written_is_told_and_the_workflow_is_there(server, load, module, said, deliver):
    module("blender.workflow_panel.reception").close()
    folder = module("blender.settings").user_folder("workflows")
    folder.rmdir()
    folder.write_text("in the way")
    try:
        assert load(graphs.classic()).imported.used
        deliver(lambda: said)
        assert str(folder) in said[0]
    finally:
        folder.unlink()


@pytest.mark.parametrize("name", ["fox.png", "fox.json"])
def test_the_file_browser_leaves_the_ending_of_an_export(package, module, name):
    export = module("blender.operators.workflow_library").COMFYUI_OT_export_workflow
    typed = SimpleNamespace(filepath=name, filename_ext=export.filename_ext, check_extension=export.check_extension)
    export.check(typed, bpy.context)  # as Blender does after each change of the name
    assert typed.filepath == name


def test_a_line_is_moved_past_those_that_are_not_there_now(package, module):
    shown = module("blender.workflow_panel.shown")
    lines = tuple(shown.Shown(name, name, "group") for name in "abc")
    for name, by, expected in (("c", -1, "cab"), ("a", 1, "bca"), ("b", 1, "acb")):
        moved = shown.with_moved(lines, name, by, {"b"} - {name})
        assert "".join(line.name for line in moved) == expected


def test_a_conversion_without_a_server_says_what_is_missing(server, load, said, deliver):
    server.stop()
    imported = load(graphs.broken_ui()).imported
    for _ in range(2):
        said.clear()
        bpy.ops.comfyui.convert_workflow(waits=False)
        deliver(lambda: said)
        assert "server" in said[0]
    assert imported.used


def test_what_is_wrong_in_one_scene_is_not_said_of_its_copy(server, load, panel):
    load(graphs.classic())
    bpy.ops.scene.new(type="FULL_COPY")
    bpy.context.scene.comfyui.values["3.cfg"] = 500.0
    with pytest.raises(RuntimeError, match="at most 100"):
        bpy.ops.comfyui.generate()
    assert "at most 100" in panel().text
    bpy.context.window.scene = bpy.data.scenes["Scene"]
    assert "at most 100" not in panel().text
