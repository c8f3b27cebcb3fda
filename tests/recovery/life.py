"""One life of Blender, run inside it: it recovers, reports, works, and dies where its plan says. No pytest here.

Started as a program by the test, with the plan as JSON. Each line that begins with @@ is for the test; Blender goes
on when a line comes back.
"""

import dataclasses
import functools
import importlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import bpy

from tests.recovery.moments import POINTS, Moment

PATIENCE = 120  # seconds
PLAN = json.loads(sys.argv[1])
MOMENT = Moment(**PLAN["moment"]) if PLAN["moment"] else None
PACKAGE = "bl_ext.user_default.blender_comfyui"


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def say(what, **more):
    print("@@" + json.dumps({"what": what, **more}), flush=True)


def ask(what, **more):
    say(what, **more)
    sys.stdin.readline()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


# Where it dies


def counts(rule, arguments, options):
    """Whether a call of a point is one of those that count."""
    values = [*arguments, *options.values()]
    if not rule:
        return True
    if "=" in rule:
        name, _, value = rule.partition("=")
        return str(options.get(name)) == value
    kind, _, state = rule.partition(":")
    if any(type(value).__name__ == kind for value in values):
        return not state or any(str(getattr(value, "state", "")) == state for value in values)
    return options.get(rule) is not None or rule in map(str, values)


def deadly(function, moment, rule):
    """The function, and death at the moment."""
    calls = itertools.count(1)

    @functools.wraps(function)
    def call(*arguments, **options):
        is_it = counts(rule, arguments, options) and next(calls) == moment.count
        if is_it and moment.chunk:
            die_at_chunk(moment.chunk)
        elif is_it and moment.when in ("before", "during"):
            die()
        value = function(*arguments, **options)
        if is_it and not moment.chunk:
            die()
        return value

    return call


def die_at_chunk(last):
    """Die when that many chunks of what this thread fetches next are written."""
    transport, thread = module("comfy.transport").Transport, threading.current_thread()
    real = transport._chunks

    def chunks(*arguments):
        for number, chunk in enumerate(real(*arguments), 1):
            yield chunk
            if threading.current_thread() is thread and number == last:
                die()

    transport._chunks = chunks


def arm(moment):
    """Put the deadly function wherever the real one is used."""
    where, name, rule = POINTS[moment.point]
    home = sys.modules[__name__] if where == "life" else module(where)
    owner, _, attribute = name.rpartition(".")
    if owner:
        kind = getattr(home, owner)
        setattr(kind, attribute, deadly(getattr(kind, attribute), moment, rule))
        return
    real = getattr(home, attribute)
    replaced = deadly(real, moment, rule)
    for known in [home, *(m for key, m in list(sys.modules.items()) if key.startswith(PACKAGE))]:
        if getattr(known, attribute, None) is real:
            setattr(known, attribute, replaced)


# What it does


def tick_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        module("blender.delivery").tick()
        time.sleep(0.002)
    return True


def jobs():
    return list(module("blender.runtime").jobs)


def records():
    history = module("generation.history").History(Path(bpy.utils.extension_path_user(PACKAGE, path="session")))
    try:
        return history.find(size=1000).records
    finally:
        history.close()


def offered():
    """What the panel offers to place: lost with a file, or of a file that was never saved."""
    found = []
    placements, elsewhere = module("blender.placements"), module("blender.elsewhere")
    blend_file = module("blender.blend_file")
    for entry in jobs():
        if not entry.is_running and blend_file.is_open(entry.target):
            found += [f"{entry.id}/{result.number}" for result in placements.missing(entry)]
    for group in elsewhere.groups():
        for entry in group.entries:
            found += [f"{entry.id}/{result.number}" for result in elsewhere.ready_results(entry)]
    return found


def made():
    """The images and strips of the file, by job and number of what they were made of."""
    strips = [
        strip
        for scene in bpy.data.scenes
        if scene.sequence_editor
        for strip in module("blender.compat").strips(scene.sequence_editor)
    ]
    recipes = [json.loads(block["comfyui"]) for block in [*bpy.data.images, *strips] if block.get("comfyui")]
    return dict(Counter(f"{recipe['prompt_id']}/{recipe['number']}" for recipe in recipes))


def report():
    lines = Counter(line.name for scene in bpy.data.scenes for line in scene.comfyui.results)
    return {
        "lines": dict(lines),
        "made": made(),
        "offered": offered(),
        "problems": [entry.problem for entry in jobs() if entry.problem and not entry.is_elsewhere],
    }


def is_recovered():
    """Every job has ended, and every file of it is placed, or offered."""
    now = records()
    if any(not record.state.is_terminal for record in now) or any(entry.is_running for entry in jobs()):
        return False
    there = {*report()["lines"], *offered()}
    return all(f"{record.id}/{file.number}" in there for record in now for file in record.files)


def place_what_is_offered():
    for entry in jobs():
        if not entry.is_running and module("blender.placements").missing(entry):
            bpy.ops.comfyui.place_again(job_id=entry.id)
    for group in module("blender.elsewhere").groups():
        bpy.ops.comfyui.place_here(blend=group.key)
    return tick_until(lambda: not offered() and not module("blender.runtime").jobs.to_place)


def are_kept():
    return all(str(file.placement) == "kept" for record in records() for file in record.files)


def save():
    bpy.ops.wm.save_mainfile()


def begin():
    """Blender's start, with the extension as it was installed, and the file that the person opens."""
    if PLAN["zip"]:
        bpy.ops.extensions.package_install_files(filepath=PLAN["zip"], repo="user_default", enable_on_install=True)
        bpy.context.preferences.addons[PACKAGE].preferences.host = PLAN["host"]
        bpy.ops.wm.save_userpref()
        bpy.ops.wm.save_as_mainfile(filepath=PLAN["blend"])
        leave()
    read_preferences()
    job_list = module("blender.job_list")
    take = job_list.JobList.take

    def tell(self, event):
        take(self, event)
        if type(event).__name__ == "Returned":
            say("returned")

    job_list.JobList.take = tell


def read_preferences():
    if bpy.app.version >= (4, 3, 0):
        bpy.ops.wm.read_userpref()
        return
    import addon_utils  # there only once bpy is; and reading them crashes bpy 4.2

    addon_utils.enable(PACKAGE, default_set=True)
    bpy.context.preferences.addons[PACKAGE].preferences.host = PLAN["host"]


def click(number):
    chosen = bpy.context.scene.comfyui
    chosen.prompt, chosen.batch_size = f"job {PLAN['number']}.{number}", MOMENT.batch if MOMENT else 1
    chosen.steps, chosen.checkpoint = 10, "random_sd15.safetensors"
    chosen.width = chosen.height = 1536 if MOMENT and MOMENT.chunk else 256  # 1536: some chunks of 64 KB
    chosen.sink = "SEQUENCER" if MOMENT and MOMENT.strip else "IMAGE_EDITOR"
    return module("blender.operators.generate").start(bpy.context).id


def work():
    if MOMENT and MOMENT.unnamed:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    ids = []
    for number in range(MOMENT.jobs if MOMENT else 0):
        ids.append(click(number))
        say("clicked", id=ids[-1])
    if MOMENT and MOMENT.action:
        runtime = module("blender.runtime")
        tick_until(lambda: len(runtime.held_jobs()) == len(ids) - 1)
        if MOMENT.action == "pause":
            bpy.ops.comfyui.pause_queue(pause=True)
        else:
            bpy.ops.comfyui.run_next(job_id=ids[-1])
    if tick_until(is_recovered) and bpy.data.filepath:
        save()
        tick_until(are_kept)


def leave():
    sys.stdout.flush()
    os._exit(0)  # bpy 4.2 crashes when Python ends


def main():
    begin()
    if MOMENT and MOMENT.stage == "recover":
        arm(MOMENT)
    bpy.ops.wm.open_mainfile(filepath=PLAN["blend"])
    tick_until(is_recovered)
    ask("recovered", **report())
    place_what_is_offered()
    save()
    tick_until(are_kept)
    ask("placed", **report())
    if MOMENT and MOMENT.stage == "work":
        if not MOMENT.is_in_post:
            arm(MOMENT)
        work()
    say("survived", moment=dataclasses.asdict(MOMENT) if MOMENT else None)
    leave()


main()
