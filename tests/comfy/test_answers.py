"""Recorded answers as values, and answers that are not as they should be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy import answers
from blender_comfyui.comfy.errors import ComfyError, NotAComfyServer, ServerFault
from blender_comfyui.comfy.events import ExecutionErrored, ExecutionInterrupted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def recorded(transcripts, name: str, level: str = "0.3.64"):
    return json.loads((transcripts / level / f"{name}.json").read_text())


@pytest.mark.parametrize("level", ["0.3.64", "0.25.0", "0.27.0"])
def test_system_stats(transcripts, level):
    stats = answers.system_stats(recorded(transcripts, "http_system_stats", level)["body"])
    assert stats.version == level
    assert stats.devices[0].name == "cpu"
    assert stats.devices[0].vram_total > 0


def test_the_queue_in_the_order_in_which_it_runs(transcripts):
    queue = answers.queue(recorded(transcripts, "cancel_queued")["queue_before"])
    assert queue.running == ("2215c854-f4d4-4e44-8c43-b50d85180bd6",)
    assert queue.pending == ("e9d2798f-0fcf-4768-b577-6bc745dadd07", "52807b65-c663-4405-93c7-37f27fcd4f1d")
    assert "52807b65-c663-4405-93c7-37f27fcd4f1d" in queue
    assert "other" not in queue


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("empty_save", None),
        ("video_mp4", ["probe_00001_.mp4"]),
        ("audio_flac", None),
        ("latent", None),
        ("mixed_outputs", None),
        ("animated_webp", None),
    ],
)
def test_files_under_any_key(transcripts, name, files):
    recording = recorded(transcripts, name)
    (prompt_id,) = recording["history"]
    entry = answers.history_entry(recording["history"], prompt_id)
    found = [file.filename for output in entry.outputs for file in output.files]
    assert found == files if files else found
    assert len(found) == json.dumps(recording["history"][prompt_id]["outputs"]).count('"filename"')
    assert entry.failure is None


def test_texts(transcripts):
    recording = recorded(transcripts, "text_output")
    (prompt_id,) = recording["history"]
    assert answers.history_entry(recording["history"], prompt_id).outputs[0].texts == ("héllo",)


def test_failures_are_told_apart(transcripts):
    def failure(name):
        recording = recorded(transcripts, name)
        (prompt_id,) = recording["history"]
        return answers.history_entry(recording["history"], prompt_id).failure

    assert isinstance(failure("exec_error"), ExecutionErrored)
    assert failure("exec_error_oom").exception_type == "torch.OutOfMemoryError"
    assert failure("exec_blocked_msg") is None  # a block is no end
    assert failure("exec_blocked_silent") is None


def test_an_interrupt_is_no_error_of_a_node():
    messages = [["execution_start", {"prompt_id": "p"}], ["execution_interrupted", {"prompt_id": "p", "node_id": "2"}]]
    entry = {"outputs": {}, "status": {"status_str": "error", "messages": messages}}
    assert isinstance(answers.history_entry({"p": entry}, "p").failure, ExecutionInterrupted)


def test_an_answer_for_another_prompt_is_none():
    assert answers.history_entry({"other": {"outputs": {}, "status": {}}}, "mine") is None
    assert answers.history_entry({}, "mine") is None


def test_choices_in_both_forms():
    first = {"A": {"input": {"required": {"x": [["a", "b"], {}]}}}}
    second = {"A": {"input": {"optional": {"x": ["COMBO", {"options": ["a", "b"]}]}}}}
    assert answers.combo_options(first, "A", "x") == answers.combo_options(second, "A", "x") == ("a", "b")
    assert answers.combo_options({}, "A", "x") == ()


@given(JSON)
def test_nothing_that_comes_is_trusted(data):
    for parse in (answers.queue, answers.system_stats):
        try:
            parse(data)
        except (ServerFault, NotAComfyServer):
            pass
        except ComfyError:
            pytest.fail("another error than the documented ones")
    answers.history_entry(data, "p")
    answers.history_entry({"p": data}, "p")
    answers.history_entry({"p": {"outputs": data, "status": data}}, "p")
    for messages in (data, [data], [[data, data]]):
        status = {"status_str": "error", "messages": messages}
        answers.history_entry({"p": {"outputs": {"1": data}, "status": status}}, "p")
    answers.combo_options(data, "A", "x")
