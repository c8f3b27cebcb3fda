"""A server process ends whenever it is asked to, whatever its main thread is at just then."""

import subprocess
import sys

from tools.project import ROOT

# Each child is asked one step of Python later than the one before, until one has come to the wait unasked.
_ASKED_AT_EVERY_STEP = """
import os, signal, sys
from tests.comfy_server.ending import EndRequest

def wait_asked_at(step):
    left, request = [step], EndRequest()
    def trace(frame, event, argument):
        frame.f_trace_opcodes = True
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace
    def profile(frame, event, argument):
        if event == "c_call" and argument.__name__ == "recv" and left[0] > 0:
            os._exit(3)
    signal.alarm(60)  # kills what would wait forever
    sys.setprofile(profile)
    sys.settrace(trace)
    request.wait()
    os._exit(0)

step = status = 0
while status == 0:
    step += 1
    child = os.fork()
    if not child:
        wait_asked_at(step)
    status = os.waitpid(child, 0)[1]
print(step, os.waitstatus_to_exitcode(status))
"""


def test_it_ends_when_asked_at_any_step() -> None:
    done = subprocess.run([sys.executable, "-c", _ASKED_AT_EVERY_STEP], cwd=ROOT, capture_output=True, text=True)
    steps, code = map(int, done.stdout.split())
    assert code == 3, f"asked at step {steps}, it waits on"
    assert steps > 3
