"""The wheels that the extension ships: downloaded by pip, believed only with the hash that is committed.

`wheels.sha256` has one line a wheel, as `sha256sum` writes it; a wheel's file name says what to ask pip for.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .project import BUILD, ToolError, run, step

LOCK = Path(__file__).with_name("wheels.sha256")
FOLDER = BUILD / "wheels"


@dataclass(frozen=True)
class Wheel:
    """One locked wheel."""

    file_name: str
    sha256: str

    @property
    def path(self) -> Path:
        return FOLDER / self.file_name

    @property
    def requirement(self) -> str:
        name, version, *_ = self.file_name.split("-")
        return f"{name}=={version}"

    @property
    def tags(self) -> tuple[str, str, str]:
        """(The last) Python, ABI and (the first) platform tag."""
        python, abi, platform = self.file_name.removesuffix(".whl").split("-")[-3:]
        return python.split(".")[-1], abi, platform.split(".")[0]

    @property
    def is_good(self) -> bool:
        return self.path.is_file() and hashlib.sha256(self.path.read_bytes()).hexdigest() == self.sha256


def locked() -> tuple[Wheel, ...]:
    """All wheels of the lock file."""
    lines = LOCK.read_text(encoding="ascii").splitlines()
    pairs = (line.split() for line in lines if line.strip())
    return tuple(Wheel(name, digest) for digest, name in pairs)


def fetch(python: Path) -> tuple[Wheel, ...]:
    """Have every locked wheel in `.build/wheels`; `python` is one with pip.

    Raises `ToolError` when a wheel cannot be had or its hash is not the locked one.
    """
    wheels = locked()
    missing = [wheel for wheel in wheels if not wheel.is_good]
    if missing:
        with step(f"{len(missing)} wheels for the extension"):
            _download(python, missing)
    for wheel in wheels:
        if not wheel.is_good:
            raise ToolError(f"{wheel.path} is missing or its SHA-256 is not the one in {LOCK.name}.")
    return wheels


def _download(python: Path, wheels: Iterable[Wheel]) -> None:
    """Ask pip once for each combination of tags."""
    alike = defaultdict(list)
    for wheel in wheels:
        wheel.path.unlink(missing_ok=True)
        alike[wheel.tags].append(wheel.requirement)
    for (version, abi, platform), requirements in alike.items():
        command: list[str | Path] = [python, "-m", "pip", "download", "-q", "--no-deps", "-d", FOLDER]
        command += ["--only-binary", ":all:", "--platform", platform, "--abi", abi]
        command += ["--implementation", version[:2]]
        # pip wants a full version for "py3" too; every wheel of ours runs from 3.11 on
        command += ["--python-version", version[2:] if len(version) > 3 else "311"]
        run([*command, *requirements])
