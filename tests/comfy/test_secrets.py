"""A server, or a proxy before it, that says back what it was sent: no error takes the secret along."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.errors import ComfyError, InvalidPrompt
from blender_comfyui.comfy.offers import Template
from tests.hardening.hostile import Hostile, reply
from tests.local_http import LocalHTTP

PASSWORD = 'p@ss "w/o" é'
KINDS = {
    "bearer": (Credentials.bearer("t0k3n-abc"), ["t0k3n-abc"]),
    "API key": (Credentials.api_key("k3y-abc"), ["k3y-abc"]),
    "basic": (Credentials.basic("me", PASSWORD), [PASSWORD, "bWU6cEBzcyAidy9vIiDDqQ=="]),
    "account": (Credentials.api_key("k3y-abc").with_account("acc0unt-abc"), ["k3y-abc", "acc0unt-abc"]),
    "free": (Credentials.free({"CF-Access-Client-Secret": "c10ud-abc"}), ["c10ud-abc"]),
}
NODE_ERROR = {"errors": [{"type": "x", "message": "?", "details": "?", "extra_info": {"input_name": "y"}}]}


class Echo(LocalHTTP):
    """Answers with `status` and `type`; the body holds the request's headers and the password."""

    def __init__(self) -> None:
        self.status, self.type = 200, "application/json"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                said = f"{dict(self.headers)} {PASSWORD}"
                node = json.loads(json.dumps(NODE_ERROR).replace('"?"', json.dumps(said)))
                body = {"error": {"type": "z", "message": said}, "node_errors": {"1": node}, "said": said}
                self.send_response(outer.status)
                self.send_header("Content-Type", outer.type)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        super().__init__(Handler)


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


def _written(path: Path) -> Path:
    path.write_bytes(b"a picture")
    return path


CALLS: dict[str, Callable[[ComfyClient, Path], object]] = {
    "system_stats": lambda client, _: client.system_stats(),
    "object_info": lambda client, _: client.object_info(),
    "node_replacements": lambda client, _: client.node_replacements(),
    "models": lambda client, _: client.models(),
    "saved_workflows": lambda client, _: client.saved_workflows(),
    "saved_workflow": lambda client, _: client.saved_workflow("a.json"),
    "templates": lambda client, _: client.templates(),
    "template": lambda client, _: client.template(Template("a")),
    "template_thumbnail": lambda client, _: client.template_thumbnail(Template("a", picture="webp")),
    "queue": lambda client, _: client.queue(),
    "history": lambda client, _: client.history("1"),
    "past_prompts": lambda client, _: client.past_prompts(),
    "past_prompt": lambda client, _: client.past_prompt("1"),
    "queue_prompt": lambda client, _: client.queue_prompt({"1": {}}, prompt_id="1", client_id="2", pays=True),
    "cancel_job": lambda client, _: client.cancel_job("1"),
    "free": lambda client, _: client.free(),
    "interrupt": lambda client, _: client.interrupt("1"),
    "delete_queued": lambda client, _: client.delete_queued("1"),
    "upload": lambda client, path: client.upload(_written(path), "a.png"),
    "download": lambda client, path: client.download(ServerFile("a.png", "", "output"), path),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_error_holds_a_secret(echo: Echo, tmp_path: Path, kind: str, call: str) -> None:
    credentials, secrets = KINDS[kind]
    client = ComfyClient(ServerAddress.parse(echo.url), credentials)
    errors: list[ComfyError] = []
    for echo.status in (200, 400, 401, 404, 418, 429, 500, 503):
        for echo.type in ("application/json", "text/html"):
            try:
                CALLS[call](client, tmp_path / "a.png")
            except ComfyError as error:
                errors.append(error)
    client.close()
    assert len(errors) > 3
    told = "\n".join(f"{error!s} {error!r} {vars(error)}" for error in errors)
    assert not [secret for secret in secrets if secret in told or json.dumps(secret)[1:-1] in told]


def test_all_routes_are_tried() -> None:
    routes = {name for name, function in vars(ComfyClient).items() if hasattr(function, "__wrapped__")}
    public = {name for name in vars(ComfyClient) if not name.startswith("_")}
    assert routes == set(CALLS) == public - {"abort", "close", "hide_secrets"}


def test_errors_of_others_are_cleaned_too(echo: Echo) -> None:
    client = ComfyClient(ServerAddress.parse(echo.url), Credentials.bearer("t0k3n-abc"))
    error = ValueError("bad header t0k3n-abc", 3)
    client.hide_secrets(error)
    assert error.args == ("bad header …", 3)


def test_what_the_credentials_call_secret() -> None:
    assert Credentials.bearer("abcd").secrets == {"Bearer abcd", "abcd"}
    assert {"me:pa:ss", "pa:ss"} < Credentials.basic("me", "pa:ss").secrets
    assert Credentials.free({"ngrok-skip-browser-warning": "true", "X": "abcd"}).secrets == {"abcd"}
    assert Credentials.free({"Authorization": "Basic ???"}).secrets == {"Basic ???", "???"}


@pytest.mark.parametrize("status", [200, 400])
def test_nor_do_the_problems_of_a_prompt_whether_it_was_taken_or_refused(status: int) -> None:
    secret = "k3y-abc"
    problem = {"type": secret, "message": secret, "details": secret, "extra_info": {"input_name": secret}}
    node_errors = {"1": {"errors": [problem], "class_type": secret}, secret: {"errors": [problem], "class_type": "A"}}
    server = Hostile()
    server.answers["POST /prompt"] = lambda request: reply(
        request, {"prompt_id": "p", "number": 1, "node_errors": node_errors}, status
    )
    client = ComfyClient(ServerAddress.parse(server.url), Credentials.api_key(secret))
    try:
        problems = client.queue_prompt({"1": {}}, prompt_id="p", client_id="c").problems
    except InvalidPrompt as error:
        problems = error.problems
    finally:
        client.close()
        server.close()
    assert len(problems) == 2
    assert secret not in repr(problems)
