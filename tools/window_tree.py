"""A Debian tree with a windowed Blender 5.2, for the tests that need a screen.

No registry offers a Blender with windows, but Debian's unreleased suite has one. As root on Debian a whole
small system with it, an X server and software OpenGL is unpacked into `.build/blender-window` (1.1 GB, a
minute); the tests enter it with chroot. The machine's own system only gets `mmdebstrap` installed.
"""

import shutil

from . import debian
from .project import BUILD, ToolError, run, say, step

TREE = BUILD / "blender-window"
# Why there is no tree, for the tests that are skipped then.
REASON = BUILD / "blender-window.reason"

SUITE = "sid"
PACKAGES = (
    "blender python3-cattr python3-numpy python3-requests python3-zstandard ca-certificates "
    "xvfb xauth x11-utils xdotool openbox imagemagick libegl1 libgl1-mesa-dri libglx-mesa0"
).split()
OPTIONS = (
    "--variant=apt",
    # the release file of a frozen mirror may look out of date
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Check-Date "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
)


def is_ready() -> bool:
    """Whether the tree is whole and made from today's list."""
    return _stamp_text() == _wanted()


def ensure() -> None:
    """Make the tree where that is possible; where it is not, say so and leave the reason for the tests."""
    if is_ready():
        return
    REASON.unlink(missing_ok=True)
    if not debian.can_install():
        _give_up("the windowed Blender is made only as root on Debian")
        return
    try:
        with step(f"a windowed Blender from Debian {SUITE} (about 300 MB)"):
            _make()
    except ToolError as error:
        _give_up(str(error))


def why_missing() -> str:
    """One line for a skipped test."""
    if REASON.is_file():
        return REASON.read_text(encoding="utf-8").splitlines()[0]
    return "no windowed Blender here; python3 build_addon.py test makes one as root on Debian"


def _make() -> None:
    if not shutil.which("mmdebstrap"):
        debian.apt_install(["mmdebstrap"])
    # nothing is ever mounted in here from outside a private namespace, so this removes only the tree
    shutil.rmtree(TREE, ignore_errors=True)
    source = debian.mirror()
    command = ["mmdebstrap", *OPTIONS, f"--include={','.join(PACKAGES)}", SUITE, str(TREE)]
    run([*command, source] if source else command, timeout=900)
    (TREE / "made-from").write_text(_wanted(), encoding="utf-8")


def _give_up(reason: str) -> None:
    say("!" * 60)
    say(f"No window tests: {reason}")
    say("!" * 60)
    BUILD.mkdir(exist_ok=True)
    REASON.write_text(reason, encoding="utf-8")


def _wanted() -> str:
    return "\n".join([SUITE, *PACKAGES, *OPTIONS])


def _stamp_text() -> str:
    stamp = TREE / "made-from"
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
