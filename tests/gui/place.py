"""Where a windowed Blender and its screen can run: in the Debian tree of the tools, or on this machine itself."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import window_tree
from tools.project import BUILD

PROGRAMS = ("Xvfb", "openbox", "xdotool", "import")

# The tree gets its mounts in a private namespace: they end with the program, whatever ends the program.
ENTER = (
    'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/dev/shm" '
    '&& exec chroot "$0" "$@"'
)


@dataclass(frozen=True)
class Place:
    """A root folder ("/" is this machine) and how to start a program in it."""

    root: Path

    @property
    def is_host(self) -> bool:
        return self.root == Path("/")

    def start(
        self, words: Sequence[str], env: Mapping[str, str], log: Path, *, pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a program that runs on; its output is appended to `log`."""
        if not self.is_host:
            words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, str(self.root), *words]
        with log.open("ab") as output:
            return subprocess.Popen(
                words,
                env=dict(env),
                pass_fds=pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def call(self, words: Sequence[str], env: Mapping[str, str], *, timeout: float = 60) -> str:
        """Run a short program and return its output; it sees no /proc."""
        if not self.is_host:
            words = ["chroot", str(self.root), *words]
        done = subprocess.run(words, env=dict(env), capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def new_folder(self) -> Path:
        """A fresh folder that this process and the programs in the place can both reach."""
        parent = BUILD / "gui" if self.is_host else self.root / "var/tmp"
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="gui-", dir=parent))

    def inside(self, path: Path) -> str:
        """How the programs in the place name one of our paths."""
        return str(path) if self.is_host else "/" + path.relative_to(self.root).as_posix()

    def outside(self, path: str) -> Path:
        """Where we find a path that a program in the place names."""
        return self.root / path.lstrip("/")


def find() -> Place | str:
    """A place for windowed tests, or one line that says why there is none."""
    if window_tree.is_ready() and os.geteuid() == 0:
        return Place(window_tree.TREE)
    missing = [program for program in ("blender", *PROGRAMS) if not shutil.which(program)]
    if missing:
        return f"{window_tree.why_missing()}; and on the PATH there is no {', '.join(missing)}"
    said = subprocess.run(["blender", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"Blender (\d+)\.(\d+)", said)
    if not version or (int(version[1]), int(version[2])) < (4, 2):
        return f"the blender on the PATH is no Blender 4.2 or newer: {said.splitlines()[:1]}"
    return Place(Path("/"))
