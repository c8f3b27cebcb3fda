"""``blender --command comfyui``: registered in every Blender, with its preferences and the open file's settings.

bpy itself cannot be started with --command, so what Blender would call is called here; tests/gui/test_commands.py does
all of it with a real Blender.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from tests.blender import storyboards, workflow_graphs

PYTHON_OF_TESTS = "BLENDER_COMFYUI_PYTHON"


@pytest.fixture
def commands(module):
    return module("blender.commands")


@pytest.fixture
def run(commands, module, monkeypatch):
    """``run("models")`` returns the code and the object that --json prints."""
    program = module("generation.commands.program")
    monkeypatch.delenv("COMFYUI_URL", raising=False)

    def call(*words):
        out = io.StringIO()
        code = program.main([*map(str, words), "--json"], commands.surroundings(), out=out, err=io.StringIO())
        return code, json.loads(out.getvalue())

    return call


def test_blender_knows_the_command(package, monkeypatch):
    """Also after it was disabled and enabled again, which Blender would refuse for a name that is taken."""
    import addon_utils

    told = []
    kind = bpy.utils.register_cli_command
    monkeypatch.setattr(bpy.utils, "register_cli_command", lambda name, call: told.append(name) or kind(name, call))
    for _ in range(2):
        addon_utils.disable(package)
        addon_utils.enable(package)
    assert told == ["comfyui", "comfyui"]


def test_the_preferences_server_is_asked(server, run):
    code, told = run("server")
    assert (code, told["comfyui"], told["server"]) == (0, "0.27.0", server.url)


def test_the_environment_goes_before_the_preferences(server, stand_in, run, monkeypatch):
    other = stand_in()
    monkeypatch.setenv("COMFYUI_URL", other.url)
    assert run("server")[1]["server"] == other.url
    assert run("server", "--server", server.url)[1]["server"] == server.url


def test_another_computer_needs_permission(run, preferences):
    preferences.host = "10.11.12.13"
    code, told = run("server")
    assert code == 3
    assert "--online-mode" in told["error"]["sentence"]


def test_the_login_stays_with_its_server(server, stand_in, run, preferences):
    preferences.authentication, preferences.token = "BEARER", "s3cr3t-t0ken"
    assert run("server")[0] == 0
    assert headers(server)["Authorization"] == "Bearer s3cr3t-t0ken"
    preferences.host = "192.168.7.7"  # the login was entered for another host: that is refused …
    assert run("server")[0] == 3
    assert run("server", "--server", server.url)[0] == 0  # … and goes nowhere else
    assert "Authorization" not in headers(server)


def headers(server):
    return [request[2] for request in server.control()["requests"] if request[1] == "/system_stats"][-1]


def test_the_scene_of_a_file_is_the_default(server, run, comfyui, saved):
    code, told = run("run", "--output", saved.parent / "made")
    assert code == 0, told
    job = told["job"]
    assert (job["task"], job["label"], job["seed"]) == ("image_generation", "a red fox in the snow", 7)
    [file] = job["files"]
    assert Path(file["path"]).parent == saved.parent / "made"
    code, told = run("run", "--prompt", "a hare", "--set", "seed=8")
    assert (told["job"]["label"], told["job"]["seed"]) == ("a hare", 8)
    assert Path(told["job"]["files"][0]["path"]).parent == saved.parent / "comfyui"


def test_an_unsaved_file_is_no_default(server, run, comfyui):
    assert run("run")[0] == 2
    assert run("storyboard")[0] == 2


@pytest.mark.usefixtures("alone")
def test_an_imported_workflow_of_a_file(server, run, load, saved, until, module):
    load(workflow_graphs.classic())
    reception = module("blender.workflow_panel.reception")
    until(lambda: bpy.context.scene.comfyui.imported.used and not reception.expects_answers())
    bpy.ops.wm.save_mainfile()
    code, told = run("run")
    assert code == 0, told
    assert told["job"]["workflow"] == "fox"
    code, told = run("convert")
    assert code == 0
    assert told["workflow"]
    assert run("check")[0] == 0


def test_a_storyboard_of_a_file(server, run, saved):
    assert run("storyboard")[0] == 2
    board = bpy.context.scene.comfyui_storyboard
    board.id, board.title = "fox", "The fox"
    for number in (1, 2):
        panel = board.panels.add()
        panel.name, panel.prompt = f"p{number}", f"fox {number}"
    code, told = run("storyboard", "--status")
    assert code == 0, told
    assert [panel["prompt"] for panel in told["storyboard"]["panels"]] == ["fox 1", "fox 2"]


def test_what_a_command_made_of_a_storyboard_is_placed_when_the_file_is_opened(server, run, saved, until):
    board = bpy.context.scene.comfyui_storyboard
    board.id = "fox"
    storyboards.settle(board)
    for number in (1, 2):
        panel = board.panels.add()
        panel.name, panel.prompt, panel.start, panel.length = f"p{number}", f"fox {number}", number * 25, 20
    bpy.ops.wm.save_mainfile()
    code, told = run("storyboard")
    assert code == 0, told
    assert not storyboards.placed()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    until(lambda: len(storyboards.placed()) == 2)
    assert storyboards.placed() == [("p1", 25, 45), ("p2", 50, 70)]


def test_the_gallery_shows_what_commands_made(server, run, comfyui, saved, records):
    _, told = run("run")
    [kept] = records()
    assert kept.id == told["job"]["id"]
    assert [str(file.placement) for file in kept.files] == ["dismissed"]
    assert run("history", kept.id[:8])[1]["jobs"][0]["id"] == kept.id


def test_json_has_stdout_for_itself(package, server, tmp_path):
    """A Blender of its own: what it, Python and others print goes to stderr, also at the very end."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "sys.argv = ['blender', '-b', '--command', 'comfyui', 'server', '--json']\n"
        "import bpy, addon_utils\n"
        f"addon_utils.enable({package!r}, default_set=True)\n"
        "import importlib, atexit\n"
        f"commands = importlib.import_module({package!r} + '.blender.commands')\n"
        "print('said by Python')\n"
        "os.write(1, b'said by C\\n')\n"
        "atexit.register(print, 'said at the end')\n"
        f"code = commands.execute(['server', '--json', '--server', {server.url!r}])\n"
        "print('said after it')\n"
        "sys.stdout.flush(); os.write(1, b'said by C again\\n')\n"
        "os._exit(code)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    ours = [line for line in done.stdout.splitlines() if "said" in line or line.startswith("{")]
    [line] = ours
    assert json.loads(line)["comfyui"] == "0.27.0"
    for said in ("said by Python", "said by C", "said after it", "said by C again"):
        assert said in done.stderr
