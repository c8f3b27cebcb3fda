"""Which server, which login, which folder; and that no secret is ever said."""

from __future__ import annotations

import base64
import json

import pytest

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.errors import InvalidCredentials
from blender_comfyui.generation.commands.exit_codes import CommandError, UsageError
from blender_comfyui.generation.commands.surroundings import Surroundings, choose_server, user_data

SECRET = "s3cr3t-t0ken-of-mine"
OWN = ServerAddress.parse("https://comfy.example.org")


@pytest.fixture
def around(tmp_path):
    return Surroundings("blender", tmp_path, tmp_path, server=OWN, credentials=Credentials.bearer(SECRET))


def test_the_order(around):
    variable = {"COMFYUI_URL": "http://127.0.0.2:8188"}
    assert str(choose_server("localhost:9", None, around, variable).address) == "http://localhost:9"
    assert str(choose_server(None, None, around, variable).address) == "http://127.0.0.2:8188"
    assert choose_server(None, None, around, {}).address == OWN
    nobody = Surroundings("python", around.data, around.output)
    assert str(choose_server(None, None, nobody, {}).address) == "http://127.0.0.1:8188"


def test_the_order_is_in_the_help(commands):
    for words in (["--help"], ["run", "--help"], ["server", "--help"]):
        said = " ".join(commands(*words).out.split())
        assert said.index("--server, else of COMFYUI_URL") < said.index("preferences in Blender")


@pytest.mark.parametrize(
    ("server", "goes_along"),
    [
        (None, True),
        ("https://comfy.example.org", True),
        ("https://comfy.example.org:8443/studio", True),
        ("http://comfy.example.org", False),  # in the clear
        ("https://comfy.example.com", False),
        ("http://127.0.0.1:8188", False),
    ],
)
def test_the_login_of_the_preferences_goes_to_its_own_server_only(around, server, goes_along):
    chosen = choose_server(server, None, around, {})
    assert chosen.credentials == (around.credentials if goes_along else Credentials.none())


def test_a_login_by_hand_takes_its_secret_from_the_environment(around):
    def headers(login, secret):
        return dict(choose_server("127.0.0.1", login, around, {"COMFYUI_API_KEY": secret}).credentials.headers)

    assert headers("bearer", SECRET) == {"Authorization": f"Bearer {SECRET}"}
    assert headers("api-key", SECRET) == {"X-API-Key": SECRET}
    basic = base64.b64encode(b"me:pass:word").decode()
    assert headers("basic", "me:pass:word") == {"Authorization": f"Basic {basic}"}
    assert headers("none", SECRET) == {}
    with pytest.raises(UsageError, match="COMFYUI_API_KEY"):
        choose_server("127.0.0.1", "bearer", around, {})
    with pytest.raises(InvalidCredentials, match="user:password"):
        choose_server("127.0.0.1", "basic", around, {"COMFYUI_API_KEY": SECRET})


def test_blender_may_not_go_online(around):
    offline = Surroundings("blender", around.data, around.output, may_go_online=False)
    assert choose_server("127.0.0.1", None, offline, {}).address.is_loopback
    with pytest.raises(CommandError, match="--online-mode"):
        choose_server("10.0.0.9", None, offline, {})


def test_preferences_that_cannot_be_used_matter_only_where_they_count(around):
    refusal = InvalidCredentials("The login was entered for another server.")
    broken = Surroundings("blender", around.data, around.output, refusal=refusal)
    assert choose_server("127.0.0.1", None, broken, {}).address.is_loopback
    with pytest.raises(InvalidCredentials):
        choose_server(None, None, broken, {})


def test_where_the_history_is(monkeypatch, tmp_path):
    assert user_data({"COMFYUI_DATA": "/some/where"}).as_posix() == "/some/where"
    monkeypatch.setattr("sys.platform", "linux")
    assert user_data({"XDG_DATA_HOME": "/data"}).as_posix() == "/data/blender_comfyui"


@pytest.mark.parametrize("verb", ["server", "models", "queue", "run", "check", "convert"])
def test_no_secret_is_said(commands, comfy_server, workflow, verb):
    """Neither where it is right, nor where it is wrong and the server, or a proxy, says it back."""
    server = commands.server = comfy_server(auth=("Authorization", f"Bearer {SECRET}"))
    commands.environment["COMFYUI_API_KEY"] = SECRET
    words = [verb, *([workflow] if verb in ("run", "check", "convert") else [])]
    right = commands.json(*words, "--login", "bearer", "--verbose")
    assert right.code == 0, right.err
    server.fail_next = {
        route: [(401, {}, {"error": f"not {SECRET}"})] * 3
        for route in ("GET /system_stats", "GET /object_info", "GET /queue", "GET /models")
    }
    wrong = commands.json(*words, "--login", "bearer", "--verbose")
    for done in (right, wrong):
        assert SECRET not in done.out + done.err
    if verb != "convert":
        assert wrong.code == 3


def test_a_secret_in_a_prompt_is_hidden_too(at_server, workflow):
    at_server.environment["COMFYUI_API_KEY"] = SECRET
    done = at_server.json("run", workflow, "--prompt", f"my key is {SECRET}")
    assert SECRET not in done.out + done.err
    assert SECRET not in at_server("history").out


def test_the_object_goes_into_a_file_too(at_server, tmp_path):
    target = tmp_path / "told.json"
    done = at_server("server", "--json-file", target)
    assert "ComfyUI 0.27.0" in done.out
    assert json.loads(target.read_text()) == at_server.json("server").json
    done = at_server.json("server", "--json-file", tmp_path / "nowhere" / "x.json")
    assert done.code == 10
    assert done.json["error"]["kind"] == "Disk"
    assert at_server("nonsense", "--json-file", target).code == 2
    assert json.loads(target.read_text())["exit_code"] == 2


def test_text_from_elsewhere_cannot_move_the_terminal(at_server, workflow):
    assert at_server("run", workflow, "--prompt", "fox\x1b[2J\x07\r\nhare").code == 0
    said = at_server("history")
    assert "\x1b" not in said.out + said.err
    assert "\r" not in said.out
