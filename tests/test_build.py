"""The built zips, the manifest, and the tools that make them."""

import hashlib
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools import extension, pythons, venvs, wheels
from tools.project import ROOT, ToolError

MANIFEST = extension.manifest()
PLATFORMS = MANIFEST["platforms"]
# The Python versions of the Blenders that exist for a platform; Debian builds its own on 3.14.
PYTHONS = {platform: {"cp311", "cp313"} for platform in PLATFORMS} | {"linux-x64": {"cp311", "cp313", "cp314"}}
COMPILED = ("pillow", "pyyaml")


@pytest.fixture(scope="module")
def zips() -> dict[str, Path]:
    found = extension.zips()
    if not all(path.is_file() for path in found.values()):
        pytest.skip("the zips are not built: python3 build_addon.py build")
    return found


def test_manifest_follows_the_rules_for_extensions() -> None:
    assert "blender" not in MANIFEST["name"].lower()
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"]
    assert MANIFEST["blender_version_min"] == "4.2.0"
    assert set(MANIFEST["permissions"]) == {"network", "files"}
    for line in (MANIFEST["tagline"], *MANIFEST["permissions"].values()):
        assert len(line) <= 64
        assert "\n" not in line
        assert not line.endswith(".")


def test_manifest_ships_the_locked_wheels() -> None:
    assert MANIFEST["wheels"] == [f"./wheels/{wheel.file_name}" for wheel in wheels.locked()]


def test_tests_run_with_the_versions_that_are_shipped() -> None:
    shipped = {wheel.requirement.replace("_", "-") for wheel in wheels.locked()}
    assert shipped <= set(venvs.dependency_group("dev"))


def test_lock_names_no_registry() -> None:
    assert "/" not in wheels.LOCK.read_text(encoding="ascii")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_zip_has_what_its_platform_needs(zips: dict[str, Path], platform: str) -> None:
    with zipfile.ZipFile(zips[platform]) as archive:
        names = set(archive.namelist())
        inside = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert {
        "__init__.py",
        "LICENSE",
        "comfy/client.py",
        "workflows/sd_basic.json",
        "workflows/quality_mappings.yaml",
        "generation/sheets/fonts/DejaVuSans.woff2",
    } <= names
    shipped = {name for name in names if name.startswith("wheels/")}
    compiled = {name for name in shipped if "-none-any" not in name}
    per_python = {(project, python) for project in COMPILED for python in PYTHONS[platform]}
    assert {_project_and_python(name) for name in compiled} == per_python
    assert len(shipped - compiled) == 10
    assert inside["build"]["generated"]["platforms"] == [platform]
    assert {f"./{name}" for name in shipped} == set(inside["build"]["generated"]["wheels"])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_zip_holds_wheels_unmodified_and_nothing_left_over(zips: dict[str, Path], platform: str) -> None:
    locked = {f"wheels/{wheel.file_name}": wheel.sha256 for wheel in wheels.locked()}
    with zipfile.ZipFile(zips[platform]) as archive:
        for name in archive.namelist():
            assert not {"__pycache__", "tests", ".git", "bpy"} & set(Path(name).parts)
            if name.startswith("wheels/"):
                assert hashlib.sha256(archive.read(name)).hexdigest() == locked[name]


@pytest.mark.parametrize("blender", venvs.BLENDERS, ids=lambda blender: blender.version)
def test_blender_finds_the_zips_valid(zips: dict[str, Path], blender: venvs.Blender) -> None:
    _need(blender)
    for path in zips.values():
        assert "Success" in extension.validate(blender, path)


def test_validation_objects_to_a_wrong_manifest(tmp_path: Path) -> None:
    blender = next((blender for blender in venvs.BLENDERS if blender.venv.is_ready), venvs.BLENDERS[0])
    _need(blender)
    good = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (tmp_path / "__init__.py").touch()
    (tmp_path / "blender_manifest.toml").write_text(good.replace('ComfyUI server"', 'ComfyUI server."'))
    with pytest.raises(ToolError, match="tagline"):
        extension.validate(blender, tmp_path)


def test_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "wheels.sha256"
    lock.write_text(f"{'0' * 64}  thing-1.0-py3-none-any.whl\n", encoding="ascii")
    monkeypatch.setattr(wheels, "LOCK", lock)
    monkeypatch.setattr(wheels, "FOLDER", tmp_path)
    [wheel] = wheels.locked()

    def download(command: list[object]) -> str:
        wheel.path.write_bytes(b"something else")
        return ""

    monkeypatch.setattr(wheels, "run", download)
    with pytest.raises(ToolError, match="SHA-256"):
        wheels.fetch(Path(sys.executable))


def test_python_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythons.find("3.99") is None


def test_package_imports_without_blender() -> None:
    code = "import sys, blender_comfyui as b; assert callable(b.register); assert 'bpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


BRANCHY = "def f(x):\n    if x:\n        return 1\n    return 2\n"


@pytest.mark.parametrize(("calls", "code"), [("f(0)", 1), ("f(0); f(1)", 0)])
def test_whole_run_fails_with_too_few_branches(tmp_path: Path, calls: str, code: int) -> None:
    (tmp_path / "branchy.py").write_text(BRANCHY)
    (tmp_path / "test_branchy.py").write_text(f"from branchy import f\n\ndef test_f():\n    {calls}\n")
    (tmp_path / "settings").write_text("[run]\nbranch = true\n")
    words = ["--rootdir=.", "-c", os.devnull, "-p", "no:cacheprovider", "--cov=branchy", "--cov-config=settings"]
    words += ["--cov-report=json:report.json", "-p", "tools.branch_coverage", "--branch-coverage-of=report.json"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert f"branch coverage: {'100.0' if code == 0 else '50.0'} %" in done.stdout


def _project_and_python(wheel: str) -> tuple[str, str]:
    project, _, python, *_ = Path(wheel).name.split("-")
    return project, python


def _need(blender: venvs.Blender) -> None:
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
