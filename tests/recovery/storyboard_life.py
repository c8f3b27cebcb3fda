"""One life of a Blender that runs a storyboard, and dies where its plan says. No pytest here.

Started as a program by the test, with the plan as JSON. Each line that begins with @@ is for the test.
"""

import importlib
import itertools
import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import bpy

from tests.blender.storyboards import FPS, placed, strips

PATIENCE = 120  # seconds
PLAN = json.loads(sys.argv[1])
PACKAGE = "bl_ext.user_default.blender_comfyui"
warnings.simplefilter("ignore", DeprecationWarning)


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def say(what, **more):
    print("@@" + json.dumps({"what": what, **more}), flush=True)


def die_at(name, function, count):
    """Have this function, of this module, be the end: its `count`-th call for "before", its return for "after"."""
    home = module(name)
    owner, _, attribute = function.rpartition(".")
    place = getattr(home, owner) if owner else home
    real, calls = getattr(place, attribute), itertools.count(1)

    def call(*arguments, **options):
        is_it = next(calls) == count
        if is_it and PLAN["when"] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        value = real(*arguments, **options)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(place, attribute, call)


def tick_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        module("blender.delivery").tick()
        time.sleep(0.002)
    return True


def progress():
    return module("blender.storyboard.running").look(bpy.context.scene)


def install():
    bpy.ops.extensions.package_install_files(filepath=PLAN["zip"], repo="user_default", enable_on_install=True)
    set_host()
    bpy.ops.wm.save_userpref()
    bpy.context.scene.render.fps = FPS
    bpy.ops.comfyui.storyboard_load(filepath=PLAN["storyboard"])
    bpy.ops.wm.save_as_mainfile(filepath=PLAN["blend"])


def set_host():
    bpy.context.preferences.addons[PACKAGE].preferences.host = PLAN["host"]


def start():
    """Blender's start, and the file that the person opens."""
    if bpy.app.version >= (4, 3, 0):
        bpy.ops.wm.read_userpref()
    else:
        import addon_utils  # there only once bpy is; and reading them crashes bpy 4.2

        addon_utils.enable(PACKAGE, default_set=True)
        set_host()
    bpy.ops.wm.open_mainfile(filepath=PLAN["blend"])


def save_at(count):
    """Save the file when so many strips are placed, as a person would now and then."""
    if count:
        tick_until(lambda: len(placed()) >= count)
        bpy.ops.wm.save_mainfile()


def run_to_death():
    point = PLAN["point"]
    die_at(point[0], point[1], PLAN["count"])
    bpy.ops.comfyui.storyboard_run(which="MISSING")
    save_at(PLAN["save_at"])
    tick_until(lambda: False)
    say("survived")


def resume():
    """What is still to come comes by itself; what went with the file is placed with a click."""
    tick_until(lambda: progress() and progress().is_known)
    tick_until(lambda: not progress().is_running)
    tick_until(lambda: not module("blender.runtime").jobs.to_place)
    say("by itself", states=[str(panel.state) for panel in progress().panels])
    bpy.ops.comfyui.storyboard_run(which="MISSING")
    tick_until(lambda: len(placed()) == 60 and progress().done == 60 and not progress().is_running)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=PLAN["blend"])
    tick_until(lambda: progress() and progress().is_known)
    names = {Path(strip.directory, strip.elements[0].filename).name for strip in strips()}
    say("resumed", placed=placed(), files=len(names), failures=len(progress().failures))


def main():
    match PLAN["act"]:
        case "install":
            install()
        case "run":
            start()
            run_to_death()
        case "resume":
            start()
            resume()
    sys.stdout.flush()
    os._exit(0)  # bpy 4.2 crashes when Python ends


main()
