"""What the documentation says is there: links, pictures, sentences, verbs, options, and the Python in it runs."""

import ast
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.commands.parsing import VERBS, HelpWanted, parse
from blender_comfyui.generation.storyboard.writing import to_yaml
from tests.comfy_server import ComfyServer
from tests.generation.storyboard.conftest import board
from tests.generation.tasks.conftest import with_all
from tests.graphs import txt2img
from tools.project import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PICTURES = sorted((ROOT / "docs/pictures").iterdir())
MOST_BYTES = 180_000  # of a picture
COMMAND = re.compile(rf"(?:--command comfyui|-m blender_comfyui|^) ?({'|'.join(VERBS)})\b(.*)", re.MULTILINE)
OPENED = """\
from blender_comfyui.generation.session import Session
with Session("http://127.0.0.1:8188", data_dir="results") as session:
"""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OTHERS = {  # of Blender, of ComfyUI, of the tests
    *("--command", "--online-mode", "--background", "--python", "--log-level", "--listen", "--keep-pictures"),
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """The languages and the texts of a page's blocks of code."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def by_name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if "://" not in link):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.is_file(), f"{page.name}: {link}"
        assert not heading or heading in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_picture_is_shown_and_small() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in PICTURES:
        assert f"pictures/{picture.name})" in shown, f"{picture.name} is shown nowhere"
        assert picture.stat().st_size <= MOST_BYTES, picture.name


def test_every_page_is_reached_from_the_first() -> None:
    reached, waiting = {ROOT / "README.md"}, [ROOT / "docs/README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            found = re.findall(r"\]\(([\w/.-]+\.md)", page.read_text(encoding="utf-8"))
            waiting += [(page.parent / link).resolve() for link in found]
    assert set(PAGES) == reached


# -- sentences ------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A sentence with all that is said in quotes, or differs each time, as “…”'s inside."""
    return " ".join(re.sub('“…”|‘…’|"…"', "…", text).split())


@cache
def said() -> str:
    """All texts of the code, one a line, with … for what is put into them."""
    lines = []
    for file in sorted((ROOT / "blender_comfyui").rglob("*.py")):
        lines += [plain(text) for text in texts(ast.parse(file.read_text(encoding="utf-8")))]
    return "\n".join(lines)


def texts(tree: ast.AST) -> Iterator[str]:
    """All but docstrings."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield re.sub(r"\{[^{}]*\}", "…", node.value)  # of str.format
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def sentences() -> list[str]:
    rows = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", (ROOT / "docs/troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    return [row for row in rows if row != "it says"]


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_that_is_explained_is_said(sentence: str) -> None:
    assert plain(sentence) in said()


def test_a_sentence_that_is_not_said_is_found_out() -> None:
    assert plain("Nothing answers at “…”. Start ComfyUI") in said()
    assert plain("Nobody answers at …. Start ComfyUI") not in said()


# -- commands -------------------------------------------------------------------------------------------------------


@cache
def options() -> set[str]:
    found = set()
    for verb in VERBS:
        with pytest.raises(HelpWanted) as wanted:
            parse([verb, "--help"], "comfyui")
        found |= set(OPTION.findall(str(wanted.value)))
    return found


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_options_are_there(page: Path) -> None:
    named = set(OPTION.findall(page.read_text(encoding="utf-8")))
    assert named <= options() | OTHERS, named - options() - OTHERS


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_commands_in_blocks_can_be_parsed(page: Path) -> None:
    for block in (block for language, block in blocks(page) if not language):
        for verb, rest in COMMAND.findall(block):
            words = [word.strip('"') for word in re.findall(r'"[^"]*"|[^\s"]+', rest.partition(" | ")[0])]
            assert parse([verb, *words], "comfyui").verb == verb


# -- Python ---------------------------------------------------------------------------------------------------------


def scripts() -> Iterator[object]:
    """The blocks of Python that need no Blender; those without a session of their own get one."""
    for page in PAGES:
        for number, (language, block) in enumerate(blocks(page), 1):
            if language == "python" and "import bpy" not in block:
                if "with Session" not in block:
                    block = OPENED + textwrap.indent(block, "    ")
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("script", list(scripts()))
def test_python_runs(
    script: str, comfy_server: Callable[..., ComfyServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = with_all(comfy_server)()
    lay_out(tmp_path, server)
    exec(compile(script.replace("http://127.0.0.1:8188", server.url), "documentation", "exec"), {})


def lay_out(folder: Path, server: ComfyServer) -> None:
    """The files that the documentation speaks of."""
    Image.new("RGB", (64, 64)).save(folder / "fox.png")
    graph = {**txt2img(checkpoint=server.checkpoints[0]), **photo()}
    for name in ("fox.api.json", "upscale.api.json", "fox.json"):
        (folder / name).write_text(json.dumps(graph), encoding="utf-8")
    (folder / "fox.yaml").write_text(to_yaml(board(2)), encoding="utf-8")


def photo() -> dict[str, object]:
    """A node that loads a picture, and one that shows it."""
    return {
        "40": {"class_type": "LoadImage", "inputs": {"image": "example.png"}, "_meta": {"title": "Load Image"}},
        "41": {"class_type": "PreviewImage", "inputs": {"images": ["40", 0]}},
    }
