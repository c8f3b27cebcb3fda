"""Lists: filters, searches, orders and pages."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.generation.history import Filter, History, Placement, Sort, search
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.ownership import Ownership
from blender_comfyui.generation.request import Request
from tests import graphs
from tests.generation.history.entries import OWNER, add, add_finished, opened, request


@pytest.fixture(params=["with the index", "without FTS5"])
def indexed(request, monkeypatch):
    """Where Python's SQLite lacks FTS5, everything is found as well, only slower."""
    if request.param == "without FTS5":
        monkeypatch.setattr(search, "is_available", lambda: False)


def found(history, text: str) -> list[str]:
    page = history.find(Filter(text=text))
    assert page.total == len(page.records)
    return [record.label for record in page.records]


# Searching


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a red fox", "red"),
        ("a red fox", "fox"),
        ("a red fox", "a"),
        ("a red fox", "x"),
        ("a red fox", "e"),
        ("a red fox", "ox"),
        ("a red fox", "ed f"),
        ("a red fox", "a red fox"),
        ("a red fox", "  fox "),
        ("a red fox", "RED FOX"),
        ("A RED FOX", "red fox"),
        ("masterpiece, (best quality:1.2)", "masterpiece, (best"),
        ("masterpiece, (best quality:1.2)", "quality:1.2"),
        ("masterpiece, (best quality:1.2)", "("),
        ("masterpiece, (best quality:1.2)", "piece,"),
        ("masterpiece, (best quality:1.2)", ":1.2)"),
        ("my_lora_v2", "lora_v"),
        ("line one\nline two", "one line"),
        ("schöner Fuchs", "SCHÖN"),
        ("Straße", "STRASSE"),
        ("Straße", "straße"),
        ("ΦΩΣ", "φως"),
        ("ИЗБА на холме", "изба"),
        ("İstanbul", "i̇stanbul"),
        ("cafe\u0301 au lait", "café"),
        ("café au lait", "cafe"),
        ("赤い狐と城", "狐"),
        ("赤い狐と城", "狐と"),
        ("赤い狐と城", "と城"),
        ("赤い狐と城の長い長い長い長い長い長い道", "い長い長い長い長い長い道"),
        ("ＦＵＬＬ width", "full"),
        ("한국의 가을", "가을"),
        ("สุนัขจิ้งจอก", "จิ้งจอก"),
        ("a 🦊 here", "🦊"),
        ('she said "yes"', '"yes"'),
        ("a AND b OR NOT c", "AND b OR"),
        ("it's 100%", "100%"),
        ("under_score", "r_s"),
        ("star*", "star*"),
        ("Donaudampfschifffahrtsgesellschaftskapitän", "dampfschifffahrtsgesellschaftskapi"),
        (" ".join(map(str, range(40))), " ".join(map(str, range(40)))),
    ],
)
def test_a_part_of_the_prompt_finds_it(history, prompt, text):
    add(history, request("null"))
    add(history, request(prompt))
    assert found(history, text) == [prompt]


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    "text",
    [
        "fox red",
        "redfox",
        "red  box",
        "reds",
        "foxes",
        "red, fox",
        "_",
        "%",
        "*",
        '"',
        "f*",
        "red OR cat",
        "狐",
        "fo x",
    ],
)
def test_what_is_no_part_does_not(history, text):
    add(history, request("a red fox"))
    assert found(history, text) == []


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\0"])
def test_no_text_finds_all(history, text):
    add(history)
    assert len(found(history, text)) == 1


def test_more_endings_than_are_looked_up_one_by_one(history):
    labels = [f"photo{ending}" for ending in ("", "n", "graph", "grapher", "shop", "realistic", "s")]
    for label in labels:
        add(history, request(label))
    assert sorted(found(history, "photo")) == sorted(labels)
    assert sorted(found(history, "photog")) == ["photograph", "photographer"]


def test_prompts_are_found_under_any_name_that_they_have(history):
    add(history, request("x", parameters={"prompt": "a badger"}))
    add(history, request("x", parameters={"6.text": "a weasel", "3.sampler_name": "euler"}))
    add(history, Request(graphs.txt2img()))
    assert found(history, "badger") == found(history, "weasel") == ["x"]
    assert found(history, "a red cube") == [""]
    assert found(history, "euler") == []


def test_a_settled_request_is_found_by_its_new_text(history):
    job_id = add(history, request("a hare"))
    history.update(job_id, request=request("a hedgehog"))
    assert found(history, "hare") == []
    assert found(history, "hedgehog") == ["a hedgehog"]


def test_what_was_deleted_is_not_found(history):
    gone, stays = add_finished(history, request("a fox")), add_finished(history, request("a fox"))
    history.delete([gone], with_files=False)
    assert [record.id for record in history.find(Filter("fox")).records] == [stays]
    assert history.find(Filter("fo")).total == 1


def test_an_index_that_fell_behind_is_made_anew(tmp_path, monkeypatch):
    """Two Blenders share the history, and only one of them has FTS5."""
    with opened(tmp_path) as history:
        add(history, request("first"))
        gone = add_finished(history, request("gone"))
    with monkeypatch.context() as patch, opened(tmp_path) as history:
        patch.setattr(search, "is_available", lambda: False)
        add(history, request("second"))
        history.delete([gone], with_files=False)
    with opened(tmp_path) as history:
        assert found(history, "second") == ["second"]
        assert found(history, "first") == ["first"]
        assert found(history, "gone") == []


letters = st.text(
    st.sampled_from("aAbBßäöÄ éσςΣ狐と城,._-\"'*()\n1") | st.characters(exclude_categories=()), max_size=30
)


@settings(deadline=None, max_examples=200)
@given(st.lists(letters, min_size=1, max_size=5), st.data())
def test_whatever_part_of_whatever_prompt_finds_just_the_prompts_with_it(prompts, data):
    start, end = sorted((data.draw(st.integers(0, 30)), data.draw(st.integers(0, 30))))
    part = prompts[0][start:end]
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as history:
        for number, prompt in enumerate(prompts):
            add(history, request(prompt, parameters={}, prompt={}), str(number))
        page = history.find(Filter(part), Sort.OLDEST)
    wanted = search.folded(part)
    expected = [str(number) for number, prompt in enumerate(prompts) if wanted in search.folded(prompt)]
    assert [record.id for record in page.records] == expected
    assert page.total == len(expected)


@given(st.text(), st.text(), st.text())
def test_a_part_folded_is_a_part_of_the_whole_folded(before, part, after):
    marks = any(unicodedata.combining(letter) for letter in unicodedata.normalize("NFKD", before + part + after))
    if not marks:  # marks are put in an order among their neighbours, whoever these are
        assert search.folded(part) in search.folded(before + part + after)


@given(st.text(st.characters(exclude_categories=())))
def test_folding_can_be_stored_and_is_done_once(text):
    once = search.folded(text)
    once.encode()
    assert "\0" not in once
    assert search.folded(once) == once


# Filters


@pytest.fixture
def zoo(tmp_path):
    """Six jobs that differ in everything, made a hundred seconds apart."""
    times = itertools.count(1000.0, 100.0)
    with opened(tmp_path, clock=lambda: next(times)) as history:
        path = (tmp_path / "1.png",)
        asked = {
            name: request(name, context={"blend_id": f"of {name}", "blend": f"/of/{name}.blend"})
            for name in ("ant", "bee", "cat", "dog")
        }
        add_finished(history, asked["ant"], job_id="ant", paths=path)
        add_finished(history, asked["bee"], job_id="bee", state=JobState.FAILED, server="http://b:1", seconds=9.0)
        add(history, asked["cat"], "cat")
        add_finished(history, asked["dog"], job_id="dog", paths=path, placement=Placement.WAITING, imported=True)
        add_finished(history, request("eel", task="image", tier="draft"), job_id="eel", state=JobState.LOST)
        add_finished(
            history, request("fox", task="image", tier="final"), job_id="fox", state=JobState.CANCELLED, seconds=0.5
        )
        history.favourite("bee", True)
        history.favourite("fox", True)
        history.favourite("eel", True)
        history.favourite("eel", False)
        yield history


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Filter(), "fox eel dog cat bee ant"),
        (Filter(task="image"), "fox eel"),
        (Filter(tier="draft"), "eel"),
        (Filter(task="video"), ""),
        (Filter(states=frozenset({JobState.FAILED, JobState.LOST})), "eel bee"),
        (Filter(states=frozenset({JobState.WAITING})), "cat"),
        (Filter(since=1400.0), "fox eel"),
        (Filter(until=1100.0), "ant"),
        (Filter(since=1100.0, until=1300.0), "cat bee"),
        (Filter(favourite=True), "fox bee"),
        (Filter(favourite=False), "eel dog cat ant"),
        (Filter(blend_id="of cat"), "cat"),
        (Filter(blend_path="/of/cat.blend"), "cat"),
        (Filter(server="http://b:1"), "bee"),
        (Filter(unplaced=True), "dog"),
        (Filter(imported=True), "dog"),
        (Filter(imported=False), "fox eel cat bee ant"),
        (Filter(text="e"), "eel bee"),
        (Filter(text="e", states=frozenset({JobState.LOST})), "eel"),
        (Filter(text="e, ", favourite=True), ""),
        (Filter(text="e", favourite=True), "bee"),
        (Filter(task="image", favourite=True, since=0.0), "fox"),
    ],
)
def test_a_filter_lets_through_what_all_of_it_says(zoo, which, expected):
    page = zoo.find(which)
    assert " ".join(record.id for record in page.records) == expected
    assert page.total == len(page.records)


def test_jobs_that_somebody_looks_after_can_be_left_out(zoo):
    owner = Ownership(zoo.folder / "owners")
    add(zoo, request("gnu"), "gnu", state=JobState.RUNNING)
    assert listed(zoo, Filter(unfollowed=True)) == "gnu fox eel dog cat bee ant"
    owner.take()
    zoo.adopt("cat", OWNER, owner.id)
    assert listed(zoo, Filter(unfollowed=True)) == "gnu fox eel dog bee ant"
    assert listed(zoo, Filter("g", unfollowed=True)) == "gnu dog"
    assert listed(zoo, Filter("c", unfollowed=True)) == ""
    zoo.end("cat", Outcome(JobState.FAILED, error=RuntimeError("no")), 5.0)
    assert listed(zoo, Filter("c", unfollowed=True)) == "cat"
    zoo.adopt("gnu", OWNER, owner.id)
    assert listed(zoo, Filter("g", unfollowed=True)) == "dog"
    owner.release()
    assert listed(zoo, Filter("g", unfollowed=True)) == "gnu dog"


def listed(history: History, which: Filter) -> str:
    page = history.find(which)
    assert page.total == len(page.records)
    return " ".join(record.id for record in page.records)


@pytest.mark.parametrize("text", ["", "o", "o, o"])
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NEWEST, "fox eel dog cat bee ant"),
        (Sort.OLDEST, "ant bee cat dog eel fox"),
        (Sort.LONGEST, "bee eel dog ant fox cat"),
        (Sort.PROMPT, "ant bee cat dog eel fox"),
    ],
)
def test_each_order(zoo, sort, expected, text):
    wanted = [name for name in expected.split() if text in name]
    assert [record.id for record in zoo.find(Filter(text), sort).records] == wanted


def test_the_alphabet_does_not_know_case_and_has_the_nameless_last(history):
    for label in ("b", "", "A", "Ä", "a", "C"):
        add(history, request(label, parameters={}, prompt={}))
    assert [record.label for record in history.find(sort=Sort.PROMPT).records] == ["A", "a", "Ä", "b", "C", ""]


def test_a_clock_that_is_set_back_does_not_change_what_is_newest(tmp_path):
    times = iter([2000.0, 1000.0])
    with opened(tmp_path, clock=lambda: next(times)) as history:
        add(history, request("first"))
        add(history, request("second"))
        assert [record.label for record in history.find().records] == ["second", "first"]


# Pages


@pytest.mark.parametrize("which", [Filter(), Filter("fox"), Filter("a fox"), Filter("fox", favourite=False)])
@pytest.mark.parametrize("sort", list(Sort))
def test_pages_follow_each_other_without_gap_or_double(history, which, sort):
    for number in range(10):
        add_finished(history, request(f"a fox {number % 3}"), seconds=float(number % 4))
    add_finished(history, request("a hare"), state=JobState.FAILED)
    whole = history.find(which, sort, 0, 100)
    pages = [history.find(which, sort, offset, 4) for offset in range(0, whole.total, 4)]
    assert [record.id for page in pages for record in page.records] == [record.id for record in whole.records]
    assert {page.total for page in pages} == {len(whole.records)}
    assert (pages[1].offset, pages[1].size) == (4, 4)


def test_beyond_the_last_page_there_is_nothing(history):
    add(history)
    page = history.find(offset=24)
    assert (page.records, page.total) == ((), 1)


def test_pages_have_the_files_but_not_the_requests(history, tmp_path):
    paths = (tmp_path / "1.png", tmp_path / "2.png")
    add_finished(history, request("a fox", seed=2**64 - 1), paths=paths, placement=Placement.WAITING)
    [record] = history.find().records
    assert record.request is None
    assert [file.path for file in record.files] == list(paths)
    assert (record.seed, record.parameters["prompt"]) == (2**64 - 1, "a fox")


def test_a_page_can_be_as_large_as_the_history(history):
    for number in range(700):
        add(history, request(str(number)), str(number))
    assert [record.id for record in history.find(sort=Sort.OLDEST, size=1000).records] == [str(n) for n in range(700)]


def test_a_list_does_not_touch_the_requests(history):
    """Graphs can be large; 24 of them need not be read to show 24 names."""
    read = []
    add(history)
    history.find()
    history._database._connection.set_authorizer(lambda *asked: read.append(asked[1:3]) or 0)
    history.find(Filter(" fox"), Sort.PROMPT)
    assert ("requests", "facts") in read
    assert ("requests", "body") not in read


# Projects


def test_the_jobs_of_a_project_are_found(tmp_path):
    with opened(tmp_path) as history:
        fox = [add(history, request(context={"storyboard": "fox", "panel": str(number)})) for number in range(3)]
        grid = add(history, request(context={"grid": "wolf"}))
        for other in ({}, {"storyboard": ""}, {"storyboard": "Fox"}):
            add(history, request(context=other))
        assert [record.id for record in history.find(Filter(project="fox"), Sort.OLDEST).records] == fox
        assert [record.id for record in history.find(Filter(project="wolf")).records] == [grid]
        assert history.find(Filter(project="wolf", text="fox")).total == 1
        assert history.find(Filter(project="wol")).total == 0
        assert history.find(Filter()).total == 7


def test_a_project_is_found_by_its_index(tmp_path):
    with opened(tmp_path) as history:
        add(history)
    connection = sqlite3.connect(tmp_path / "history.sqlite")
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT number FROM jobs WHERE project = 'x' AND project <> ''")
    assert "jobs_by_project" in str(plan.fetchall())
    connection.close()
