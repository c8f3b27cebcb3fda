"""The text for a bug report: what it tells, and what it never does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy.errors import CannotConnect, ServerFault
from blender_comfyui.comfy.redaction import Redactor
from blender_comfyui.generation.diagnostics import (
    LIBRARIES,
    LOG,
    LONGEST,
    diagnostics,
    job_facts,
    machine,
    newest,
    server_facts,
)
from blender_comfyui.generation.server_state import ServerState
from blender_comfyui.generation.session import Session
from tests import graphs

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=4, max_size=30).filter(
    lambda text: text.strip()
)
WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": lambda secret: quote(secret, safe=""),
    "as JSON": lambda secret: json.dumps(secret)[1:-1],
    "in basic authentication": lambda secret: base64.b64encode(f"me:{secret}".encode()).decode(),
}


def test_all_versions_are_told() -> None:
    python, system, libraries = machine()
    assert python.startswith("Python 3.")
    assert len(system) > 5
    for name in LIBRARIES:
        assert name in libraries
    assert "missing" not in libraries


def test_the_server_is_told() -> None:
    error = CannotConnect("Nothing answers.", details="errno 111")
    memory = {"vram_free": 3 << 30, "vram_total": 8 << 30}
    state = ServerState(
        "unreachable",
        version="0.27.0",
        device="cuda:0 X",
        error=error,
        checkpoints=("a", "b"),
        features=("f: 1",),
        **memory,
    )
    text = "\n".join(server_facts("http://127.0.0.1:8188", state))
    for part in ("127.0.0.1:8188", "unreachable", "0.27.0", "cuda:0 X", "3.0 of 8.0 GB", "2 checkpoints", "f: 1"):
        assert part in text
    assert "CannotConnect: Nothing answers.\nerrno 111" in text
    assert server_facts("http://x", ServerState())


def test_a_job_is_told_without_its_prompt(tmp_path: Path) -> None:
    session = Session("http://127.0.0.1:1", data_dir=tmp_path)
    job = session.submit(graphs.txt2img(), {"prompt": "my great idea"})
    told = job_facts(job)
    session.close()
    assert job.id in told
    assert "7 nodes" in told
    assert "great idea" not in told


def test_what_begins_at_the_margin_is_a_title() -> None:
    text = diagnostics({"Jobs": ["one\nmore of one", "two"], "Errors": []}, Redactor())
    lines = text.splitlines()
    assert lines[0].startswith("Diagnostics of 20")
    assert lines[2:] == ["Jobs", "    one", "    more of one", "    two"]


def test_it_fits_into_a_bug_report() -> None:
    lines = [f"{number} {'x' * 10_000}" for number in range(200)]
    text = diagnostics({"Log": newest(lines), "Errors": lines[:10]}, Redactor())
    assert len(text) < LOG + 11 * (LONGEST + 100)
    assert "199 xxx" in text
    assert newest([]) == ()
    assert newest(["a", "b"]) == ("a", "b")


@pytest.mark.parametrize("written", WRITTEN)
@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_survives_in_no_section(written: str, secret: str, before: str, after: str) -> None:
    planted = f"{before}{WRITTEN[written](secret)}{after}"
    state = ServerState(
        error=ServerFault(planted, details=planted), version=planted, device=planted, features=(planted,)
    )
    sections = {"Server": server_facts(planted, state), planted: [planted], "Log": newest([planted, planted])}
    text = diagnostics(sections, Redactor([secret]))
    assert secret not in text
    assert WRITTEN[written](secret) not in text
