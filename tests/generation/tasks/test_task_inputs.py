"""What goes with a task besides its parameters: pictures that are in no file, and the account of partner nodes."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.generation.drawings import Drawing, Pixels
from blender_comfyui.generation.history import History
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.tasks.errors import ParameterValidationError
from tests.graphs import empty_save

LIMIT = 120.0
RED = Drawing("a red one.v2", Pixels(64, 48, b"\0\0\x80\x3f\0\0\0\0\0\0\0\0\0\0\x80\x3f" * 64 * 48))


def test_a_drawing_is_made_a_file_and_sent(full_server, open_session) -> None:
    server = full_server()
    session = open_session(server)
    job = session.run_task("image_to_image", "low", {"prompt": "fox", "image": RED})
    assert job.wait(LIMIT).state is JobState.FINISHED
    (posted,) = (one.json["prompt"] for one in server.requests if (one.method, one.route) == ("POST", "/prompt"))
    (loaded,) = (node for node in posted.values() if node["class_type"] == "LoadImage")
    assert loaded["inputs"]["image"].startswith("a red one.v2")
    (record,) = session.history.find().records
    assert record.parameters["image"] == "a red one.v2"


def test_what_could_not_be_prepared_tells_a_drawing_by_its_name(full_server, open_session) -> None:
    session = open_session(full_server())
    with pytest.raises(ParameterValidationError, match="needs “mask”"):
        session.run_task("inpaint", "low", {"image": RED})
    session.close()
    with contextlib.closing(History(session.data_dir)) as history:
        (record,) = history.find().records
    assert record.parameters["image"] == "a red one.v2"


def test_partner_nodes_of_a_workflow_in_a_tasks_place_get_the_account(full_server, open_session) -> None:
    server = full_server()
    session = open_session(server, credentials=Credentials.none().with_account("comfyui-s3cret"))
    stock = session.stock.read()
    graph = empty_save()
    for is_partner in (False, True):
        known = dict(stock.node_types)
        name = next(iter(graph.values()))["class_type"]
        known[name] = dataclasses.replace(known[name], api_node=is_partner)
        session.stock.last = dataclasses.replace(stock, node_types=known)
        assert session.run_task("upscale", "low", {"image": RED}, workflow=graph).wait(LIMIT).error is None
    posted = [one.json for one in server.requests if (one.method, one.route) == ("POST", "/prompt")]
    assert [body.get("extra_data") for body in posted] == [None, {"api_key_comfy_org": "comfyui-s3cret"}]
