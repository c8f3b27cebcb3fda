"""Build and validate the extension with Blender's own packaging code, which runs without Blender."""

import os
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from . import venvs, wheels
from .project import BUILD, DIST, ROOT, ToolError, run, say, step

STAGE = BUILD / "stage" / "blender_comfyui"
PLATFORMS = {"win32": "windows", "darwin": "macos", "linux": "linux"}


def manifest() -> dict[str, Any]:
    """blender_manifest.toml as it stands in the repository."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


def zips() -> dict[str, Path]:
    """Where the zip of each platform is, or will be."""
    facts = manifest()
    stem = f"{facts['id']}-{facts['version']}"
    return {platform: DIST / f"{stem}-{platform.replace('-', '_')}.zip" for platform in facts["platforms"]}


def zip_for_this_machine() -> Path:
    """The zip that a Blender on this machine installs; raises `ToolError` where we build none."""
    import platform

    machine = {"amd64": "x64", "x86_64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), "arm64")
    name = f"{PLATFORMS.get(sys.platform, sys.platform)}-{machine}"
    if name not in zips():
        raise ToolError(f"The extension is not built for {name}, only for {', '.join(zips())}.")
    return zips()[name]


def build(blender: venvs.Blender) -> list[Path]:
    """Make one zip a platform in `dist/` and return their paths."""
    shipped = wheels.fetch(blender.venv.python)
    with step(f"building with Blender {blender.version}'s packaging code"):
        _stage(shipped)
        DIST.mkdir(exist_ok=True)
        for old in set(DIST.glob("*.zip")) - set(zips().values()):
            old.unlink()
        _extension_cli(blender, "build", "--split-platforms", "--source-dir", STAGE, "--output-dir", DIST)
    made = list(zips().values())
    for path in made:
        say(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.2f} MB")
    return made


def validate(blender: venvs.Blender, path: Path) -> str:
    """Blender's own check of a zip or a folder; returns what it said, raises `ToolError` if it objects."""
    return _extension_cli(blender, "validate", path)


def _extension_cli(blender: venvs.Blender, command: str, *arguments: str | Path) -> str:
    cli: list[str | Path] = [blender.venv.python, "-I", blender.extension_cli, command]
    output = run([*cli, *arguments, "--valid-tags", blender.extension_tags])
    # the command line leaves with 0 after some of its complaints
    if "error" in output.lower():
        raise ToolError(f"Blender's extension {command} objects:\n{output}")
    return output


def _stage(shipped: tuple[wheels.Wheel, ...]) -> None:
    """Lay out the extension as it will stand in the zip."""
    shutil.rmtree(STAGE, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(ROOT / "blender_comfyui", STAGE, ignore=ignored)
    shutil.copytree(ROOT / "workflows", STAGE / "workflows", ignore=ignored)
    for name in ("blender_manifest.toml", "LICENSE"):
        shutil.copy2(ROOT / name, STAGE)
    (STAGE / "wheels").mkdir()
    for wheel in shipped:
        _link(wheel.path, STAGE / "wheels" / wheel.file_name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
