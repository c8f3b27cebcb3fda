"""What is asked for: the words, and behind them the settings of a .blend; and where workflows come from."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from blender_comfyui.generation.request import Request
from blender_comfyui.generation.storyboard.model import Storyboard
from blender_comfyui.generation.tasks.preparing import Order
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.importing import import_workflow
from blender_comfyui.workflow.library import Library
from tests import graphs
from tests.generation.storyboard.conftest import board


@dataclass
class Scene:
    """What Blender says of an open file."""

    ordered: Order | None = None
    requested: Request | None = None
    boards: Storyboard | None = None
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    name: str = "shot.blend"

    def order(self):
        return self.ordered

    def request(self):
        return self.requested

    def storyboard(self):
        return self.boards

    def replacement(self):
        return None

    def contexts(self):
        return self.places


@pytest.fixture
def at_full(commands, full_server):
    commands.server = full_server()
    return commands


def prompts(server):
    return [request.json["prompt"] for request in server.journal.requests if request.route == "/prompt"]


def test_a_task_of_a_blend(at_full):
    order = Order("image_generation", "low", {"prompt": "a green fox", "seed": 7, "width": 256})
    at_full.around["scene"] = Scene(order)
    job = at_full.json("run").json["job"]
    assert (job["task"], job["tier"], job["label"], job["seed"]) == ("image_generation", "low", "a green fox", 7)
    job = at_full.json("run", "--tier", "standard", "--prompt", "a hare").json["job"]
    assert (job["tier"], job["label"], job["seed"]) == ("standard", "a hare", 7)
    job = at_full.json("run", "--task", "scene_generation", "--tier", "low").json["job"]  # another task, other settings
    assert (job["task"], job["label"] == "a green fox") == ("scene_generation", False)
    assert at_full.json("check").json["name"] == "image_generation"


def test_a_workflow_in_the_place_of_a_blends_tiers(at_full):
    graph = Workflow.load(graphs.txt2img(checkpoint="sd_xl_base_1.0.safetensors"))
    order = Order("image_generation", "low", {"prompt": "a green fox"}, graph, workflow_name="Foxes")
    at_full.around["scene"] = Scene(order)
    done = at_full.json("run")
    assert done.json["job"]["workflow"] == "Foxes", done.err
    assert prompts(at_full.server)[-1]["2"]["inputs"]["text"] == "a green fox"


def test_an_imported_workflow_of_a_blend(at_full, picture):
    request = Request(graphs.txt2img(checkpoint="sd_xl_base_1.0.safetensors"), {"prompt": "a red cube", "seed": 5},
                      workflow_name="Foxes", label="a red cube", stem="fox", context={"blend": "x"})  # fmt: skip
    at_full.around["scene"] = Scene(requested=request)
    job = at_full.json("run", "--set", "steps=5").json["job"]
    assert (job["workflow"], job["seed"]) == ("Foxes", 5)
    assert "/fox_" in job["files"][0]["path"]
    assert prompts(at_full.server)[-1]["5"]["inputs"]["steps"] == 5
    [kept] = at_full.json("history", job["id"]).json["jobs"]
    assert kept["context"] == {}  # no .blend waits for it
    assert set(at_full.json("convert").json["workflow"]) == set(request.prompt)
    assert at_full.json("check").json["name"] == "Foxes"
    assert at_full.json("convert", "sd_basic").json["name"] == "sd_basic"


def test_a_storyboard_of_a_blend_waits_for_its_file(at_full):
    places = {"p01": {"blend": "/shots/shot.blend", "frame": "1"}, "p02": {"blend": "/shots/shot.blend", "frame": "25"}}
    at_full.around["scene"] = Scene(boards=board(2), places=places)
    done = at_full.json("storyboard")
    assert done.code == 0, done.err
    kept = at_full.json("history", done.json["storyboard"]["panels"][1]["takes"][0]["job"]).json["jobs"][0]
    assert kept["context"]["frame"] == "25"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "steps"], 2, "NAME=VALUE"),
        (["--set", "=7"], 2, "NAME=VALUE"),
        (["--input", "image=/nowhere/fox.png"], 4, "/nowhere/fox.png"),
        (["--set", "steps=many"], 4, "“steps” must be a number"),
        (["--set", "seed=-1"], 4, "seed"),
        (["--set", "cfg=7", "--set", "cfg=8"], 4, "cfg"),
        (["--timeout", "soon"], 2, "seconds"),
        (["--timeout", "-1"], 2, "seconds"),
    ],
)
def test_wrong_words(at_server, workflow, words, code, said):
    done = at_server.json("run", workflow, *words)
    assert done.code == code
    assert said in done.json["error"]["sentence"]
    assert at_server.server.journal.posts == 0


def test_values_of_all_kinds(at_server):
    graph = {"1": {"class_type": "Any", "inputs": {"on": True, "list": [1, 2, 3], "number": 5, "text": "x"}}}
    path = at_server.file("any.json", graph)
    words = ["--set", "on=no", "--set", "list=[4, 5, 6]", "--set", "number=2.5", "--set", "text=true"]
    done = at_server.json("run", path, *words, "--unchecked")
    assert done.code == 6  # no server has such a node
    assert prompts(at_server.server)[-1]["1"]["inputs"] == {
        "on": False,
        "list": [4, 5, 6],
        "number": 2.5,
        "text": "true",
    }
    assert at_server.json("run", path, "--set", "on=perhaps").code == 4
    assert at_server.json("run", path, "--set", "list=4,").code == 4


def test_the_library(at_server, workflow):
    folder = at_server.folder / "library"
    at_server.around["library"] = folder
    library = Library(folder)
    entry = library.add(import_workflow(workflow))
    for name in (entry.id, entry.name, entry.name.upper()):
        assert at_server.json("convert", name).json["name"] == "fox"
    library.duplicate(entry.id)
    names = [found.name for found in library.entries().entries]
    assert all(at_server.json("convert", name).code == 0 for name in names)
    done = at_server.json("convert", "foxx")
    assert done.code == 4
    assert "Did you mean “fox”" in done.json["error"]["sentence"]


def test_python_takes_graphs_and_texts(at_server):
    from blender_comfyui.generation.session import Session
    from tests.generation.commands.test_graphs import ui_workflow

    with Session(at_server.server.url, data_dir=at_server.data) as session:
        graph = graphs.txt2img()
        assert session.check(Workflow.load(graph)) == session.check(graph) == ()
        assert session.check(ui_workflow()) == ()
        assert session.convert("sd_basic")["1"]["class_type"] == "CheckpointLoaderSimple"
