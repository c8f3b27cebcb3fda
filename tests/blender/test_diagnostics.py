"""Copy Diagnostics, and the log: what they tell, what they cost, and that no secret gets anywhere."""

import base64
import json
import logging
import sqlite3
import sys
import threading
import zlib
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import addon_utils
import bpy
import pytest

from tests.blender.recorder import Recorder
from tests.blender.waiting import wait_until

TOKEN, KEY, PASSWORD, HEADER = "b3ar-t0k3n/x=", "ap1-k3y+ä", "p@ss \"w/0'rd", "cf-s3cr3t"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
SENT = {"BEARER": f"Bearer {TOKEN}", "API_KEY": KEY, "BASIC": f"Basic {BASIC} {PASSWORD}", "HEADERS": HEADER}


def spellings(secret):
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}


HIDDEN = {spelling for secret in (TOKEN, KEY, PASSWORD, HEADER, BASIC) for spelling in spellings(secret)}


def leaks(data):
    data = data.encode("utf-8", "replace") if isinstance(data, str) else data
    return [secret for secret in HIDDEN if secret.encode() in data]


@pytest.fixture
def text(module):
    return lambda: module("blender.diagnostics").text()


@pytest.fixture
def book(module):
    return module("blender.logbook").book


@pytest.fixture
def logged(book):
    """``logged("queued")`` waits until the log's own thread has a line with that in the file; its whole lines then."""

    def whole_lines():
        return book.path.read_text(encoding="utf-8").rpartition("\n")[0] if book.path.exists() else ""

    def wait(part):
        wait_until(lambda: part in whole_lines())
        return whole_lines()

    return wait


@pytest.fixture
def impatient(module, monkeypatch):
    defaults = module("generation.session").Session.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "patience", module("generation.patience").Patience(unsent=0.1, absence=0.1))
    monkeypatch.setitem(defaults, "retry", module("generation.retry").Retry(first=0.01))


def test_it_tells_versions_server_preferences_jobs_and_log(server, comfyui, click, deliver, text, logged):
    server.control(call="hold")
    running = click()
    deliver(lambda: running.job.state == "running")
    bpy.ops.comfyui.test_connection()
    logged(f"job {running.id}: running")
    told = text()
    for part in (
        f"Blender {bpy.app.version_string} (",
        "ComfyUI Studio 0.",
        f"Python {sys.version.split()[0]}",
        "requests 2.",
        "urllib3 ",
        f"{server.url}: ready",
        "supports_preview_metadata: True",
        "GB free",
        "output_folder: //comfyui/",
        "authentication: NONE",
        "online access: False",
        f"{running.id} running",
        f"job {running.id}: submitted, sd_basic",
        f"job {running.id}: sent",
    ):
        assert part in told
    assert comfyui.prompt not in told
    server.control(call="release")


def test_a_jobs_life_is_in_the_log_file(server, comfyui, logged, module):
    bpy.ops.comfyui.generate()
    [entry] = module("blender.runtime").jobs
    text = logged(f"job {entry.id}: finished")
    lines = [line for line in text.splitlines() if entry.id in line]
    for step in ("submitted", "sent", "queued", "finished after"):
        assert [line for line in lines if step in line], step
    assert len(lines) < 10


def test_errors_are_told_with_their_details(impatient, server, comfyui, text, logged, module):
    comfyui.checkpoint = "gone.safetensors"
    with pytest.raises(RuntimeError):
        bpy.ops.comfyui.generate()
    [entry] = module("blender.runtime").jobs
    logged(f"job {entry.id}: failed")
    told = text()
    assert told.count("does not have “gone.safetensors”") >= 3, "in the panel, the last errors and the log"
    assert "prompt_outputs_failed_validation" in told


def test_what_nobody_foresaw_is_told_with_its_traceback(text, logged, module, monkeypatch):
    delivery = module("blender.delivery")
    monkeypatch.setattr(delivery, "_ask", lambda: {}["foreseen by nobody"])
    delivery.tick()
    logged("KeyError: 'foreseen by nobody'")
    told = text()
    assert "Delivering results failed" in told
    assert "monkeypatch.setattr" in told, "the line of code"


def test_home_folders_and_the_login_are_not_told(preferences, text, module, logged):
    preferences.output_folder = str(Path.home() / "pictures")
    logging.getLogger(f"{module('blender').__name__}.x").info("in %s", Path.home() / "x")
    logged("in ~/x")
    told = text()
    assert "output_folder: ~" in told
    assert str(Path.home() / "x") not in told
    assert str(Path.home() / "pictures") not in told


def test_the_button_copies_it(text):
    assert bpy.ops.comfyui.copy_diagnostics() == {"FINISHED"}


def test_it_costs_no_disk_and_no_network(server, comfyui, text, module, package, monkeypatch):
    logger = logging.getLogger(package)
    ours = [handler for handler in logger.handlers if type(handler).__module__.startswith(package)]
    monkeypatch.setattr(logger, "handlers", ours)  # pytest's own read lines of code
    bpy.ops.comfyui.generate()
    text()
    touched = []
    mine = threading.get_ident()
    listening = True

    def hook(event, _arguments):
        if listening and threading.get_ident() == mine and event.split(".")[0] in ("open", "socket", "sqlite3"):
            touched.append(event)

    sys.addaudithook(hook)
    text()
    log = logging.getLogger(f"{module('blender').__name__}.x")
    try:
        raise ValueError("x")
    except ValueError:
        log.exception("x")
    listening = False
    assert touched == []


def test_it_can_be_found(preferences, module, draw, impatient, server, comfyui):
    entries = [f.__module__ for f in bpy.types.TOPBAR_MT_help._dyn_ui_initialize()]
    assert f"{module('blender').__name__}.operators.diagnostics" in entries
    layout = Recorder()
    page = SimpleNamespace(**{p.identifier: getattr(preferences, p.identifier) for p in preferences.bl_rna.properties})
    page.layout, page.bl_rna = layout, preferences.bl_rna
    module("blender.preferences").ComfyPreferences.draw(page, SimpleNamespace(region=SimpleNamespace(width=800)))
    assert "comfyui.copy_diagnostics" in layout.operators
    comfyui.checkpoint = "gone.safetensors"
    with pytest.raises(RuntimeError):
        bpy.ops.comfyui.generate()
    assert "comfyui.copy_diagnostics" in draw().operators


def test_disabled_no_logger_is_ours_any_more(package):
    root = [*logging.getLogger().handlers]
    for _ in range(2):
        logger = logging.getLogger(package)
        [ours] = [handler for handler in logger.handlers if type(handler).__module__.startswith(package)]
        addon_utils.disable(package, default_set=True)
        assert ours not in logger.handlers
        assert (logger.level, logger.propagate) == (logging.NOTSET, True)
        assert logging.getLogger().handlers == root
        addon_utils.enable(package, default_set=True)


# Secrets


@pytest.fixture
def login(preferences):
    """``login("BEARER")`` chooses that way to log in, with secrets in the fields of the others too."""

    def choose(kind):
        preferences.token, preferences.api_key = TOKEN, KEY
        preferences.user, preferences.password = "me", PASSWORD
        preferences.headers.clear()
        for name in ("CF-Access-Client-Secret", "X-Other"):
            header = preferences.headers.add()
            header.name, header.value = name, HEADER
        preferences.authentication = kind

    return choose


@pytest.fixture
def everything(module, package, tmp_path, text):
    """``everything()`` is all that we keep, show or copy, by what it is."""

    def gather():
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "all.blend"), compress=False)
        found = {"diagnostics": text(), "blend": (tmp_path / "all.blend").read_bytes()}
        for entry in module("blender.runtime").jobs:
            found[f"error {entry.id}"] = (
                f"{entry.problem} {entry.details} {entry.error!r} {getattr(entry.error, '__dict__', '')}"
            )
        state = module("blender.runtime").server_state()
        found["state"] = f"{state} {vars(state.error) if state.error else ''}"
        folder = Path(bpy.utils.extension_path_user(package))
        for path in (*folder.glob("session/**/*"), *folder.glob("logs/*")):
            if path.is_file():
                found[str(path)] = path.read_bytes()
                found[f"all columns of {path}"] = rows(path) if path.name == "history.sqlite" else b""
        return found

    return gather


def page(said):
    return [200, {"Content-Type": "text/html"}, f"<html>you sent {said}</html>"]


def elsewhere(said):
    return f"http://me:{quote(said, safe='')}@127.0.0.1:1/?x={quote(said)}"


def said_back(said):
    return {"error": {"type": "x", "message": f"no {said}"}, "node_errors": {}, "headers": {"Any": said}}


def always(route, *answer):
    return {"fail_next": {route: [answer] * 50}}


# What the server does, given what was sent to it.
WAYS = {
    "refused": lambda said: {},
    "an unknown host": lambda said: {},
    "wrong credentials": lambda said: {"auth": ["X-Never", "x"]},
    "a page that says them": lambda said: always("GET /system_stats", *page(said)),
    "a refusal that says them": lambda said: always("GET /system_stats", 401, {}, f"bad login {said}"),
    "an error that says them": lambda said: always("POST /prompt", 400, {}, said_back(said)),
    "a crash that says them": lambda said: always("POST /prompt", 500, {}, f"Traceback: {said}"),
    "nonsense that says them": lambda said: always("GET /system_stats", 200, {}, said_back(said)),
    "a redirect with them": lambda said: always("GET /system_stats", 302, {"Location": elsewhere(said)}, ""),
    "no failure": lambda said: {},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_gets_anywhere(impatient, server, preferences, comfyui, login, everything, logged, module, way):
    fails = way != "no failure"
    system = bpy.context.preferences.system
    if way == "refused":
        server.stop()
    try:
        if way == "an unknown host":
            system.use_online_access = True
            preferences.host = "comfy.invalid"
            comfyui.checkpoint = "any.safetensors"
        for kind, said in SENT.items():
            if knobs := WAYS[way](said):
                server.control(set=knobs)
            login(kind)
            generate(ends_well=not fails)
    finally:
        system.use_online_access = False
    entries = [*module("blender.runtime").jobs]
    assert len(entries) == len(SENT)
    logged(f"job {entries[-1].id}: {'failed' if fails else 'finished'}")
    found = everything()
    assert {Path(name).name for name in found} >= {"diagnostics", "blend", "blender_comfyui.log", "history.sqlite"}
    assert {name: leaks(data) for name, data in found.items() if leaks(data)} == {}


def generate(ends_well):
    if ends_well:
        assert bpy.ops.comfyui.generate() == {"FINISHED"}
        return
    with pytest.raises(RuntimeError) as error:
        bpy.ops.comfyui.generate()
    assert leaks(str(error.value)) == []


def rows(path):
    """Everything in a database, as text: it could hold a secret in two pieces, or compressed."""
    with closing(sqlite3.connect(path)) as history:
        tables = [name for (name,) in history.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(readable(value) for table in tables for row in scan(history, table) for value in row)


def scan(history, table):
    with suppress(sqlite3.OperationalError):  # an index of words without the words
        yield from history.execute(f'SELECT * FROM "{table}"')


def readable(value):
    if isinstance(value, bytes):
        with suppress(zlib.error):
            value = zlib.decompress(value)
        return value.decode("utf-8", "replace")
    return str(value)


def test_a_secret_in_the_history_would_be_found(server, comfyui, everything, logged, module):
    comfyui.prompt, comfyui.checkpoint = f"a fox {TOKEN}", f"{HEADER}.safetensors"
    with pytest.raises(RuntimeError):
        bpy.ops.comfyui.generate()
    [entry] = module("blender.runtime").jobs
    logged(f"job {entry.id}: failed")
    [kept] = [data for name, data in everything().items() if "columns" in name and data]
    assert {TOKEN, HEADER} <= set(leaks(kept))
    assert len(kept.split(TOKEN)) > 2, "in the graph too, which is compressed"
