"""The server's address and how to log in, from what people type."""

import base64
from types import SimpleNamespace

import bpy
import pytest

from tests.blender.recorder import Recorder


@pytest.fixture
def settings(module):
    return module("blender.settings")


@pytest.mark.parametrize(
    ("typed", "fields", "url"),
    [
        ("localhost", ("localhost", 8188, "HTTP", ""), "http://localhost:8188"),
        ("http://1.2.3.4:8188/x", ("1.2.3.4", 8188, "HTTP", "/x"), "http://1.2.3.4:8188/x"),
        ("192.0.2.7:9000", ("192.0.2.7", 9000, "HTTP", ""), "http://192.0.2.7:9000"),
        ("https://comfy.example.org", ("comfy.example.org", 443, "HTTPS", ""), "https://comfy.example.org"),
        ("[::1]:8188", ("::1", 8188, "HTTP", ""), "http://[::1]:8188"),
        ("::1", ("::1", 8188, "HTTP", ""), "http://[::1]:8188"),
    ],
)
def test_whole_urls_are_spread_over_the_fields(preferences, settings, typed, fields, url):
    preferences.host = typed
    assert (preferences.host, preferences.port, preferences.scheme, preferences.prefix) == fields
    assert str(settings.server_settings().address) == url


def test_the_fields_can_be_changed_one_by_one(preferences, settings):
    preferences.host, preferences.port, preferences.scheme, preferences.prefix = "comfy.lan", 80, "HTTPS", "a/b/"
    assert str(settings.server_settings().address) == "https://comfy.lan:80/a/b"


@pytest.mark.parametrize("typed", ["", "foo bar", "http://", "ftp://x", "1.2.3.4:99999"])
def test_what_is_no_address_stays_and_says_so(preferences, module, typed):
    preferences.host = typed
    assert preferences.host == typed
    assert str(module("blender.runtime").refusal()).endswith(".")
    assert not bpy.ops.comfyui.test_connection.poll()


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"authentication": "BEARER", "token": "abc"}, ("Authorization", "Bearer abc")),
        ({"authentication": "API_KEY", "api_key": "abc"}, ("X-API-Key", "abc")),
        (
            {"authentication": "BASIC", "user": "me", "password": "pw"},
            ("Authorization", "Basic " + base64.b64encode(b"me:pw").decode()),
        ),
    ],
)
def test_credentials_reach_the_server(stand_in, preferences, fields, header):
    preferences.host = stand_in("--auth", "=".join(header)).url
    with pytest.raises(RuntimeError):
        bpy.ops.comfyui.test_connection()
    for name, value in fields.items():
        setattr(preferences, name, value)
    assert bpy.ops.comfyui.test_connection() == {"FINISHED"}


def test_free_headers_reach_the_server(stand_in, preferences):
    preferences.host = stand_in("--auth", "CF-Access-Client-Id=abc").url
    preferences.authentication = "HEADERS"
    bpy.ops.comfyui.add_header()
    bpy.ops.comfyui.add_header()
    bpy.ops.comfyui.remove_header(index=1)
    [header] = preferences.headers
    header.name, header.value = "CF-Access-Client-Id", "abc"
    assert bpy.ops.comfyui.test_connection() == {"FINISHED"}


@pytest.mark.parametrize("authentication", ["BEARER", "API_KEY"])
def test_the_environments_key_is_used_where_the_field_is_empty(preferences, settings, monkeypatch, authentication):
    preferences.authentication = authentication
    with pytest.raises(ValueError, match="empty"):
        settings.server_settings()
    monkeypatch.setenv("COMFYUI_API_KEY", "from-outside")
    [(_, value)] = settings.server_settings().credentials.headers
    assert value.endswith("from-outside")
    preferences.token = preferences.api_key = "own"
    [(_, value)] = settings.server_settings().credentials.headers
    assert value.endswith("own")


def test_the_environments_key_goes_nowhere_unasked(preferences, settings, monkeypatch):
    monkeypatch.setenv("COMFYUI_API_KEY", "from-outside")
    assert not settings.server_settings().credentials


def test_secrets_are_in_no_blend(server, preferences, comfyui, saved):
    preferences.authentication, preferences.token = "BEARER", "very-s3cret"
    bpy.ops.comfyui.generate()
    bpy.ops.wm.save_mainfile(compress=False)
    data = saved.read_bytes()
    assert b"a red fox" in data
    assert b"very-s3cret" not in data


def test_secrets_go_only_to_the_host_they_were_entered_for(preferences, module):
    refusal = module("blender.runtime").refusal
    preferences.host = "127.0.0.1"
    preferences.authentication, preferences.token = "BEARER", "abc"
    preferences.port = 9000
    assert refusal() is None
    preferences.host = "localhost"
    assert "entered for 127.0.0.1" in str(refusal())
    bpy.ops.comfyui.use_login_here()
    assert refusal() is None
    preferences.host, preferences.token = "127.0.0.1", "def"
    assert refusal() is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_computer_needs_no_online_access(preferences, module, host):
    assert not bpy.app.online_access
    preferences.host = host
    assert module("blender.runtime").refusal() is None


def test_another_computer_needs_online_access_which_the_panel_offers(preferences, module, draw):
    preferences.host = "comfy.example.org"
    assert "not allowed to go online" in draw().text
    assert "comfyui.allow_online_access" in draw().operators
    with pytest.raises(RuntimeError, match="is another computer"):
        bpy.ops.comfyui.generate()
    with pytest.raises(module("blender.runtime").NoOnlineAccess):
        module("blender.runtime").session()
    try:
        bpy.ops.comfyui.allow_online_access()
        assert bpy.app.online_access
        assert module("blender.runtime").refusal() is None
    finally:
        bpy.context.preferences.system.use_online_access = False


def test_withdrawing_online_access_parts_from_the_server(preferences, module, comfyui, click, deliver):
    """The name leads to no computer; what matters is that nothing keeps trying to reach it."""
    runtime = module("blender.runtime")
    system = bpy.context.preferences.system
    preferences.host = "comfy.invalid"
    try:
        system.use_online_access = True
        comfyui.checkpoint = "any.safetensors"
        entry = click()
    finally:
        system.use_online_access = False
    deliver(lambda: entry.is_settled and not runtime._connections)
    assert entry.problem


def test_the_page_draws_in_every_state(server, preferences, module):
    page = module("blender.preferences").ComfyPreferences
    bpy.ops.comfyui.test_connection()
    for choice in preferences.bl_rna.properties["authentication"].enum_items:
        preferences.authentication = choice.identifier
        layout = Recorder()
        self = _WithLayout(preferences, layout)
        page.draw(self, SimpleNamespace(region=SimpleNamespace(width=800)))
        assert {"host", "port", "output_folder"} <= {drawn.name for drawn in layout.drawn}


class _WithLayout:
    def __init__(self, preferences, layout):
        self.__dict__.update(preferences=preferences, layout=layout)

    def __getattr__(self, name):
        return getattr(self.preferences, name)
