"""Wrong project files: each is said in a sentence with file, line and key; nothing is sent, and nothing noted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.session import Session
from blender_comfyui.generation.storyboard.model import Storyboard
from blender_comfyui.generation.storyboard.reading import InvalidStoryboard, loads, read
from tests.comfy_server import ComfyServer

GOOD = """\
id: fox
title: The fox
seed: 42
resolution: 1920x1080
task: scene_generation
tier: standard
style:
  before: ink drawing
parameters: {steps: 30}
panels:
  - id: a1
    prompt: a fox in the snow
    seconds: 2.5
    parameters: {cfg: 5.0}
  - id: a2
    prompt: the fox runs
    negative_prompt: text
    seed: 7
"""
JSON = """\
{
\t"id": "fox",
\t"seed": 42,
\t"resolution": "1920x1080",
\t"task": "scene_generation",
\t"tier": "standard",
\t"style": {"before": "ink drawing"},
\t"panels": [
\t\t{"id": "a1", "prompt": "a fox \\ud83e\\udd8a", "seconds": 25e-1},
\t\t{"id": "a2", "prompt": "the fox runs", "seed": 7}
\t]
}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
# what is wrong: the text, the line, what is said
YAML_WRONG: dict[str, tuple[str | bytes, int, str]] = {
    "nothing": ("", 1, "the file is empty"),
    "a list at the top": ("- panels\n", 1, "a mapping belongs here, not a list"),
    "an unknown key": (GOOD.replace("title:", "titel:"), 2, "titel: “titel” is not known here.*Did you mean “title”"),
    "an unknown key of a panel": (GOOD.replace("seconds:", "second:"), 13, r"panels\[0\].second: .*mean “seconds”"),
    "a key that is there twice": (GOOD + "seed: 1\n", 19, "here twice, before that in line 3"),
    "a tab": (GOOD.replace("    seconds", "\tseconds"), 13, "there is a tab"),
    "a bracket that stays open": (GOOD.replace("30}", "30"), 10, "this is no YAML"),
    "not UTF-8": (GOOD.replace("snow", "Schnee, größer").encode("latin-1"), 12, "not in UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), 1, "not in UTF-8"),
    "a bomb of aliases": (BOMB, 0, "unfold to far too many values"),
    "a tag that makes objects": ("panels: !!python/object/apply:os.system [ls]\n", 1, "is missing|cannot be read"),
    "no task": (GOOD.replace("task: scene_generation\n", ""), 1, "“task” is missing"),
    "no tier": (GOOD.replace("tier: standard\n", ""), 1, "“tier” is missing"),
    "no panels": (GOOD[: GOOD.index("panels:")], 1, "“panels” is missing"),
    "an empty list of panels": (GOOD[: GOOD.index("  - id: a1")].replace("panels:", "panels: []"), 10, "no panels"),
    "panels that are no list": (GOOD[: GOOD.index("  - id: a1")] + "  a1: x\n", 10, "a list of panels belongs here"),
    "a panel that is a text": (GOOD + "  - the fox sleeps\n", 19, "a mapping belongs here, not “the fox sleeps”"),
    "a panel without an id": (GOOD.replace("  - id: a2\n    prompt", "  - prompt"), 15, r"panels\[1\]: .*has no id"),
    "a panel without a prompt": (GOOD.replace("    prompt: the fox runs\n", ""), 15, "has no prompt"),
    "an id that is there twice": (GOOD.replace("id: a2", "id: a1"), 15, "“a1” is here twice, before that in line 11"),
    "an id with a space": (GOOD.replace("id: a2", "id: a 2"), 15, r"panels\[1\].id: “a 2” cannot be the id of a panel"),
    "an id with a colon": (GOOD.replace("id: a2", 'id: "a:2"'), 15, "has a space, a colon"),
    "an empty id": (GOOD.replace("id: a2", 'id: ""'), 15, "it is empty"),
    "no id at all": (GOOD.replace("id: a2", "id:"), 15, "a text belongs here, not “nothing”"),
    "an endless id": (GOOD.replace("id: a2", "id: a" + "2" * 60), 15, "is too long: 58 letters"),
    "a number for a prompt": (
        GOOD.replace("the fox runs", "5"),
        16,
        "a text belongs here, not “5”. Write it in quotes",
    ),
    "a choice without quotes": (
        GOOD.replace("the fox runs", "{a|b}"),
        16,
        "a single value belongs here, not a mapping",
    ),
    "a date for a prompt": (GOOD.replace("the fox runs", "2026-11-21"), 16, "in quotes"),
    "an endless prompt": (GOOD.replace("the fox runs", "fox " * 6000), 16, "longer than 20,000 characters"),
    "a word for a seed": (GOOD.replace("seed: 7", "seed: seven"), 18, "a number belongs here, not “seven”"),
    "half a seed": (
        GOOD.replace("seed: 7", "seed: 7.5"),
        18,
        "a seed is a whole number from 0 to 18446744073709551615",
    ),
    "a seed below zero": (GOOD.replace("seed: 42", "seed: -1"), 3, "a seed is a whole number"),
    "a seed beyond 64 bits": (GOOD.replace("seed: 42", f"seed: {2**64}"), 3, "a seed is a whole number"),
    "no time at all": (GOOD.replace("seconds: 2.5", "seconds: 0"), 13, "above 0 belongs here, up to 3600"),
    "a time without end": (GOOD.replace("seconds: 2.5", "seconds: .inf"), 13, "is no number that one can work with"),
    "hours": (GOOD.replace("seconds: 2.5", "seconds: 4000"), 13, "up to 3600, not “4000”"),
    "a resolution of one number": (GOOD.replace("1920x1080", "1920"), 4, "a resolution such as 1920x1080 belongs here"),
    "a resolution of nothing": (GOOD.replace("1920x1080", "0 x 0"), 4, "0x0 is no resolution"),
    "a resolution beyond all": (GOOD.replace("1920x1080", "99999x99999"), 4, "from 1 to 16384 pixels"),
    "a style that is a text": (GOOD.replace("style:\n  before: ink drawing", "style: ink"), 7, "not “ink”"),
    "parameters that are a list": (GOOD.replace("{cfg: 5.0}", "[cfg]"), 14, "a mapping belongs here, not a list"),
    "a parameter without a value": (GOOD.replace("{cfg: 5.0}", "{cfg: }"), 14, "parameters.cfg: a value belongs here"),
    "a parameter that is a mapping": (GOOD.replace("{cfg: 5.0}", "{cfg: {a: 1}}"), 14, "a single value belongs here"),
    "a parameter of no values": (GOOD.replace("{cfg: 5.0}", "{cfg: []}"), 14, "this list is empty"),
    "a prompt among the parameters": (GOOD.replace("{cfg: 5.0}", "{prompt: x}"), 14, "stands beside the parameters"),
    "a picture that is not there": (GOOD.replace("{cfg: 5.0}", "{image: fox.png}"), 14, "there is no file “fox.png”"),
    "an odd name of a picture": (GOOD.replace("{cfg: 5.0}", r'{image: "a\0b"}'), 14, "there is no file “a b”"),
    "a task that there is not": (
        GOOD.replace("scene_gen", "scene_jen"),
        5,
        "task: There is no task “scene_jeneration”",
    ),
    "a tier that there is not": (GOOD.replace("standard", "standart"), 6, "has no tier.*Did you mean “standard”"),
    "a parameter of another kind": (GOOD.replace("{steps: 30}", "{steps: many}"), 9, "“steps” must be a number"),
}
JSON_WRONG: dict[str, tuple[str, int, str]] = {
    "a comma too few": (JSON.replace("42,\n", "42\n"), 4, 'a comma or a closing brace is missing before “"”'),
    "a comma too many": (JSON.replace('"seed": 7}', '"seed": 7,}'), 10, "a name in double quotes belongs where “}”"),
    "a comma too many in a list": (JSON.replace("7}\n", "7},\n"), 11, "a value belongs where “]” is"),
    "single quotes": (JSON.replace('"fox"', "'fox'"), 2, "a value belongs where “'” is"),
    "a text that stays open": (JSON.replace('standard"', "standard"), 6, "has to be written with a backslash"),
    "a word": (JSON.replace("42", "nan"), 3, "a value belongs where “n” is"),
    "a number with a zero before it": (JSON.replace("42", "042"), 3, "before “4”"),
    "a comment": (JSON.replace('\t"id"', '\t// "id"'), 2, "in double quotes belongs where “/” is"),
    "an end that is missing": (JSON.rstrip()[:-1], 12, "missing before the end of the file"),
    "something after the end": (JSON + "{}", 13, "“{” comes after its end"),
    "lists without end": ('{"panels": ' + "[" * 5000, 1, "nested too deeply"),
    "an error at the beginning of a line": ('{\n"id": "x",\n"idd": 1\n}', 3, "“idd” is not known here"),
    "half a character": (JSON.replace("\\udd8a", ""), 9, "half a character"),
    "an unknown key": (JSON.replace('"tier"', '"teer"'), 6, "“teer” is not known here"),
    "a key that is there twice": (JSON.replace('"seed": 42', '"id": "x"'), 3, "here twice, before that in line 2"),
    "an id that is there twice": (JSON.replace('"a2"', '"a1"'), 10, "“a1” is here twice, before that in line 9"),
    "a prompt that is a number": (JSON.replace('"the fox runs"', "5"), 10, r"panels\[1\].prompt: a text belongs here"),
    "a prompt of nothing": (JSON.replace('"the fox runs"', "null"), 10, "not “nothing”"),
    "a truth for a number": (JSON.replace("25e-1", "true"), 9, "a number belongs here, not “True”"),
    "a number without end": (JSON.replace("42", "4" * 5000), 3, "too long"),
}
CASES = [
    *(
        pytest.param(f"{number}.yaml", *case, id=f"YAML: {name}")
        for number, (name, case) in enumerate(YAML_WRONG.items())
    ),
    *(
        pytest.param(f"{number}.json", *case, id=f"JSON: {name}")
        for number, (name, case) in enumerate(JSON_WRONG.items())
    ),
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A session that would send at once, and its server."""
    with ComfyServer() as server, Session(server.url, data_dir=tmp_path_factory.mktemp("data")) as session:
        session.start()
        yield session, server


@pytest.fixture
def session(opened):
    """With what must stay as it is."""
    session, server = opened
    yield session
    assert server.posts == 0
    assert session.history.find().total == 0


@pytest.mark.parametrize(("name", "text", "line", "sentence"), CASES)
def test_each_is_a_sentence_with_file_and_line(tmp_path, session, name, text, line, sentence):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidStoryboard, match=sentence) as caught:
        session.storyboard(path)
    said = str(caught.value)
    assert said.startswith(f"{name}, line {caught.value.line}")
    assert said.endswith((".", "?"))
    assert "\n" not in said
    assert caught.value.path == path
    assert caught.value.line == line or not line
    assert caught.value.__cause__ is None  # one sentence, no story of Python's behind it
    key = re.match(r"[^:]+, line \d+, (\S+): ", said)
    assert caught.value.key == (key[1] if key else "")


def test_the_good_ones_are_good(session):
    configuration = session.task_book.current()
    panels = loads(GOOD, "fox.yaml", configuration).panels
    assert [(panel.id, panel.seconds, panel.seed) for panel in panels] == [("a1", 2.5, None), ("a2", 2.0, 7)]
    panels = loads(JSON, "fox.json", configuration).panels
    assert [(panel.id, panel.seconds, panel.seed) for panel in panels] == [("a1", 2.5, None), ("a2", 2.0, 7)]
    assert panels[0].prompt == "a fox 🦊"


@pytest.mark.parametrize("path", ["missing.yaml", ".", "a\0b.yaml"])
def test_a_file_that_cannot_be_read(session, tmp_path, path):
    with pytest.raises(InvalidStoryboard, match="cannot be read: "):
        session.storyboard(tmp_path / path)


def test_a_file_that_is_far_too_large(session, tmp_path):
    path = tmp_path / "large.json"
    path.write_bytes(b" " * ((4 << 20) + 1))
    with pytest.raises(
        InvalidStoryboard, match=r"large\.json, line 1: the file has more than 4 MB; this is no storyboard"
    ):
        session.storyboard(path)


@pytest.mark.parametrize("name", ["x.json", "x.yaml", "x"])
@given(data=st.data())
def test_whatever_is_changed_of_it_no_other_error_comes(name, data):
    good = JSON if name == "x.json" else GOOD
    at = data.draw(st.integers(0, len(good)))
    length = data.draw(st.integers(0, 30))
    text = good[:at] + data.draw(st.text(max_size=8)) + good[at + length :]
    try:
        assert isinstance(loads(text, name), Storyboard)
    except InvalidStoryboard as error:
        said = str(error)
    else:
        return
    assert said.startswith(f"{name}, line ")


def test_the_line_of_a_byte_order_mark_does_not_count(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b"\xef\xbb\xbf" + JSON.encode())
    assert read(path).id == "fox"
    assert read(Path(path)).panels[1].seed == 7
