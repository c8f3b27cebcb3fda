"""The queue with other people's prompts in it, and a job whose file, undo step or extension goes away meanwhile."""

import json
import urllib.request
from pathlib import Path

from tests.graphs import txt2img
from tests.gui.studio import Studio

SIZE = (1000, 900)
PROMPTS = ("A red fox in the snow", "Moonlight over a violet desert", "Deep blue ocean", "Green hills in spring")


def prepare(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    studio.set(prompt=PROMPTS[0], steps=12, seed_mode="FIXED", seed="7")
    studio.window.settle()


def save(studio: Studio, name: str) -> Path:
    path = studio.window.folder / name
    studio.window.run(f"bpy.ops.wm.save_as_mainfile(filepath={studio.window.place.inside(path)!r})")
    return path


def open_file(studio: Studio, path: Path) -> None:
    studio.window.run(f"bpy.ops.wm.open_mainfile(filepath={studio.window.place.inside(path)!r})")
    studio.window.settle()


def post_foreign(url: str) -> None:
    data = json.dumps({"prompt": txt2img(steps=12, size=256)}).encode()
    request = urllib.request.Request(f"{url}/prompt", data=data, headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def test_queue_with_a_foreign_prompt(studio: Studio) -> None:
    window, server = studio.window, studio.server
    prepare(studio)
    server.hold()
    post_foreign(server.url)
    server.wait_held()
    for number, prompt in enumerate(PROMPTS, 1):
        studio.set(prompt=prompt)
        studio.press("VIEW_3D", "comfyui.generate")
        window.wait_until(f"len(entries()) == {number}")
    window.wait_until("entries()[0].job.foreign_before == 1 and len(module('runtime').held_jobs()) == 3")
    studio.let_draw()
    studio.panel("foreign", "VIEW_3D")

    window.run("bpy.ops.comfyui.run_next(job_id=newest().id)")
    window.wait_until("module('runtime').held_jobs()[0] is newest()")
    studio.let_draw()
    studio.panel("hurried", "VIEW_3D")

    server.release()
    window.wait_until("all(entry.is_settled and entry.placed for entry in entries())")
    assert len(server.executions) == 5


def test_a_batch_in_parts(studio: Studio) -> None:
    window, server = studio.window, studio.server
    prepare(studio)
    server.vram_batch_limit = 2
    studio.set(batch_size=8)
    server.hold()
    studio.generate("VIEW_3D")
    while not window.run("newest().job.note"):
        server.wait_held()
        server.step()
        studio.let_draw()
    studio.panel("runs-in-parts", "VIEW_3D")

    server.release()
    studio.wait_for_result()

    studio.panel("ran-in-parts", "VIEW_3D")
    assert window.run("len(ours())") == 8


def test_another_file_is_opened_meanwhile(studio: Studio) -> None:
    window = studio.window
    other = save(studio, "other.blend")
    scene = save(studio, "scene.blend")
    prepare(studio)
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.4)

    open_file(studio, other)
    studio.server.release()
    window.wait_until("newest().is_elsewhere")
    studio.open_panel("VIEW_3D")
    studio.panel("for-another-file", "VIEW_3D")
    assert window.run("ours()") == []

    open_file(studio, scene)
    window.wait_until("len(ours()) == 1")
    open_file(studio, other)
    studio.let_draw()
    assert window.run("ours()") == []


def test_undone_meanwhile(studio: Studio) -> None:
    window = studio.window
    save(studio, "undone.blend")
    prepare(studio)
    window.run("bpy.data.objects['Cube'].location.x = 1; bpy.ops.ed.undo_push(message='Moved')")
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.4)
    window.screen.move(*window.region("VIEW_3D").centre)

    window.key("ctrl+z", "ctrl+z")
    window.wait_until("bpy.data.objects['Cube'].location.x == 0")
    studio.server.release()

    window.wait_until("len(ours()) == 1")
    window.key("ctrl+z")
    window.wait_until("not ours()")
    window.key("ctrl+shift+z")
    window.wait_until("len(ours()) == 1")
    assert list(studio.server.executions.values()) == [1]


def test_disabled_meanwhile(studio: Studio) -> None:
    window = studio.window
    save(studio, "disabled.blend")
    prepare(studio)
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.4)

    window.run("bpy.ops.preferences.addon_disable(module=PACKAGE)")
    window.settle(10)
    studio.server.release()
    window.run("bpy.ops.preferences.addon_enable(module=PACKAGE)")
    window.run(f"preferences().host = {studio.server.url!r}")  # Blender forgets the preferences of what is disabled

    window.wait_until("len(ours()) == 1")
    assert list(studio.server.executions.values()) == [1]


SCULPT = """
bpy.ops.ed.undo_push(message='Before')
with editor('VIEW_3D'):
    bpy.ops.object.mode_set(mode='EDIT')
    bpy.ops.mesh.subdivide(number_cuts=20)
    bpy.ops.object.mode_set(mode='SCULPT')
bpy.ops.ed.undo_push(message='Sculpt mode')
"""


def test_a_result_waits_for_the_end_of_a_stroke(studio: Studio) -> None:
    """Blender crashes at the end of a stroke in the middle of which an undo step was made."""
    window, server = studio.window, studio.server
    prepare(studio)
    window.run(SCULPT)
    window.settle()
    server.hold()
    studio.generate("VIEW_3D")
    server.wait_held()
    x, y = window.region("VIEW_3D").centre
    window.screen.move(x - 30, y)
    window.settle()
    window.screen.xdotool("mousedown", "1")
    for step in range(5):
        window.settle()
        window.screen.move(x - 30 + step * 10, y + step * 4)
    assert window.run("[o.bl_idname for w in bpy.context.window_manager.windows for o in w.modal_operators]")

    server.release()
    window.wait_until("newest().waiting")
    window.settle(10)
    assert window.run("ours()") == []
    window.screen.xdotool("mouseup", "1")

    window.wait_until("len(ours()) == 1")
    window.settle()
