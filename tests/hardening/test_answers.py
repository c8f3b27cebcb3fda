"""What a server says, as values and as sentences: whatever it is, they have their types and can be shown."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blender_comfyui.comfy import answers, errors, events
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.bounded_json import MAX_DEPTH, read_json
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.failures import invalid_prompt, title_of
from blender_comfyui.generation.progress import ProgressTracker
from blender_comfyui.generation.request import Request
from tests import graphs
from tests.comfy.test_events import nearly_right
from tests.hardening.hostile import Hostile, reply

GRAPH = graphs.txt2img()
NASTY = "a\n\0\x1b[31mb\u202egnp.exe\ud800\u2028\x85" + "long " * 100_000
TEXTS = st.text(st.characters(), max_size=40) | st.just(NASTY)


def assert_can_be_shown(text: str, limit: int = 1000) -> None:
    """One line, with nothing in it that Blender, SQLite or a terminal stumbles over."""
    assert 0 < len(text) <= limit
    assert all(c.isprintable() or c in "\u200c\u200d" for c in text)
    text.encode("utf-8")


# JSON

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.just("\ud83d\ude00 \\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=30,
)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (key, *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_pythons_own_reads_it_but_for_halves_of_characters(value, escaped, indent):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    assume(not any("\ud800" <= c <= "\udfff" for c in text))  # half a character comes escaped or not at all
    read = read_json(text)
    for string in strings(read):
        string.encode("utf-8")
    whole = [s for s in strings(json.loads(text)) if not any("\ud800" <= c <= "\udfff" for c in s)]
    assert set(whole) <= set(strings(read))
    assert json.dumps(read) == json.dumps(json.loads(text)) or len(whole) < len(list(strings(json.loads(text))))


@given(st.text() | st.text('[]{}",:\\ \n1u'))
def test_no_text_is_more_than_no_json(text):
    try:
        read_json(text)
    except ValueError:
        with pytest.raises((ValueError, RecursionError)):
            json.loads(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"]": ', "}]")])
def test_the_depth_has_a_limit(opening, closing):
    levels = MAX_DEPTH // sum(bracket in opening for bracket in ("[", "{"))
    assert read_json(opening * levels + "1" + closing * levels)
    for tail in ("1" + closing * (levels + 1), "", '"]]]]'):
        with pytest.raises(ValueError, match="nested"):
            read_json(opening * (levels + 1) + tail)


@pytest.mark.parametrize(
    "text", ['["[[[["' + ',"[[[["' * 500 + "]", '["\\"["' + ',"\\"[\\\\"' * 500 + "]", "[" + "[]," * 500 + "1]"]
)
def test_brackets_in_strings_and_side_by_side_are_no_depth(text):
    assert len(read_json(text)) == 501


def test_what_was_read_can_be_shown_and_compared():
    deep = read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert repr(deep)
    assert deep == deep.copy()


# Events


def holds(value: object, hint: object) -> bool:
    """Whether a value is of an annotated type, and a number is one."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(holds(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is tuple:
        return type(value) is tuple and all(holds(item, arguments[0]) for item in value)
    if isinstance(origin, type):
        return isinstance(value, origin)
    if hint in (float, int):
        return type(value) is hint and math.isfinite(value)
    if dataclasses.is_dataclass(hint):
        return type(value) is hint and fields_hold(value)
    return value is None if hint is type(None) else type(value) is hint


def fields_hold(value: object) -> bool:
    hints = typing.get_type_hints(type(value))
    return all(holds(getattr(value, name), hint) for name, hint in hints.items())


@given(nearly_right)
def test_every_event_has_the_types_that_it_promises(text):
    event = events.parse_text(text)
    assert event is None or fields_hold(event)


@given(st.lists(nearly_right, max_size=20))
def test_no_events_whatever_take_progress_out_of_its_bounds(texts):
    tracker = ProgressTracker(Request(GRAPH))
    before = 0.0
    for text in texts:
        tracker.feed(events.parse_text(text))
        progress = tracker.progress()
        assert before <= progress.fraction < 1.0
        assert 0 <= progress.done_nodes <= progress.total_nodes
        before = progress.fraction
        if progress.node_title:
            assert_can_be_shown(progress.node_title, 200)


# Refusals

IDS = st.sampled_from([*GRAPH, "99", "", "5:1", "\ud800"])
EXTRA = VALUES | st.fixed_dictionaries({}, optional={"input_name": TEXTS | VALUES, "node_id": IDS | VALUES})
PROBLEM = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            "value_not_in_list required_input_missing value_bigger_than_max exception_during_validation "
            "prompt_outputs_failed_validation missing_node_type invalid_prompt prompt_no_outputs".split()
        )
        | VALUES,
        "message": TEXTS | VALUES,
        "details": TEXTS | VALUES,
        "extra_info": EXTRA,
    },
)
NODE = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "errors": st.lists(PROBLEM, max_size=3) | VALUES,
        "class_type": TEXTS | VALUES,
        "dependent_outputs": VALUES,
    },
)
BODIES = VALUES | st.fixed_dictionaries(
    {}, optional={"error": PROBLEM, "node_errors": st.dictionaries(IDS, NODE, max_size=3) | VALUES}
)


def assert_is_a_refusal(error: errors.ComfyError) -> None:
    assert isinstance(error, errors.InvalidPrompt)
    assert_can_be_shown(str(error))
    assert all(fields_hold(problem) for problem in error.problems)
    error.details.encode("utf-8")


@given(BODIES)
def test_every_refusal_is_one_sentence(body):
    assert_is_a_refusal(invalid_prompt(body, GRAPH))


@given(BODIES)
def test_and_so_it_is_where_it_comes_over_the_wire(refusing, body):
    refusing.outputs = body
    with pytest.raises(errors.InvalidPrompt) as caught:
        refusing.client.queue_prompt(GRAPH, prompt_id="p", client_id="c")
    assert_is_a_refusal(caught.value)


@pytest.fixture(scope="module")
def refusing() -> Iterator[Hostile]:
    server = Hostile()
    server.answers["POST /prompt"] = lambda request: refuse(request, server.outputs)
    server.client = ComfyClient(ServerAddress.parse(server.url))
    yield server
    server.client.close()
    server.close()


def refuse(request: BaseHTTPRequestHandler, body: object) -> None:
    request.rfile.read(0)
    reply(request, body, 400)


def test_a_refusal_without_end_is_cut():
    one = {"type": "x", "message": "m" * 10_000, "details": "d" * 10_000, "extra_info": {}}
    body = {"error": one, "node_errors": {str(n): {"errors": [one] * 100, "class_type": "A"} for n in range(1000)}}
    error = invalid_prompt(body, GRAPH)
    assert_is_a_refusal(error)
    assert len(error.problems) <= 1000
    assert len(error.details) + sum(len(str(problem)) for problem in error.problems) < 1_000_000


@given(TEXTS, st.dictionaries(IDS, VALUES | st.fixed_dictionaries({"class_type": TEXTS, "_meta": VALUES})))
def test_every_title_can_be_shown(node_id, graph):
    for asked in (node_id, *graph):
        assert_can_be_shown(title_of(graph, asked), 200)


@pytest.mark.parametrize("kind", [errors.ServerFault, errors.CannotConnect, errors.Lost, errors.FileBroken])
def test_no_error_says_more_than_a_line(kind):
    error = kind(NASTY, details=NASTY)
    assert_can_be_shown(str(error))
    assert len(error.details) <= 100_000
    assert "\n" in error.details
    assert not set(error.details) & set("\0\x1b\u202e\ud800")


# Facts about the server


@given(VALUES | TEXTS, VALUES | TEXTS, VALUES | st.integers(10**300, 10**310))
def test_the_servers_facts_can_be_shown_and_counted_with(version, name, memory):
    device = {"name": name, "type": name, "vram_total": memory, "vram_free": memory}
    stats = answers.system_stats({"system": {"comfyui_version": version}, "devices": [device]})
    assert_can_be_shown(stats.version, 200)
    assert_can_be_shown(stats.devices[0].name, 200)
    assert 0 <= stats.devices[0].vram_total / 1e9 < 1e12


@given(st.integers() | st.floats() | st.integers(10**300, 10**310) | VALUES)
def test_a_time_is_one_or_none(when):
    entry = {
        "prompt": [1, "p", {}],
        "outputs": {},
        "status": {"messages": [["execution_success", {"timestamp": when}]]},
    }
    [past] = answers.past_prompts({"p": entry})
    assert past.ended is None or 0 < past.ended < 1e12


def test_a_choice_that_no_menu_can_hold_is_left_out():
    info = {"A": {"input": {"required": {"x": [["a", "b\0c", 7], {}]}}}}
    assert answers.combo_options(info, "A", "x") == ("a", "7")


def test_texts_are_cut_where_no_list_could_show_them():
    """They stand in the history, and whoever turns its pages reads them all."""
    output = answers.node_output("1", {"text": ["short", "word " * 1_000_000, 7, *["more"] * 100_000]})
    short, long, *more = output.texts
    assert short == "short"
    assert len(long) <= 100_000
    assert long.startswith("word word ")
    assert long.endswith(" …")
    assert len(more) <= 1000
    assert output.texts == answers.node_output("1", {"text": [*output.texts, 7]}).texts


# Answers for other prompts


def test_a_history_entry_of_another_prompt_is_none_of_ours():
    entry = {"outputs": {"1": {"images": [{"filename": "theirs.png"}]}}, "status": {}}
    assert answers.history_entry({"p": entry | {"prompt": [1, "theirs", {}, {}, []]}}, "p") is None
    assert answers.history_entry({"theirs": entry, "p2": entry}, "p") is None
    assert answers.history_entry({"p": entry | {"prompt": [1, "p", {}, {}, []]}}, "p") is not None
    assert answers.history_entry({"p": entry}, "p") is not None


@pytest.mark.parametrize(("owner", "deleted"), [("mine", True), ("theirs", False)])
def test_a_prompt_that_only_the_answer_calls_ours_is_left_alone(hostile, owner, deleted):
    pending = [[1, "another", {}, {"client_id": owner}, []], [2, "third", {}, {"client_id": "mine"}, []]]
    hostile.answers["POST /prompt"] = lambda request: reply(request, {"prompt_id": "another"})
    hostile.answers["GET /queue"] = lambda request: reply(request, {"queue_running": [], "queue_pending": pending})
    client = ComfyClient(ServerAddress.parse(hostile.url))
    with pytest.raises(errors.TooOld):
        client.queue_prompt({}, prompt_id="p", client_id="mine")
    client.close()
    assert hostile.came == [("POST", "/prompt"), ("GET", "/queue"), *([("POST", "/queue")] if deleted else [])]


def test_a_server_that_speaks_of_other_prompts_all_the_time_gives_us_none_of_them(hostile, session, tmp_path):
    theirs = {"outputs": {"2": {"images": [{"filename": "theirs.png", "type": "output"}]}}, "status": {}}
    hostile.answers["GET /history"] = lambda request: reply(request, {"theirs": theirs})
    queue = {"queue_running": [[1, "theirs", {}, {}, []]], "queue_pending": [[2, "others", {}, {}, []]]}
    hostile.answers["GET /queue"] = lambda request: reply(request, queue)
    outcome = session.submit(graphs.empty_save(), folder=tmp_path / "out").wait(30)
    assert outcome.state == "lost"
    assert outcome.files == []
    assert not [path for _, path in hostile.came if path.startswith("/view")]
    assert {path for method, path in hostile.came if method == "POST"} == {"/prompt"}
