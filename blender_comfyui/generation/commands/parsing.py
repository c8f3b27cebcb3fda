"""The words of a command line, and their help. Nothing is read from the disk here."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from .exit_codes import MEANINGS, UsageError
from .surroundings import DATA_VARIABLE, LOGINS, SECRET_VARIABLE, SERVER_VARIABLE

_SERVER = f"""\
the server is that of --server, else of {SERVER_VARIABLE} in the environment, else of the extension's
preferences in Blender, else http://127.0.0.1:8188. A login of the preferences is sent to their own server only;
--login takes its secret from {SECRET_VARIABLE}, never from the command line."""
_VERBS = {
    "run": "make pictures with a workflow, or a task at a tier; wait for them, and save them",
    "storyboard": "make the panels of a storyboard: those that are missing, some, or all",
    "queue": "show what runs and waits on the server and here",
    "cancel": "cancel jobs of ours, and nobody else's",
    "history": "list what was made, or tell all about one job",
    "models": "list the server's models",
    "convert": "turn a workflow of ComfyUI's editor into one for the server",
    "check": "tell what keeps a workflow or a task from running on the server; send nothing",
    "server": "tell who the server is, and how it is",
}
VERBS = tuple(_VERBS)

_LONGEST = 1e9  # seconds
_MOST = 1_000_000


class HelpWanted(Exception):
    """Somebody asked for the help, which is this."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process: Blender's is not ours to end."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. Try: {self.prog} --help")

    def print_help(self, file: object = None) -> NoReturn:  # noqa: ARG002
        raise HelpWanted(self.format_help())


def parse(words: Sequence[str], program: str) -> argparse.Namespace:
    """Return what was typed. Raises UsageError and HelpWanted."""
    return _parser(program).parse_args(list(words))


def _parser(program: str) -> _Parser:
    codes = "\n".join(f"  {code:3}  {meaning}" for code, meaning in MEANINGS.items())
    parser = _Parser(
        prog=program,
        description="ComfyUI from the command line.",
        epilog=f"{_SERVER}\n\nexit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    adders: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
        "run": _add_run,
        "storyboard": _add_storyboard,
        "cancel": _add_cancel,
        "history": _add_history,
        "models": _add_models,
        "convert": _add_convert,
        "check": _add_check,
    }
    for name, text in _VERBS.items():
        verb = verbs.add_parser(
            name,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.",
            epilog=_SERVER,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name in adders:
            adders[name](verb)
        _add_common(verb)
    return parser


def _add_common(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("the server, and what is printed")
    group.add_argument("--server", metavar="URL", help=f"the server; else {SERVER_VARIABLE}, else the preferences'")
    group.add_argument("--login", choices=LOGINS, help=f"how to log in; the secret is in {SECRET_VARIABLE}")
    group.add_argument(
        "--data", metavar="FOLDER", type=Path, help=f"the history's folder; else {DATA_VARIABLE}, else Blender's own"
    )
    group.add_argument("--json", action="store_true", help="one JSON object on stdout, in one line")
    group.add_argument("--json-file", metavar="FILE", type=Path, help="write that JSON object into a file")
    group.add_argument("--quiet", "-q", action="store_true", help="no progress")
    group.add_argument("--verbose", "-v", action="store_true", help="the log, on stderr")


def _add_wish(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "workflow",
        nargs="?",
        metavar="WORKFLOW",
        help="a file of ComfyUI's editor or for scripts, a picture or video with a workflow inside, the name of a "
        "bundled workflow, or in Blender of one in the library",
    )
    verb.add_argument("--task", metavar="NAME", help="a task, such as image_generation; WORKFLOW then takes its place")
    verb.add_argument("--tier", metavar="NAME", help="how well: low, standard, high, …")
    verb.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="set a parameter: prompt, seed, steps, … or “node id or title.input”; --set seed=random draws a seed",
    )
    verb.add_argument("--prompt", metavar="TEXT", help="the same as --set prompt=TEXT")
    verb.add_argument(
        "--input",
        metavar="NAME=FILE",
        action="append",
        default=[],
        dest="inputs",
        help="a file to send, for an input: image, mask, or “node id or title.input”",
    )


def _add_waiting(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--output", "-o", metavar="FOLDER", type=Path, help=f"where {what} go")
    verb.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="wait no longer; what was sent goes on")


def _add_run(verb: argparse.ArgumentParser) -> None:
    _add_wish(verb)
    _add_waiting(verb, "the files")
    verb.add_argument("--name", metavar="NAME", default="", help="how the files' names begin")
    verb.add_argument("--unchecked", action="store_true", help="send it, whatever `check` would say")


def _add_storyboard(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a storyboard, JSON or YAML; else the .blend's"
    )
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every panel, also those that are made already")
    which.add_argument("--panel", metavar="ID", action="append", default=[], help="this panel, if it is missing")
    which.add_argument("--again", metavar="ID", action="append", default=[], help="this panel with another seed")
    which.add_argument("--status", action="store_true", help="make nothing; tell how far it is")
    _add_waiting(verb, "the panels")
    verb.add_argument("--sheet", metavar="FILE", type=_sheet, help="write a contact sheet at the end: .png or .pdf")


def _add_cancel(verb: argparse.ArgumentParser) -> None:
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("jobs", nargs="*", default=[], metavar="JOB", help="a job's id, or its beginning")
    which.add_argument("--all", action="store_true", help="all open jobs of ours on this server")


def _add_history(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("job", nargs="?", metavar="JOB", help="tell all about this one; its id, or its beginning")
    verb.add_argument("--search", metavar="TEXT", default="", help="a text in the prompt")
    verb.add_argument("--task", metavar="NAME", default="")
    verb.add_argument("--tier", metavar="NAME", default="")
    verb.add_argument("--state", metavar="STATE", action="append", default=[], help="finished, failed, …")
    verb.add_argument("--limit", metavar="NUMBER", type=_count, default=20, help="so many at most (%(default)s)")
    verb.add_argument("--offset", metavar="NUMBER", type=_count, default=0, help="leave out so many")


def _add_models(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("folder", nargs="?", metavar="FOLDER", help="checkpoints, loras, vae, …; else all")
    verb.add_argument("--search", metavar="TEXT", default="", help="words that are in the name")


def _add_convert(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("workflow", nargs="?", metavar="WORKFLOW", help="as for run; else the .blend's imported one")
    verb.add_argument("--output", "-o", metavar="FILE", type=Path, help="write the result there; else it is printed")
    _add_object_info(verb)


def _add_check(verb: argparse.ArgumentParser) -> None:
    _add_wish(verb)
    _add_object_info(verb)


def _add_object_info(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--object-info",
        metavar="FILE",
        type=Path,
        help="what a server said to /object_info, saved: then no server is needed",
    )


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < _LONGEST:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")


def _sheet(text: str) -> Path:
    if Path(text).suffix.lower() not in (".png", ".pdf"):
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in .png nor in .pdf")
    return Path(text)


def _count(text: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= int(text) <= _MOST:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {_MOST}")
