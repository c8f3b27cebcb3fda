"""Find the Python versions that the venvs need.

A `python3.13` on the PATH may be a version manager's shim that fails when run, so every candidate is run
before it is believed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from . import debian
from .project import ToolError, say

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable); import ensurepip, venv"


@cache
def find(version: str) -> Path | None:
    """The executable of Python `version` ("3.13") with a venv module; None if there is none."""
    without_venv = None
    for command in _candidates(version):
        executable, complete = _probe(command, version)
        if executable and complete:
            return executable
        without_venv = without_venv or executable
    if without_venv and _complete(without_venv, version):
        return without_venv
    say(f"Python {version} is not here" + (f": {without_venv} has no venv module" if without_venv else ""))
    return None


def need(version: str) -> Path:
    """Like `find`, but raises `ToolError` when there is none."""
    found = find(version)
    if found is None:
        raise ToolError(f"Python {version} is needed; install it so that `python{version}` works.")
    return found


def development() -> Path:
    """The Python of the development venv: 3.11, the oldest we support, or else the one that runs this."""
    return find("3.11") or Path(sys.executable)


def _candidates(version: str) -> Iterator[list[str]]:
    yield [sys.executable]
    name = f"python{version}"
    for folder in os.get_exec_path():
        yield [str(Path(folder) / name)]
    if os.name == "nt":
        yield ["py", f"-{version}"]
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    places = [
        (pyenv / "versions", f"{version}*/bin/{name}"),
        (home / ".local/share/uv/python", f"cpython-{version}*/bin/{name}"),
        (Path("/opt"), f"*/bin/{name}"),
        (Path("/opt/python"), f"*/bin/{name}"),
        (Path("/Library/Frameworks/Python.framework/Versions"), f"{version}/bin/{name}"),
    ]
    for place, pattern in places:
        for found in sorted(place.glob(pattern), reverse=True):
            yield [str(found)]


def _probe(command: list[str], version: str) -> tuple[Path | None, bool]:
    """The executable behind `command` if it is Python `version`, and whether it can make venvs."""
    try:
        done = subprocess.run([*command, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None, False
    lines = done.stdout.splitlines()
    if len(lines) < 2 or lines[0] != version:
        return None, False
    return Path(lines[1]), done.returncode == 0


def _complete(executable: Path, version: str) -> bool:
    """Debian leaves the venv module out of its Pythons; try to add it."""
    if not debian.can_install():
        return False
    try:
        debian.apt_install([f"python{version}-venv"])
    except ToolError as error:
        say(str(error))
    return _probe([str(executable)], version)[1]
