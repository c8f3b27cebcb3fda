"""The key of a Comfy account goes with the prompts of partner nodes, and nowhere else."""

from __future__ import annotations

from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import ExecutionErrored
from blender_comfyui.comfy.failures import execution_failed
from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
KEY = "comfyui-s3cret"


def test_only_what_pays_gets_the_key(comfy_server, tmp_path):
    server = comfy_server()
    credentials = Credentials.none().with_account(f" {KEY}\n")
    with Session(server.url, data_dir=tmp_path, credentials=credentials) as session:
        for pays in (False, True):
            assert session.submit(graphs.empty_save(), pays=pays).wait(LIMIT).error is None
        again = session.history.find().records[0]
        assert session.run(session.history.record(again.id).request).wait(LIMIT).error is None
    posted = [request.json for request in server.requests if request.route == "/prompt" and request.method == "POST"]
    assert [body.get("extra_data") for body in posted] == [None, *[{"api_key_comfy_org": KEY}] * 2]
    assert not any(KEY in str(request.headers) for request in server.requests)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in data for data in kept)


def test_the_key_is_a_secret():
    credentials = Credentials.none().with_account(KEY)
    assert credentials.secrets == {KEY}
    assert KEY not in repr(credentials)


def test_a_missing_account_is_said_with_what_to_do():
    message = "Unauthorized: Please login first to use this node."
    event = ExecutionErrored("p", "7", "GeminiImageNode", "Exception", message, ())
    error = execution_failed(event, {"7": {"class_type": "GeminiImageNode", "_meta": {"title": "Banana"}}})
    assert "“Banana”" in str(error)
    assert "preferences" in str(error)
