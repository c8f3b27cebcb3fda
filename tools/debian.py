"""What the tools can only do as root on Debian: install system packages."""

import os
import re
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from .project import run, step

# What the bpy wheels link to and a bare Debian lacks.
BPY_LIBRARIES = (
    "libgl1 libgomp1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1 libxxf86vm1"
).split()

_apt = threading.Lock()  # a second apt-get at a time fails


def can_install() -> bool:
    """Whether this is Debian, and we are root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and _is_debian() and bool(shutil.which("apt-get"))


def apt_install(packages: Iterable[str]) -> None:
    """Install Debian packages; raises `ToolError` if apt cannot."""
    names = sorted(packages)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _apt, step(f"apt-get install {' '.join(names)}"):
        run(["apt-get", "update", "-q"], env=env)
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *names], env=env)


def apt_command(packages: Iterable[str]) -> str:
    """The command line a person would type for it."""
    return f"sudo apt-get install {' '.join(sorted(packages))}"


def mirror() -> str | None:
    """The archive this machine's own Debian comes from, None where apt does not name one."""
    sources = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]
    for source in sources:
        if source.is_file():
            found = re.search(r"^(?:URIs:|deb(?:\s+\[.*?\])?)\s+(\S+)", source.read_text(), re.MULTILINE)
            if found:
                return found[1]
    return None


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    return release.is_file() and bool(re.search(r'^ID="?debian"?$', release.read_text(), re.MULTILINE))
