"""Every verb in a real Blender without a window: exit codes, JSON alone on stdout, Ctrl-C, the settings of a .blend."""

import json
import re
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from blender_comfyui.generation.history import History
from blender_comfyui.generation.storyboard.writing import to_yaml
from tests import graphs
from tests.comfy_server import ComfyServer
from tests.generation.commands.schemas import check_schema
from tests.generation.commands.test_graphs import ui_workflow
from tests.generation.storyboard.conftest import board
from tests.generation.tasks.conftest import with_all
from tests.gui.headless import Done, HeadlessBlender
from tests.gui.place import Place

PANELS = 3
# what Blender 5 says on stdout before any extension is loaded, where the system lacks something
OF_BLENDER = re.compile(r"\d\d:\d\d\.\d{3}  \S+ +\| (WARNING|ERROR) ")
OTHER_ADDON = """
import bpy
from bpy.app.handlers import persistent

@persistent
def shout(*_):
    print("another add-on shouts")

def register():
    bpy.app.handlers.load_post.append(shout)

def unregister():
    pass
"""


@pytest.fixture(scope="module")
def blender(place: Place) -> Iterator[HeadlessBlender]:
    """One installed Blender; each command is a start of its own."""
    with HeadlessBlender(place) as found:
        yield found


@pytest.fixture
def server(comfy_server: Callable[..., ComfyServer]) -> ComfyServer:
    """A server with all that the bundled workflows need."""
    found: ComfyServer = with_all(comfy_server)()
    return found


@pytest.fixture
def at(blender: HeadlessBlender, server: ComfyServer) -> Callable[..., Done]:
    """``at("models")`` runs a verb with the server, and --json."""
    return lambda *words, **options: blender.command(*map(str, words), "--json", COMFYUI_URL=server.url, **options)


@pytest.fixture
def folder(blender: HeadlessBlender, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own that Blender reaches, too."""
    made = blender.folder / request.node.name
    made.mkdir()
    return made


@pytest.fixture
def workflow(folder: Path) -> Path:
    path = folder / "fox.json"
    path.write_text(json.dumps(graphs.txt2img(checkpoint="sd_xl_base_1.0.safetensors")), encoding="utf-8")
    return path


@pytest.fixture
def shot(blender: HeadlessBlender, folder: Path) -> str:
    """A .blend with a prompt, a tier, and a storyboard; how Blender names it."""
    path = blender.inside(folder / "shot.blend")
    script = folder / "make.py"
    script.write_text(
        "import bpy\n"
        "chosen = bpy.context.scene.comfyui\n"
        "chosen.prompt, chosen.tier, chosen.seed_mode, chosen.seed = 'a green fox', 'low', 'FIXED', '77'\n"
        "board = bpy.context.scene.comfyui_storyboard\n"
        "board.id, board.title, board.seed = 'shot', 'The shot', '5'\n"
        "board.task, board.tier, board.width, board.height = 'image_generation', 'low', 96, 64\n"
        f"for number in range({PANELS}):\n"
        "    panel = board.panels.add()\n"
        "    panel.name, panel.prompt, panel.length = f'p{number}', f'fox {number}', 24\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={path!r})\n"
    )
    done = blender.run(["--background", "--python-exit-code", "9", "--python", blender.inside(script)])
    assert done.code == 0, done.out + done.err
    return path


def told(done: Done, code: int = 0) -> dict[str, Any]:
    """The object on stdout, which its schema knows, and beside which Blender has said nothing of its own."""
    assert done.code == code, f"{done.code}: {done.out}{done.err}"
    *before, last = done.out.splitlines()
    assert all(OF_BLENDER.match(line) for line in before), done.out
    found: dict[str, Any] = json.loads(last)
    check_schema(found)
    assert found["exit_code"] == code
    return found


def post_foreign(server: ComfyServer) -> str:
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.empty_save(), "client_id": "somebody else", "prompt_id": prompt_id}
    assert requests.post(f"{server.url}/prompt", json=body, timeout=10).status_code == 200
    return prompt_id


def test_every_verb(at: Callable[..., Done], blender: HeadlessBlender, folder: Path, workflow: Path) -> None:
    file = blender.inside(workflow)
    assert told(at("server"))["comfyui"] == "0.27.0"
    assert "sd_xl_base_1.0.safetensors" in told(at("models", "checkpoints"))["folders"]["checkpoints"]
    assert told(at("check", file))["problems"] == []
    ran = told(at("run", file, "--prompt", "a blue fox", "--output", blender.inside(folder / "made")))["job"]
    picture = blender.place.outside(ran["files"][0]["path"])
    Image.open(picture).load()
    assert told(at("history", ran["id"]))["jobs"][0]["label"] == "a blue fox"
    assert told(at("queue"))["prompts"] == []
    assert told(at("cancel", ran["id"]))["jobs"][0]["cancelled"] is False
    ui = folder / "ui.json"
    ui.write_text(json.dumps(ui_workflow()), encoding="utf-8")
    assert told(at("convert", blender.inside(ui), "--output", blender.inside(folder / "api.json")))["was_converted"]
    assert json.loads((folder / "api.json").read_text())["1"]["class_type"] == "EmptyImage"
    project = folder / "fox.yaml"
    project.write_text(to_yaml(board(PANELS, id=str(uuid.uuid4()))), encoding="utf-8")
    words = ["storyboard", blender.inside(project), "--sheet", blender.inside(folder / "sheet.pdf")]
    assert told(at(*words))["storyboard"]["done"] == PANELS
    assert (folder / "sheet.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["fly"], 2),
        (["server", "--server", "127.0.0.1:1"], 3),
        (["server", "--server", "192.0.2.1"], 3),
        (["run", "/nowhere/fox.json"], 4),
        (["check", "sd_basic", "--set", "checkpoint=gone.safetensors"], 5),
        (["models", "lollies"], 9),
        (["history", "01234567"], 9),
    ],
)
def test_exit_codes(at: Callable[..., Done], words: list[str], code: int) -> None:
    done = at(*words)
    if words == ["fly"]:
        assert done.code == 2
        assert done.json["error"]["kind"] == "Usage"
        return
    assert told(done, code)["error"] or code == 5


def test_a_failed_job_and_an_unknown_command(at: Callable[..., Done], blender: HeadlessBlender, folder: Path) -> None:
    path = folder / "bad.json"
    path.write_text(json.dumps(graphs.raising()), encoding="utf-8")
    done = at("run", blender.inside(path), "--unchecked")
    assert told(done, 6)["job"]["state"] == "failed"
    assert blender.run(["--factory-startup", "--command", "comfyui", "server"]).code == 1


def test_ctrl_c_cancels_ours_and_nobody_elses(
    blender: HeadlessBlender, server: ComfyServer, workflow: Path, at: Callable[..., Done]
) -> None:
    server.hold()
    words = ["--command", "comfyui", "run", blender.inside(workflow), "--json"]
    process = blender.start(words, COMFYUI_URL=server.url)
    server.gate.wait_reached(60)
    later = post_foreign(server)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    found = told(Done(process.returncode, out, err), 130)
    assert found["job"]["state"] == "cancelled"
    server.release()
    server.wait_for(lambda: bool(server.journal.finished[later]))
    entry = requests.get(f"{server.url}/history/{later}", timeout=10).json()[later]
    assert entry["status"]["status_str"] == "success"
    assert told(at("queue"))["prompts"] == []


def test_the_settings_of_a_blend(at: Callable[..., Done], shot: str, blender: HeadlessBlender) -> None:
    job = told(at("run", before=[shot]))["job"]
    assert (job["task"], job["tier"], job["label"], job["seed"]) == ("image_generation", "low", "a green fox", 77)
    made = blender.place.outside(job["files"][0]["path"])
    assert made.parent == blender.place.outside(shot).parent / "comfyui"
    job = told(at("run", "--prompt", "a hare", before=["--background", shot]))["job"]
    assert (job["label"], job["seed"]) == ("a hare", 77)
    found = told(at("storyboard", before=[shot]))["storyboard"]
    assert (found["title"], found["done"]) == ("The shot", PANELS)
    assert found["findings"] == []
    history = History(blender.folder / "blender/extensions/.user/user_default/blender_comfyui/session")
    [*waiting] = history.waiting("", shot)
    assert {record.target["panel"] for record in waiting} == {"p0", "p1", "p2"}  # for when the file is opened
    history.close()


def test_the_server_and_login_of_the_preferences(
    blender: HeadlessBlender, comfy_server: Callable[..., ComfyServer], folder: Path
) -> None:
    server = comfy_server(auth=("Authorization", "Bearer s3cr3t-t0ken"))
    script = folder / "preferences.py"
    script.write_text(
        "import bpy\n"
        "chosen = bpy.context.preferences.addons['bl_ext.user_default.blender_comfyui'].preferences\n"
        f"chosen.host, chosen.authentication, chosen.token = {server.url!r}, 'BEARER', 's3cr3t-t0ken'\n"
        "bpy.ops.wm.save_userpref()\n"
    )
    done = blender.run(["--background", "--python-exit-code", "9", "--python", blender.inside(script)])
    assert done.code == 0, done.out + done.err
    done = blender.command("server", "--json", "--verbose")
    assert told(done)["server"] == server.url
    assert "s3cr3t" not in done.out + done.err


def test_others_who_print_are_on_stderr(at: Callable[..., Done], blender: HeadlessBlender, shot: str) -> None:
    """Another add-on as the file is opened, and Blender itself, which writes its buffer when it ends."""
    addons = blender.folder / "blender/scripts/startup"
    addons.mkdir(parents=True, exist_ok=True)
    path = addons / "shouting.py"
    path.write_text(OTHER_ADDON)
    try:
        for before in ([shot], ["--background", shot]):
            done = at("models", before=before)
            assert told(done)["folders"]
            assert "another add-on shouts" in done.err
        assert "Blender 5" in done.err  # of --background
    finally:
        path.unlink()


def test_people_see_lines_without_a_terminal(blender: HeadlessBlender, server: ComfyServer, workflow: Path) -> None:
    done = blender.command("run", blender.inside(workflow), "--prompt", "a fox", COMFYUI_URL=server.url)
    assert done.code == 0, done.err
    assert "a fox: finished\n" in done.err
    assert "\r" not in done.err
    assert done.out.rstrip().endswith(".png")
