"""Every recorded refusal as one readable sentence that names the node and the parameter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy.errors import ExecutionFailed, InvalidPrompt, OutOfMemory
from blender_comfyui.comfy.events import ExecutionErrored
from blender_comfyui.comfy.failures import execution_failed, invalid_prompt

SENTENCES = {
    "0.3.64/err_bad_int": "“EmptyImage”, width: Failed to convert an input value to a INT value. Change the value.",
    "0.3.64/err_too_big": "“EmptyImage”, width: Value 999999 bigger than max of 16384. Change the value.",
    "0.3.64/err_missing_link_input": ("“SaveImage”: its input images is missing. Connect it or give it a value."),
    "0.3.64/err_missing_required": (
        "“EmptyImage”: its input color is missing. Connect it or give it a value. And 1 more problem."
    ),
    "0.3.64/err_missing_class": (
        "The server does not have the node NoSuchNode. Install the node pack that brings it, or use another workflow."
    ),
    "0.27.0/err_missing_class": (
        "The server does not have the node NoSuchNode (“My Title”). "
        "Install the node pack that brings it, or use another workflow."
    ),
    "0.3.64/err_no_outputs": (
        "The server refused the workflow. The workflow has no output node: "
        "add one that saves or previews, such as Save Image."
    ),
    "0.27.0/err_unknown_ckpt": (
        "“CheckpointLoaderSimple”, ckpt_name: the server does not have “nope.safetensors”. Choose one that it has."
    ),
    "0.3.64/err_load_image_missing": (
        "“LoadImage”, image: Custom validation failed for node: image - Invalid image file: gone.png. "
        "Change it and generate again."
    ),
}


def refused(transcripts):
    return sorted(p for p in transcripts.glob("*/err_*.json") if json.loads(p.read_text())["status"] == 400)


def error_of(path) -> InvalidPrompt:
    recording = json.loads(path.read_text())
    return invalid_prompt(recording["body"], (recording["request"]["json"] or {}).get("prompt") or {})


@pytest.mark.parametrize("name", SENTENCES)
def test_the_sentence(transcripts, name):
    assert str(error_of(transcripts / f"{name}.json")) == SENTENCES[name]


def test_every_recorded_refusal_says_what_is_wrong(transcripts):
    paths = refused(transcripts)
    assert len(paths) > 15
    for path in paths:
        error = error_of(path)
        assert isinstance(error, InvalidPrompt)
        assert 20 < len(str(error)) < 400, path.name
        assert str(error).endswith("."), path.name
        assert "{" not in str(error), path.name


def executed(exception_type: str, message: str) -> ExecutionFailed:
    return execution_failed(
        ExecutionErrored("p", "2", "T", exception_type, message, ("line\n",)), {"2": {"class_type": "T"}}
    )


@pytest.mark.parametrize(
    ("exception_type", "message"),
    [
        ("torch.OutOfMemoryError", "Allocation on device"),
        ("torch.cuda.OutOfMemoryError", "x"),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes."),
    ],
)
def test_out_of_memory_is_told_apart(exception_type, message):
    assert isinstance(executed(exception_type, message), OutOfMemory)
    assert type(executed("ValueError", "too many values")) is ExecutionFailed


def test_an_execution_error_names_the_node_and_keeps_the_traceback():
    error = executed("ValueError", "first line\nsecond line")
    assert str(error) == "“T” failed on the server: first line. Check this node's values and inputs."
    assert error.details == "ValueError: first line\nsecond line\nline\n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "errors", "type", "extra_info", "1"]), inner)
    ),
)


@given(JSON, JSON)
def test_whatever_the_body_there_is_a_sentence(error, node_errors):
    assert str(invalid_prompt({"error": error, "node_errors": node_errors}, {"1": {"class_type": "A"}}))
    assert str(invalid_prompt(error, {}))
