"""convert and check: what a server would take, and what it lacks; with a server, or with what one said once."""

from __future__ import annotations

import json
import os
import threading

import pytest

from blender_comfyui.generation.session import Session
from tests import graphs
from tests.conftest import SHARED

CONVERSION = SHARED / "conversion"
OBJECT_INFO = CONVERSION / "object_info.json"


@pytest.fixture
def editors():
    """A workflow of the editor, and what the official front end makes of it."""
    if not OBJECT_INFO.is_file():
        pytest.skip(f"no workflows of ComfyUI's editor in {CONVERSION}")
    return CONVERSION / "templates"


def saved(commands, server):
    import requests

    path = commands.folder / "object_info.json"
    path.write_bytes(requests.get(f"{server.url}/object_info", timeout=10).content)
    return path


def ui_workflow():
    """EmptyImage → SaveImage, as the editor saves it."""
    return {
        "nodes": [
            {"id": 1, "type": "EmptyImage", "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
             "widgets_values": [64, 32, 1, 255], "mode": 0},
            {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "outputs": [],
             "widgets_values": ["fox"], "mode": 0},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "version": 0.4,
    }  # fmt: skip


def test_convert_with_a_server(at_server, tmp_path):
    path = at_server.file("ui.json", ui_workflow())
    told = at_server.json("convert", path).json
    assert told["was_converted"]
    assert told["workflow"]["1"]["inputs"] == {"width": 64, "height": 32, "batch_size": 1, "color": 255}
    target = tmp_path / "api.json"
    done = at_server("convert", path, "--output", target)
    assert done.out == f"{target}\n"
    assert json.loads(target.read_text()) == told["workflow"]
    assert json.loads(at_server("convert", path).out) == told["workflow"]
    assert at_server("run", target).code == 0


def test_convert_and_check_without_a_server(at_server):
    path, known = at_server.file("ui.json", ui_workflow()), saved(at_server, at_server.server)
    at_server.server.stop()
    told = at_server.json("convert", path, "--object-info", known).json
    assert set(told["workflow"]) == {"1", "2"}
    assert at_server.json("check", path, "--object-info", known).code == 0
    assert at_server.json("convert", path).code == 3
    assert at_server.json("convert", path, "--object-info", path).code == 4


def test_an_official_template(commands, editors):
    path = sorted(editors.glob("*"))[0]
    files = [file for file in sorted(editors.rglob("*.json")) if "nodes" in json.loads(file.read_text())]
    assert files, path
    done = commands.json("convert", files[0], "--object-info", OBJECT_INFO)
    assert done.code in (0, 5)
    assert done.json["workflow"] if done.code == 0 else done.json["error"]["kind"] == "UnknownClasses"


def test_convert_names_what_the_server_lacks(at_server):
    graph = ui_workflow()
    graph["nodes"][0]["type"] = "MadeUpNode"
    done = at_server.json("convert", at_server.file("ui.json", graph))
    assert done.code == 5
    assert done.json["error"]["kind"] == "UnknownClasses"
    assert "MadeUpNode" in done.err


def test_a_picture_with_a_workflow_inside(at_server, workflow):
    file = at_server.json("run", workflow, "--prompt", "a blue fox").json["job"]["files"][0]["path"]
    told = at_server.json("convert", file).json
    assert told["workflow"]["2"]["inputs"]["text"] == "a blue fox"
    assert at_server("run", file, "--set", "seed=random").code == 0


def test_check(at_server, workflow):
    told = at_server.json("check", workflow).json
    assert (told["problems"], told["runnable_outputs"]) == ([], ["7"])
    done = at_server.json("check", workflow, "--set", "checkpoint=gone.safetensors", "--set", "steps=20000")
    assert done.code == 5
    assert {problem["kind"] for problem in done.json["problems"]} == {"missing_model", "out_of_range"}
    assert done.json["runnable_outputs"] == []
    assert at_server.server.journal.posts == 0
    text = at_server("check", workflow, "--set", "checkpoint=gone.safetensors")
    assert text.code == 5
    assert "gone.safetensors" in text.out


def test_check_of_a_task(commands, full_server):
    commands.server = full_server()
    assert commands.json("check", "--task", "image_generation").json["problems"] == []
    commands.server.models = {**commands.server.models, "checkpoints": ()}
    done = commands.json("check", "--task", "image_generation", "--tier", "low")
    assert done.code == 5
    assert done.json["problems"][0]["kind"] == "missing_model"
    assert commands.json("check", "--task", "image_genesis").code == 4


def test_names_as_the_server_writes_them(at_server):
    """A workflow of a Windows machine names folders otherwise: that is put right, and said."""
    server = at_server.server
    path = at_server.file("windows.json", graphs.txt2img(checkpoint="SDXL\\sd_xl_base_1.0.safetensors"))
    told = at_server.json("check", path).json
    assert told["problems"] == []
    assert "SDXL/sd_xl_base_1.0.safetensors" in told["notes"][0]
    done = at_server.json("run", path)
    assert done.json["job"]["notes"] == told["notes"]
    [sent] = [request.json["prompt"] for request in server.journal.requests if request.route == "/prompt"]
    assert sent["1"]["inputs"]["ckpt_name"] == "SDXL/sd_xl_base_1.0.safetensors"


def test_the_same_from_python(at_server, workflow):
    with Session(at_server.server.url, data_dir=at_server.data) as session:
        assert session.ask_server().version == "0.27.0"
        assert "loras" in session.models().folders
        assert set(session.convert(ui_workflow())) == {"1", "2"}
        assert session.check(workflow) == ()
        [problem] = session.check(graphs.txt2img(checkpoint="gone.safetensors"))
        assert problem.kind == "missing_model"
        assert session.look_at_queue() == ()
    assert at_server.server.journal.posts == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only such systems have devices among their files")
@pytest.mark.parametrize("option", ["--output", "--json-file"])
def test_what_is_no_plain_file_is_written_to_and_stays_what_it_is(at_server, workflow, tmp_path, option):
    """Such as /dev/null, which root could replace by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert at_server("convert", workflow, option, pipe).code == 0
    reader.join(10.0)
    assert pipe.is_fifo()
    assert json.loads(read[0])
