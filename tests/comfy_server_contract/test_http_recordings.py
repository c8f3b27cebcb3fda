"""Recorded requests other than POST /prompt graphs: status, content type, shape of the body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.comfy_server import ComfyServer

from .recordings import LEVELS, differences, load, names

# Recorded requests that are not replayed here, and why.
SKIPPED = {
    "http_extensions": "lists the files of the front end, which this server has not",
    "http_experiment_models": "an experimental route that the extension does not use",
    "http_experiment_models_ck": "an experimental route that the extension does not use",
    "http_internal_files": "an internal route",
    "http_internal_logs": "an internal route",
    "http_models_meta": "a route that the extension does not use",
    "http_userdata_v2": "a route that the extension does not use",
    "http_api_assets": "a route that the extension does not use",
    "http_history_last3": "no single request: test_scenarios",
    "http_queue_50": "no single request: test_scenarios",
}
JOBS = ("http_api_jobs", "http_cancel", "http_queue")  # since 0.25: test_job_recordings

RED = b"red picture"
BLUE = b"blue picture"
MASK_REFERENCE = '{"filename": "probe.png", "type": "input", "subfolder": ""}'
GONE_REFERENCE = '{"filename": "gone.png", "type": "input"}'
# What the recorder sent as multipart forms: file name, bytes, other fields. The order matters.
UPLOADS: dict[str, tuple[str | None, bytes, dict[str, str]]] = {
    "http_upload_image": ("probe.png", RED, {}),
    "http_upload_image_again_same": ("probe.png", RED, {}),
    "http_upload_image_again_diff": ("probe.png", BLUE, {}),
    "http_upload_image_overwrite": ("probe.png", BLUE, {"overwrite": "true"}),
    "http_upload_image_subfolder": ("probe.png", RED, {"subfolder": "blender/sub", "type": "input"}),
    "http_upload_image_subtrav": ("probe.png", RED, {"subfolder": "../../.."}),
    "http_upload_image_temp": ("probe.png", RED, {"type": "temp"}),
    "http_upload_image_traversal": ("../../evil.png", RED, {}),
    "http_upload_image_unicode": ("prübe ☃ 画像.png", RED, {}),
    "http_upload_wav": ("tone.wav", RED, {}),
    "http_upload_badtype": ("probe.png", RED, {"type": "zzz"}),
    "http_upload_nofield": (None, RED, {}),
}
USERDATA = [
    "http_userdata_nodir",
    "http_userdata_list",
    "http_userdata_put",
    "http_userdata_get",
    "http_userdata_list2",
]


def simple(folder: Path, level: str) -> list[str]:
    found = [name for name in names(folder, level, "http_") if name not in SKIPPED]
    if level != "0.3.64":
        found = [name for name in found if not name.startswith(JOBS)]
    return [name for name in found if not name.startswith(("http_upload", "http_userdata"))]


@pytest.mark.parametrize("level", LEVELS)
def test_every_simple_request(level: str, transcripts: Path, comfy_server: Any) -> None:
    found = simple(transcripts, level)
    assert found
    server = comfy_server(level, checkpoints=())
    server.models["embeddings"] = ()
    Image.effect_noise((64, 64), 50).save(server.folders.root / "output" / "noise_1024.png")
    problems = []
    exchanges = {name: load(transcripts, level, name) for name in found}
    for name, recorded in sorted(exchanges.items(), key=lambda item: item[1]["request"]["method"] == "POST"):
        problems += _problems(name, recorded, _send(server, name, recorded["request"]))
    assert not problems, "\n".join(problems)


def _send(server: ComfyServer, name: str, request: dict[str, Any]) -> requests.Response:
    headers = {"Origin": "http://evil.example"} if name == "http_origin_mismatch" else {}
    more: dict[str, Any] = {"params": request["params"], "headers": headers, "timeout": 20}
    if request["json"] is not None:
        more["json"] = request["json"]
    elif request["data"] is not None:
        more["data"] = request["data"].encode()
    return requests.request(request["method"], server.url + request["path"], **more)


def _problems(name: str, recorded: dict[str, Any], answer: requests.Response) -> list[str]:
    problems = []
    if answer.status_code != recorded["status"]:
        problems.append(f"{name}: status {recorded['status']} recorded, {answer.status_code} here")
    for header in ("Content-Type", "Allow", "Connection", "Content-Disposition", "Accept-Ranges"):
        theirs, ours = recorded["headers"].get(header), answer.headers.get(header)
        if theirs != ours:
            problems.append(f"{name}: {header} {theirs} recorded, {ours} here")
    body = recorded["body"]
    if isinstance(body, str) and body.startswith("<"):
        is_empty = body.startswith("<0 bytes")
        if is_empty != (not answer.content):
            problems.append(f"{name}: {body} recorded, {len(answer.content)} bytes here")
    elif "json" in answer.headers.get("Content-Type", ""):
        problems += differences(body, answer.json(), name)
    elif body != answer.text:
        problems.append(f"{name}: {body!r} recorded, {answer.text!r} here")
    return problems


def test_every_upload(transcripts: Path, comfy_server: Any) -> None:
    server = comfy_server("0.3.64")
    recorded = {name for name in names(transcripts, "0.3.64", "http_upload_") if "mask" not in name}
    assert recorded == UPLOADS.keys() | {"http_upload_too_large"}
    problems = []
    for name, (file_name, data, fields) in UPLOADS.items():
        exchange = load(transcripts, "0.3.64", name)
        files = {"image" if file_name else "other": (file_name or "a.png", data)}
        answer = requests.post(server.url + "/upload/image", files=files, data=fields, timeout=20)
        problems += _problems(name, exchange, answer)
        if answer.status_code == 200 and answer.json() != exchange["body"]:
            problems.append(f"{name}: {exchange['body']} recorded, {answer.json()} here")
    assert not problems, "\n".join(problems)
    assert (server.folders.root / "input" / "probe.png").read_bytes() == BLUE


def test_masks(transcripts: Path, comfy_server: Any, tmp_path: Path) -> None:
    server = comfy_server("0.3.64")
    Image.new("RGB", (8, 8), "red").save(server.folders.root / "input" / "probe.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 77)).save(tmp_path / "mask.png")
    mask = (tmp_path / "mask.png").read_bytes()
    sent = {
        "http_upload_mask": ("probe_masked.png", {"original_ref": MASK_REFERENCE, "subfolder": "clipspace"}),
        "http_upload_mask_missing_original": ("probe_masked3.png", {"original_ref": GONE_REFERENCE}),
        "http_upload_mask_noref": ("probe_masked.png", {}),
    }
    assert sent.keys() == set(names(transcripts, "0.3.64", "http_upload_mask"))
    problems = []
    for name, (file_name, fields) in sent.items():
        exchange = load(transcripts, "0.3.64", name)
        answer = requests.post(server.url + "/upload/mask", files={"image": (file_name, mask)}, data=fields, timeout=20)
        problems += _problems(name, exchange, answer)
    assert not problems, "\n".join(problems)
    with Image.open(server.folders.root / "input" / "clipspace" / "probe_masked.png") as masked:
        assert masked.getpixel((0, 0)) == (255, 0, 0, 77)
    assert not (server.folders.root / "input" / "probe_masked3.png").exists()


def test_an_upload_of_more_than_100_mb(transcripts: Path, comfy_server: Any) -> None:
    recorded = load(transcripts, "0.3.64", "http_upload_too_large")
    url = comfy_server("0.3.64").url + "/upload/image"
    answer = requests.post(url, files={"image": ("big.png", bytes(104857600))}, timeout=60)
    assert answer.status_code == recorded["status"]
    assert answer.headers["Content-Type"] == recorded["headers"]["Content-Type"]
    assert answer.text == recorded["body"]


def test_user_data(transcripts: Path, comfy_server: Any) -> None:
    server = comfy_server("0.3.64")
    assert set(USERDATA) == set(names(transcripts, "0.3.64", "http_userdata_")) - SKIPPED.keys()
    problems = []
    for name in USERDATA:
        recorded = load(transcripts, "0.3.64", name)
        request = dict(recorded["request"])
        if name == "http_userdata_put":
            request["data"] = '{"a":1}'
        problems += _problems(name, recorded, _send(server, name, request))
    assert not problems, "\n".join(problems)
    stored = json.loads((server.folders.user / "workflows" / "probe.json").read_text())
    assert stored == {"a": 1}


def test_a_part_of_a_file_and_an_unchanged_one(comfy_server: Any) -> None:
    server = comfy_server()
    (server.folders.root / "output" / "a.png").write_bytes(b"0123456789")
    whole = requests.get(server.url + "/view?filename=a.png", timeout=20)
    part = requests.get(server.url + "/view?filename=a.png", headers={"Range": "bytes=2-4"}, timeout=20)
    same = requests.get(
        server.url + "/view?filename=a.png", headers={"If-None-Match": whole.headers["ETag"]}, timeout=20
    )
    assert (whole.status_code, part.status_code, part.content, same.status_code) == (200, 206, b"234", 304)


def test_a_smaller_copy_of_a_picture(comfy_server: Any) -> None:
    server = comfy_server()
    Image.new("RGBA", (8, 8)).save(server.folders.root / "output" / "a.png")
    answer = requests.get(server.url + "/view?filename=a.png&preview=webp;90", timeout=20)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
