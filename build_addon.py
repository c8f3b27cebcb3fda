#!/usr/bin/env python3
"""Build, check, try and measure the extension. Needs Python 3.11 or newer and nothing else.

    python3 build_addon.py build            zips for every platform in dist/
    python3 build_addon.py validate         the same, then Blender's own validation of each
    python3 build_addon.py demo             a picture by a headless Blender in out/demo/; COMFYUI_URL names
                                            the server, without it the tests' stand-in is used
    python3 build_addon.py test [-- ARGS]   every test, in every Blender; ARGS go to pytest
                                            (as in `test -- tests/comfy -k address`)
    python3 build_addon.py bench            figures about speed

What a command needs it installs into .build/, once; results are in dist/ and out/.
"""

import argparse
import sys
from collections.abc import Sequence

if sys.version_info < (3, 11):
    sys.exit("build_addon.py needs Python 3.11 or newer.")

from tools import bench, demo, extension, suite, venvs
from tools.project import ROOT, ToolError, say


def build() -> int:
    """Make the zips."""
    [blender] = venvs.ensure_blenders([venvs.preferred_blender()])
    extension.build(blender)
    return 0


def validate() -> int:
    """Make the zips and let Blender check each of them."""
    [blender] = venvs.ensure_blenders([venvs.preferred_blender()])
    for path in extension.build(blender):
        extension.validate(blender, path)
        say(f"{path.relative_to(ROOT)} is valid for Blender {blender.version}")
    return 0


COMMANDS = {"build": build, "validate": validate, "demo": demo.run_demo, "bench": bench.run_bench}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[*COMMANDS, "test"])
    own, for_pytest = _split(arguments)
    command = parser.parse_args(own).command
    try:
        return suite.run_tests(for_pytest) if command == "test" else COMMANDS[command]()
    except ToolError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and those after `--`."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
