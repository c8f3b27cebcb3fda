"""The floors of the house: imports go down only, and bpy stays upstairs. Read from the code, without importing it."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tools.project import ROOT

PACKAGE = "blender_comfyui"
# What each floor may import of the others. "" is the package's own __init__, "__main__" the commands without Blender.
FLOORS = {
    "": frozenset({"blender"}),
    "__main__": frozenset({"generation"}),
    "blender": frozenset({"generation", "workflow", "comfy"}),
    "generation": frozenset({"workflow", "comfy"}),
    "workflow": frozenset[str](),
    "comfy": frozenset[str](),
}
OF_BLENDER = frozenset(
    "bpy _bpy bpy_extras bpy_restrict_state bpy_types bl_ext bl_ui bl_operators bl_i18n_utils addon_utils aud blf "
    "bmesh freestyle gpu gpu_extras idprop imbuf keyingsets_builtins mathutils nodeitems_utils rna_prop_ui".split()
)


def violations(package: Path) -> list[str]:
    """Return one line for every import in a package folder that the floors do not allow."""
    return [
        f"{path.relative_to(package)}:{line}: {problem}"
        for path in sorted(package.rglob("*.py"))
        for line, problem in _violations_of(path.relative_to(package).with_suffix("").parts, path.read_bytes())
    ]


@cache  # the copies below differ from the package in one module
def _violations_of(parts: tuple[str, ...], source: bytes) -> tuple[tuple[int, str], ...]:
    return tuple(_found_in(parts, source))


def _found_in(parts: tuple[str, ...], source: bytes) -> Iterator[tuple[int, str]]:
    floor = "" if parts == ("__init__",) else parts[0]
    if floor not in FLOORS:
        yield 1, f"{'/'.join(parts)} is on no floor"
        return
    tree = ast.parse(source)
    at_once = set(_outside_of_functions(tree)) if not floor else set()
    for node in ast.walk(tree):
        for target in _imported(node, parts):
            problem = _problem(floor, target)
            if problem is None and node in at_once and target.startswith("blender"):
                problem = "imports blender outside of functions, so the package needs bpy to load"
            if problem:
                yield node.lineno, problem  # type: ignore[attr-defined]


def _outside_of_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when the module is imported."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _outside_of_functions(child)


def _imported(node: ast.AST, parts: tuple[str, ...]) -> Iterator[str]:
    """Yield what a statement imports: absolute names with a leading dot, own modules as seen from the package."""
    if isinstance(node, ast.Import):
        yield from (f".{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if not node.level:
            yield f".{node.module}"
        elif node.level > len(parts):
            yield "…"
        else:
            base = [*parts[: len(parts) - node.level], *([node.module] if node.module else [])]
            yield from (".".join([*base, alias.name]) for alias in node.names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if called in ("__import__", "import_module") and node.args and isinstance(node.args[0], ast.Constant):
            yield f".{node.args[0].value}"


def _problem(floor: str, target: str) -> str | None:
    if target == "…":
        return "imports from outside the package"
    if target.startswith("."):
        top = target[1:].split(".")[0]
        if top in OF_BLENDER and floor != "blender":
            return f"imports {top}, which only blender/ may"
        if top == PACKAGE or (top in ("tests", "tools") and floor in FLOORS):
            return f"imports {target[1:]} by its absolute name; an extension's own modules are imported relatively"
        return None
    top = target.split(".")[0]
    if top in FLOORS and top != floor and top not in FLOORS[floor]:
        return f"{floor or '__init__'} imports {top}, which is above or beside it"
    return None


@pytest.fixture(scope="module")
def as_it_is() -> frozenset[str]:
    return frozenset(violations(ROOT / PACKAGE))


def test_imports_go_down_only(as_it_is: frozenset[str]) -> None:
    assert not as_it_is, "\n".join(sorted(as_it_is))


def test_all_floors_are_there() -> None:
    for floor in set(FLOORS) - {"__main__"}:
        assert list((ROOT / PACKAGE / floor).glob("*.py")), floor


@pytest.mark.parametrize(
    ("where", "line", "part"),
    [
        ("comfy/events.py", "from ..workflow import graph", "comfy imports workflow"),
        ("comfy/events.py", "from .. import workflow", "comfy imports workflow"),
        ("comfy/events.py", "from ..workflow.graph import Workflow", "comfy imports workflow"),
        ("workflow/graph.py", "from ..comfy.errors import ComfyError", "workflow imports comfy"),
        ("workflow/graph.py", "from ..generation import job", "workflow imports generation"),
        ("comfy/client.py", "from ..generation.job import Job", "comfy imports generation"),
        ("generation/job.py", "from ..blender import runtime", "generation imports blender"),
        ("generation/job.py", "def f():\n    from ..blender.runtime import x", "generation imports blender"),
        ("generation/job.py", "if TYPE_CHECKING:\n    from ..blender.runtime import x", "generation imports blender"),
        ("generation/job.py", "import bpy", "imports bpy"),
        ("generation/job.py", "import bpy.types as t", "imports bpy"),
        ("workflow/graph.py", "from mathutils import Vector", "imports mathutils"),
        ("comfy/address.py", "def f():\n    import gpu", "imports gpu"),
        ("comfy/address.py", "from bl_ui import space_view3d", "imports bl_ui"),
        ("comfy/address.py", "__import__('bpy')", "imports bpy"),
        ("comfy/address.py", "import importlib\nimportlib.import_module('bpy')", "imports bpy"),
        ("__init__.py", "from . import blender", "outside of functions"),
        ("__init__.py", "from .blender import register", "outside of functions"),
        ("__init__.py", "import bpy", "imports bpy"),
        ("__init__.py", "def f():\n    from . import comfy", "__init__ imports comfy"),
        ("generation/job.py", "import blender_comfyui.comfy", "by its absolute name"),
        ("blender/__init__.py", "from blender_comfyui.comfy import errors", "by its absolute name"),
        ("comfy/address.py", "from tests import graphs", "by its absolute name"),
        ("comfy/address.py", "from ... import tools", "from outside the package"),
        ("utils.py", "", "is on no floor"),
        ("__main__.py", "from .blender import commands", "__main__ imports blender"),
        ("__main__.py", "import bpy", "imports bpy"),
        ("comfy/address.py", "from .. import __main__", "comfy imports __main__"),
        ("helpers/__init__.py", "", "is on no floor"),
    ],
)
def test_a_wrong_import_is_reported(tmp_path: Path, as_it_is: frozenset[str], where: str, line: str, part: str) -> None:
    copy = shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / where
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    (found,) = set(violations(copy)) - as_it_is
    assert found.startswith(where)
    assert part in found


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("generation/job.py", "from ..comfy.errors import ComfyError\nfrom ..workflow import graph"),
        ("blender/__init__.py", "import bpy\nfrom ..generation.session import Session\nfrom ..comfy import address"),
        ("comfy/events.py", "import json\nimport requests\nfrom . import errors\nfrom .errors import ComfyError"),
        ("__init__.py", "def f():\n    from .blender import runtime"),
    ],
)
def test_a_right_import_is_not(tmp_path: Path, as_it_is: frozenset[str], where: str, line: str) -> None:
    copy = shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / where).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert set(violations(copy)) == as_it_is
