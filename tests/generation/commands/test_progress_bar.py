"""A bar for people on a terminal, plain lines where nobody watches."""

from __future__ import annotations

import io
import os
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.commands.progress_bar import ProgressBar, Standing, columns, duration, line

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Log(io.StringIO):
    encoding = "ascii"


def test_a_line():
    said = line("a red fox", Standing(0.5, "running", "KSampler", 83.0), 100)
    assert said == "a red fox  ████████████░░░░░░░░░░░░  50%  running  KSampler  1:23 left"
    assert "####" in line("a red fox", Standing(0.5, "running"), 100, fine=False)
    assert line("a red fox", Standing(0.5, "running"), 100, fine=False).isascii()


@given(
    st.text(max_size=200), st.floats(0, 1), st.text(max_size=100), st.text(max_size=300), st.integers(20, 200),
    st.none() | st.floats(0, 1e6),
)  # fmt: skip
def test_a_line_always_fits_and_moves_no_cursor(label, fraction, state, detail, width, left):
    terminal = Terminal()
    bar = ProgressBar(terminal, label)
    bar._write(line(bar._label, Standing(fraction, "running", detail, left), width))
    said = terminal.getvalue()
    assert columns(said) <= width
    assert not CONTROL.search(said)
    assert "\n" not in said


def test_it_is_drawn_anew_on_a_terminal_but_not_too_often():
    terminal, now = Terminal(), [0.0]
    bar = ProgressBar(terminal, "fox", clock=lambda: now[0])
    for step in range(11):
        now[0] = step / 16
        bar.show(Standing(step / 10, "running"))
    bar.end(Standing(1.0, "finished"))
    drawn = terminal.getvalue().split("\r")[1:]
    assert len(drawn) == 7  # each second one, and the end
    assert all(each.endswith("\x1b[K") for each in drawn[:-1])
    assert drawn[-1].endswith("finished\x1b[K\n")


def test_where_nobody_watches_news_are_lines():
    log = Log()
    bar = ProgressBar(log, "Fuchs im Schnee – 狐")
    for step in range(101):
        bar.show(Standing(step / 100, "running" if step else "queued", f"step {step}"))
    bar.end(Standing(1.0, "finished"))
    lines = log.getvalue().splitlines()
    assert lines[0] == "Fuchs im Schnee ? ?: queued: step 0"
    assert [text for text in lines if "finished" in text] == ["Fuchs im Schnee ? ?: finished"]
    assert 4 <= len(lines) <= 8
    assert "\r" not in log.getvalue()
    assert "\x1b" not in log.getvalue()


@pytest.mark.parametrize("stream", [Terminal, Log])
def test_quiet_is_quiet(stream):
    said = stream()
    bar = ProgressBar(said, "fox", is_quiet=True)
    bar.show(Standing(0.5, "running"))
    bar.end(Standing(1.0, "finished"))
    assert said.getvalue() == ""


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    ProgressBar(terminal, "fox").show(Standing(0.5, "running"))
    assert terminal.getvalue() == "fox: running 50%\n"


def test_durations():
    assert [duration(seconds) for seconds in (0, 7.4, 754, 11045)] == ["0:00", "0:07", "12:34", "3:04:05"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_bar_in_a_terminal_and_lines_in_a_pipe(at_server, begin, workflow):
    """The results are the only thing on stdout, where the bar is not."""
    terminal, inside = os.openpty()
    at_server.environment["TERM"] = "xterm-256color"
    running = begin("run", workflow, "--prompt", "a fox", stderr=inside)
    os.close(inside)
    said = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux tells of the end
            break
        if not part:
            break
        said += part
    os.close(terminal)
    done = running.end()
    assert done.code == 0
    assert done.out.endswith(".png\n")
    text = said.decode()
    assert "█" in text
    assert "\r" in text
    assert "finished" in text.rpartition("\r")[2] or "finished" in text.split("\r")[-2]
    at_server.environment.pop("TERM")
    plain = begin("run", workflow, "--prompt", "a hare").end()
    assert "\r" not in plain.err
    assert "a hare: finished\n" in plain.err
