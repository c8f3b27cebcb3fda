"""The virtual environments in `.build/`: one for development, one for each Blender version.

Each is stamped with a hash of what was installed: a second run costs nothing, a changed list makes it anew.
"""

import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import debian, pythons
from .project import BUILD, ROOT, ToolError, run, say, step


@dataclass(frozen=True)
class Venv:
    """A virtual environment in `.build/` and the requirements that belong into it."""

    name: str
    requirements: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def is_ready(self) -> bool:
        return self.python.exists() and _stamp_matches(self.folder, self.requirements)


@dataclass(frozen=True)
class Blender:
    """One Blender as a Python module, from the package index."""

    version: str
    python: str
    numpy: str

    @property
    def series(self) -> str:
        return self.version.rpartition(".")[0]

    @property
    def venv(self) -> Venv:
        requirements = (f"bpy=={self.version}", f"numpy=={self.numpy}", *dependency_group("blender"))
        return Venv(f"venv-bpy-{self.version}", requirements)

    @property
    def extension_cli(self) -> Path:
        """Blender's own `extension build|validate`, as it runs without Blender."""
        return self._scripts / "addons_core/bl_pkg/cli/blender_ext.py"

    @property
    def extension_tags(self) -> Path:
        """The list of tags that Blender allows in a manifest."""
        return self._scripts / "modules/_bpy_internal/extensions/tags.py"

    @property
    def _scripts(self) -> Path:
        packages = "Lib/site-packages" if os.name == "nt" else f"lib/python{self.python}/site-packages"
        return self.venv.folder / packages / "bpy" / self.series / "scripts"


# numpy as each Blender ships it: bpy 4.2 breaks with numpy 2.
BLENDERS = (
    Blender("4.2.23", "3.11", "1.26.4"),
    Blender("4.5.15", "3.11", "1.26.4"),
    Blender("5.0.1", "3.11", "1.26.4"),
    Blender("5.2.3", "3.13", "2.4.6"),
)
LONG_TERM = ("4.2", "4.5", "5.2")


def dependency_group(name: str) -> tuple[str, ...]:
    """The pinned requirements of one of pyproject.toml's dependency groups."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return tuple(groups[name])


def development() -> Venv:
    """The venv that tests, linters and the stand-in server run in (it may have to be made yet)."""
    return Venv("venv-dev", dependency_group("dev"))


def ensure_development() -> Venv:
    """Make the development venv where it is not current."""
    venv = development()
    if not venv.is_ready:
        with step(f"development venv, {len(venv.requirements)} packages"):
            _make(venv, pythons.development())
    return venv


def old_libraries() -> Path:
    """Where the libraries of older Blenders are installed, to be put before the development venv's own."""
    return BUILD / "old-libraries"


def ensure_old_libraries() -> None:
    """Install them where they are not current."""
    requirements = dependency_group("old-libraries")
    folder = old_libraries()
    if _stamp_matches(folder, requirements):
        return
    with step("libraries as older Blenders bring them"):
        shutil.rmtree(folder, ignore_errors=True)
        run([development().python, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *requirements])
        _write_stamp(folder, requirements)


def preferred_blender() -> Blender:
    """The newest long-term Blender that this machine's Pythons can run; raises `ToolError` if there is none."""
    for blender in reversed(BLENDERS):
        if blender.series in LONG_TERM and pythons.find(blender.python):
            return blender
    raise ToolError("Blender as a module needs Python 3.13 or 3.11; install one of them.")


def ensure_blenders(blenders: Sequence[Blender]) -> list[Blender]:
    """Make the venvs of these Blenders, two at a time; returns those that this machine can run."""
    usable = [blender for blender in blenders if pythons.find(blender.python)]
    for blender in set(blenders) - set(usable):
        say(f"Blender {blender.version} is left out: it needs Python {blender.python}")
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(_install_blender, [blender for blender in usable if not blender.venv.is_ready]))
    for blender in usable:
        _ensure_loads(blender)
    return usable


def _install_blender(blender: Blender) -> None:
    with step(f"Blender {blender.version} (bpy on Python {blender.python}, about 350 MB)"):
        _make(blender.venv, pythons.need(blender.python))


def _ensure_loads(blender: Blender) -> None:
    """Import bpy once after it was installed; system libraries may have to be added for it."""
    mark = blender.venv.folder / "loads"
    if mark.exists():
        return
    try:
        _import_bpy(blender)
    except ToolError as error:
        if not debian.can_install():
            hint = f"On Debian: {debian.apt_command(debian.BPY_LIBRARIES)}"
            raise ToolError(f"Blender {blender.version} does not load. {hint}\n{error}") from error
        debian.apt_install(debian.BPY_LIBRARIES)
        _import_bpy(blender)
    mark.touch()


def _import_bpy(blender: Blender) -> None:
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        env = {**os.environ, "BLENDER_USER_RESOURCES": folder}
        run([blender.venv.python, "-c", "import bpy; print(bpy.app.version_string)"], env=env, timeout=300)


def _make(venv: Venv, python: Path) -> None:
    run([python, "-m", "venv", "--clear", venv.folder])
    run([venv.python, "-m", "pip", "install", "-q", *venv.requirements])
    _write_stamp(venv.folder, venv.requirements)


def _digest(requirements: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(requirements).encode()).hexdigest()


def _stamp(folder: Path) -> Path:
    return folder / "requirements.sha256"


def _write_stamp(folder: Path, requirements: Sequence[str]) -> None:
    _stamp(folder).write_text(_digest(requirements), encoding="ascii")


def _stamp_matches(folder: Path, requirements: Sequence[str]) -> bool:
    stamp = _stamp(folder)
    return stamp.is_file() and stamp.read_text(encoding="ascii") == _digest(requirements)
