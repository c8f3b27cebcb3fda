"""Values, files and servers that are not what they should be: a sentence, never a traceback."""

import copy
import json
from dataclasses import replace

import bpy
import pytest

from tests.blender import workflow_graphs as graphs
from tests.blender.workflow_words import posted

pytestmark = pytest.mark.usefixtures("alone")

# what some script, or another's .blend, may leave in our properties
STRANGE = [
    ("3.cfg", "text"),
    ("3.cfg", {"a": 1}),
    ("3.cfg", [1.0, 2.0]),
    ("3.steps", "x"),
    ("3.steps", float("nan")),
    ("3.sampler_name", 1.5),
    ("3.sampler_name", {"a": 1}),
    ("3.seed", [1, 2]),
    ("6.text", {"a": 1}),
    ("6.text", b"\xff\xfe"),
]


@pytest.mark.parametrize(("name", "value"), STRANGE, ids=lambda value: str(value)[:10])
def test_a_value_of_another_kind_is_told_and_can_be_reset(server, load, panel, name, value):
    chosen = load(graphs.classic())
    usual = chosen.values[name]
    del chosen.values[name]
    chosen.values[name] = value
    label = f"{name.partition('.')[2].partition('_')[0].capitalize()}: damaged".replace("Cfg", "CFG")
    assert label.replace("Text", "Prompt") in panel().text
    with pytest.raises(RuntimeError, match="Reset it in the panel") as error:
        bpy.ops.comfyui.generate()
    assert "Traceback" not in str(error.value)
    bpy.ops.comfyui.add_value_preset(name=f"damaged {STRANGE.index((name, value))}")
    assert bpy.ops.comfyui.reset_value(name=name) == {"FINISHED"}
    assert chosen.values[name] == usual
    assert "damaged" not in panel().text
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert posted(server) == [graphs.classic()]


@pytest.mark.parametrize("value", ["x", {"a": 1}, 99, -7, 1.5, [1]], ids=str)
def test_a_strange_mode_of_a_seed_leaves_it_alone_or_is_one_of_ours(server, load, panel, module, value):
    chosen = load(graphs.classic())
    values = module("blender.workflow_panel.values")
    for name in (values.mode_name("3.seed"), values.last_name("3.seed")):
        if name in chosen.values:
            del chosen.values[name]
        chosen.values[name] = value
    assert panel().drawn
    bpy.ops.comfyui.use_last_value(name="3.seed")
    assert bpy.ops.comfyui.generate() == {"FINISHED"}


@pytest.mark.parametrize("steps", ["nan", "inf", "-inf", "1e400"])
def test_a_number_that_is_none_is_imported_and_told(server, load, panel, steps):
    graph = graphs.classic()
    graph["3"]["inputs"]["steps"] = graph["3"]["inputs"]["seed"] = steps
    load(graph)
    assert panel().drawn
    with pytest.raises(RuntimeError, match="steps"):
        bpy.ops.comfyui.generate()


@pytest.mark.parametrize("place", ["title", "text", "group"])
def test_half_a_character_does_not_crash_blender(server, load, panel, place):
    graph = graphs.classic()
    half = "half \ud83e of a fox"
    if place == "text":
        graph["6"]["inputs"]["text"] = half
    else:
        graph["6"]["_meta"]["title"] = half
    chosen = load(graph)
    panel().text.encode()
    bpy.ops.comfyui.reset_values()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert chosen.values["6.text"] in ("half ? of a fox", "a red fox")


@pytest.mark.parametrize("field", ["min", "max", "step", "round", "default"])
def test_limits_that_are_none(server, load, panel, module, field):
    load(graphs.classic())
    scene, adopting = bpy.context.scene, module("blender.workflow_panel.adopting")
    contents = module("blender.workflow_panel.state").contents(scene.comfyui.imported)
    for limit in (float("inf"), float("-inf"), float("nan"), 10**400, 1e308, -1, "x", [], None):
        known = copy.deepcopy(dict(contents.definitions))
        for name in ("cfg", "steps", "seed", "denoise"):
            known["KSampler"]["input"]["required"][name][1][field] = limit
        adopting.take(scene, replace(contents, definitions=known))
        assert panel().drawn
        bpy.ops.comfyui.show_value(name="3.denoise")
        scene.comfyui.values["3.seed|after"] = 2  # decrement
        assert bpy.ops.comfyui.run_anyway() == {"FINISHED"}


def test_what_a_hostile_file_says_of_layout_and_preset(server, load, panel):
    imported = load(graphs.classic()).imported
    usual = len(panel().drawn)
    deep = "[" * 100_000
    rows = [["3.cfg", "a \\ud83e half", "Group \\ud83e"], ["nothing", "x", "y"], ["3.steps"], 5, None]
    row = '["3.cfg", "half \\ud83e", "half \\ud83e"]'
    imported.preset_name = "Deep"
    for text in (deep, "5", "{}", '{"3.cfg": [1]}', "null", json.dumps(rows), f"[{','.join([row] * 10_000)}]"):
        imported.layout = imported.preset = text
        assert len(panel().drawn) <= usual
        panel().text.encode()
    imported.layout = ""
    with pytest.raises(TypeError):
        bpy.ops.comfyui.apply_values(preset="Deep", values=None)
    assert bpy.ops.comfyui.apply_values(preset="Deep", values=deep) == {"CANCELLED"}
