"""What a server offers to begin with: its saved workflows, its templates, what it has in place of old nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy import offers
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.errors import CredentialsRefused, FileBroken, FileMissing, NotAComfyServer, ServerFault
from blender_comfyui.comfy.offers import SavedWorkflow, Template
from tests.comfy.test_answers import JSON
from tests.comfy_server.template_routes import replacement

GRAPH = {"1": {"class_type": "EmptyImage", "inputs": {}}}
INDEX = [
    {
        "moduleName": "default",
        "title": "Getting Started",
        "templates": [
            {
                "name": "image_qwen",
                "title": "Qwen Image",
                "description": "Text to\nimage",
                "mediaType": "image",
                "mediaSubtype": "webp",
                "tags": ["Text to Image", 7],
                "models": ["Qwen"],
                "size": 29454794752,
                "minComfyUIVersion": "0.35.2",
                "openSource": True,
            },
            {"name": "only_there", "includeOnDistributions": ["cloud"]},
            {"name": "audio_song", "mediaSubtype": "mp3", "includeOnDistributions": ["local"], "openSource": 1},
        ],
    },
    {"title": "Again", "templates": [{"name": "image_qwen", "title": "Once more"}]},
]
QWEN = Template(
    "image_qwen",
    title="Qwen Image",
    description="Text to image",
    category="Getting Started",
    tags=("Text to Image",),
    models=("Qwen",),
    picture="webp",
    size=29454794752,
    needs_version="0.35.2",
    is_open=True,
)
SONG = Template("audio_song", title="audio_song", category="Getting Started")


def client(server, credentials=None) -> ComfyClient:
    return ComfyClient(ServerAddress.parse(server.url), credentials)


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.fixture(params=["0.3.64", "0.27.0"])
def server(request, comfy_server):
    return comfy_server(request.param)


# ---- from a server


def test_saved_workflows_are_listed_and_read(server):
    odd = "mine/50%25 off #1?/été ☃.json"
    for path in ("b.json", odd, ".index.json", "notes.txt"):
        put(server.folders.user / "workflows" / path, {"of": path})
    found = client(server).saved_workflows()
    assert [saved.path for saved in found] == ["b.json", odd]
    assert found[0].size == len('{"of": "b.json"}')
    assert found[0].modified == pytest.approx((server.folders.user / "workflows" / "b.json").stat().st_mtime, abs=0.01)
    for saved in found:
        assert json.loads(client(server).saved_workflow(saved.path)) == {"of": saved.path}


def test_a_server_where_nobody_saved_anything(server):
    assert client(server).saved_workflows() == ()


@pytest.mark.parametrize("path", ["gone.json", "../secret.json", "a//b.json", "/etc/passwd", "", "a\\b.json", "\n"])
def test_only_what_is_in_the_folder_is_asked_for(server, path):
    put(server.folders.user / "secret.json", {})
    with pytest.raises(FileMissing, match="no longer has"):
        client(server).saved_workflow(path)


def test_templates_of_the_collection_and_of_node_packs(server):
    put(server.folders.templates / "index.json", INDEX)
    put(server.folders.templates / "image_qwen.json", GRAPH)
    put(server.folders.templates / "image_qwen-1.webp", b"RIFF")
    put(server.folders.custom_nodes / "Some-Pack" / "example_workflows" / "my example.json", GRAPH)
    put(server.folders.custom_nodes / "Some-Pack" / "example_workflows" / "my example.jpg", b"\xff\xd8")
    ours = client(server)
    found = ours.templates()
    assert found[:2] == (QWEN, SONG)
    assert [(template.name, template.module) for template in found[2:]] == [("my example", "Some-Pack")]
    assert [json.loads(ours.template(template)) for template in (found[0], found[2])] == [GRAPH, GRAPH]
    assert [ours.template_thumbnail(template) for template in found] == [b"RIFF", None, b"\xff\xd8"]
    with pytest.raises(FileMissing, match="audio_song"):
        ours.template(SONG)


def test_a_server_without_templates(server):
    assert client(server).templates() == ()
    assert client(server).template_thumbnail(QWEN) is None


def test_a_template_is_asked_for_by_its_name_alone(server):
    put(server.folders.root / "secret.json", {})
    for template in (Template("../secret"), Template("secret", "../.."), Template("secret", ".."), Template("..")):
        with pytest.raises(FileMissing):
            client(server).template(template)
        assert client(server).template_thumbnail(template) is None


def test_replacements_of_nodes(comfy_server):
    offered = {"OldResize": [replacement("ImageScale", {"image": "picture"}, {"crop": "disabled"}, "OldResize")]}
    assert client(comfy_server(node_replacements=offered)).node_replacements() == offered
    assert client(comfy_server("0.3.64", node_replacements=offered)).node_replacements() == {}


def test_errors_of_the_server_are_errors(comfy_server):
    server = comfy_server()
    secret = Credentials.bearer("s3cret")
    page = (200, {"Content-Type": "text/html"}, b"<html>s3cret</html>")
    server.fail_next["GET /userdata"] = [(500, {}, "Unknown user: s3cret"), (401, {}, ""), page]
    for expected in (ServerFault, CredentialsRefused, NotAComfyServer):
        with pytest.raises(expected) as raised:
            client(server, secret).saved_workflows()
        assert "s3cret" not in str(raised.value) + raised.value.details
    server.fail_next["GET /templates/image_qwen.json"] = [page]
    with pytest.raises(FileBroken):
        client(server).template(QWEN)


# ---- whatever comes


def test_lists_of_all_ages_of_servers():
    assert offers.saved_workflows(["b.json", "A.json"]) == (SavedWorkflow("A.json"), SavedWorkflow("b.json"))
    assert offers.saved_workflows([["d/b.json", "d", "b.json"]]) == (SavedWorkflow("d/b.json"),)
    assert offers.saved_workflows([{"path": "d\\b.json", "size": 3, "modified": 1795246990142}]) == (
        SavedWorkflow("d/b.json", 3, 1795246990.142),
    )


@given(JSON)
def test_whatever_comes_is_no_error(data):
    for read in (offers.saved_workflows, offers.official_templates, offers.pack_templates):
        assert isinstance(read(data), tuple)


NAMES = st.text() | st.sampled_from(
    ["..", "../a", "a/../../b.json", "/a.json", "c:\\a.json", "a\0.json", " ", "a\n.json"]
)


@given(NAMES)
def test_names_that_lead_elsewhere_are_left_out(name):
    for saved in offers.saved_workflows([{"path": name}, {"path": f"{name}.json"}]):
        assert saved.path.isprintable() or "\u200c" in saved.path or "\u200d" in saved.path
        assert not {"", ".", ".."} & set(saved.path.split("/"))
        assert not saved.path.startswith("/")
    templates = offers.official_templates([{"templates": [{"name": name}]}]) + offers.pack_templates({name: [name]})
    for template in templates:
        assert template.route.count("/") == (4 if template.module else 2)
        assert template.name not in ("", ".", "..")


@pytest.mark.parametrize(
    "number", [True, None, "7", -1, float("nan"), float("inf"), 10**400, {}, 2**70], ids=lambda number: repr(number)[:9]
)
def test_numbers_that_are_none(number):
    found = offers.saved_workflows([{"path": "a.json", "size": number, "modified": number}])
    assert found == (SavedWorkflow("a.json"),)


def test_what_is_offered_has_a_limit():
    many = offers.MAX_OFFERED + 5
    assert len(offers.saved_workflows([f"{at}.json" for at in range(many)])) == offers.MAX_OFFERED
    assert len(offers.pack_templates({"pack": [str(at) for at in range(many)]})) == offers.MAX_OFFERED
    index = [{"templates": [{"name": str(at)} for at in range(many)]}]
    assert len(offers.official_templates(index)) == offers.MAX_OFFERED
    (long,) = offers.official_templates([{"templates": [{"name": "a", "title": "x" * 10**6, "tags": ["t"] * 10**5}]}])
    assert len(long.title) <= 200
    assert len(long.tags) <= 50


def test_templates_are_found_by_words():
    assert QWEN.matches("")
    assert QWEN.matches("QWEN text")
    assert QWEN.matches("started")
    assert not QWEN.matches("qwen video")


def test_old_packages_of_templates_say_gigabytes():
    """comfyui-workflow-templates 0.1.95, the last before sizes in bytes: "size": 1.99, "OpenSource": false."""
    (old,) = offers.official_templates([{"templates": [{"name": "default", "size": 1.99, "OpenSource": False}]}])
    assert (old.size, old.is_open) == (1_990_000_000, False)
    (new,) = offers.official_templates([{"templates": [{"name": "default", "size": 107374182, "openSource": True}]}])
    assert (new.size, new.is_open) == (107374182, True)
