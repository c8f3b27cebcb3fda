"""A storyboard in a real window: the panel at 280 pixels while it is made, and the timeline when it is done."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.comfy_server import ComfyServer
from tests.gui.studio import Studio
from tests.gui.window import BlenderWindow

SIZE = (1600, 1080)
HEADER = 25  # pixels down to the middle of a panel's header, and from one closed panel to the next
FPS = 24
WORDS = """
def board():
    return bpy.context.scene.comfyui_storyboard

def progress():
    return module("storyboard.running").look(bpy.context.scene)

def states():
    return [str(panel.state) for panel in progress().panels] if progress() else []

def pictures_are_there():
    return not (module("storyboard.pictures").thumbnails.is_missing_some or module("archive").expects_answers())

def story_strips():
    return [strip for strip in strips() if "comfyui_story" in strip]

def in_cut():
    import json
    return [strip for strip in story_strips() if not json.loads(strip["comfyui_story"])["is_take"]]
"""
SHOTS = (
    "wide shot of a snowy valley at dawn, a lone fox trots along a frozen river",
    "close-up of the fox's face, breath in the cold air, she listens",
    "over the shoulder: smoke rises from a village below",
    "the fox creeps between wooden huts, long blue shadows",
    "a child looks out of a lit window",
    "the fox and the child look at each other through the glass",
    "insert: a hand puts a piece of bread on the window sill",
    "the fox takes the bread and runs, low angle, snow flies",
    "a dog barks at a chain, silhouetted against the lantern",
    "the fox leaps over a fence, slow motion",
    "aerial view: her trail leads back into the forest",
    "in the den three cubs wait, warm light",
)


@pytest.fixture
def story(shared_window: BlenderWindow, comfy_server: Callable[..., ComfyServer]) -> Iterator[Studio]:
    studio = Studio(shared_window, comfy_server())
    studio.window.run(WORDS)
    studio.window.run("bpy.context.scene.render.fps = 24; bpy.context.scene.render.resolution_x = 1024")
    studio.window.run("bpy.context.scene.render.resolution_y = 576")
    yield studio
    studio.server.release()


def load(studio: Studio, count: int = 60, **more: object) -> None:
    """Load a project of so many panels, of two to four seconds."""
    panels = []
    for number in range(count):
        prompt = SHOTS[number % len(SHOTS)]
        panels.append({"id": f"{number + 1:03}", "prompt": prompt, "seconds": 2 + number % 3})
    project = {
        "id": f"fox-{count}",
        "title": "The Winter Fox",
        "seed": 2026,
        "resolution": "512x288",
        "task": "image_generation",
        "tier": "low",
        "style": {"before": "charcoal storyboard", "after": "soft winter light"},
        "parameters": {"checkpoint": studio.server.checkpoints[0], "steps": 12},
        "panels": panels,
    }
    path = studio.window.folder / "fox.json"
    path.write_text(json.dumps({**project, **more}), encoding="utf-8")
    studio.window.run(f"bpy.ops.comfyui.storyboard_load(filepath={studio.window.place.inside(path)!r})")
    studio.window.wait_until(f"len(board().panels) == {count}")


def open_story(studio: Studio, editor: str) -> None:
    """Close the panel above it and open the storyboard, by its header."""
    bar = studio.open_panel(editor)
    studio.window.click(bar.x + 80, bar.y + HEADER // 2 + 2)
    studio.window.click(bar.x + 80, bar.y + HEADER // 2 + 2 + HEADER)
    studio.window.settle()


def run_to(studio: Studio, finished: int) -> None:
    """Let the held server work until so many panels are finished, and it is in the middle of the next one."""
    for _ in range(600):
        studio.server.wait_held()
        studio.window.wait_until("told()")
        if studio.window.run("states().count('finished')") >= finished:  # type: ignore[operator]
            break
        studio.server.step(8)
    for _ in range(12):  # of its nodes and steps
        studio.server.wait_held()
        studio.server.step()
    studio.server.wait_held()


def settle(studio: Studio) -> None:
    for _ in range(2):  # what is drawn is asked for
        studio.window.wait_until("told() and pictures_are_there()")
        studio.window.run("module('regions').redraw()")
        studio.window.settle()


def to_video_editing(studio: Studio) -> None:
    """A Preview above, and the Sequencer with our side bar below it."""
    window = studio.window
    window.run("close_others('VIEW_3D')")
    window.settle()
    window.run("with editor('VIEW_3D'): bpy.ops.screen.area_split(direction='HORIZONTAL', factor=0.62)")
    window.settle()
    window.run(
        "low, high = sorted(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.y)[:2]\n"
        "low.ui_type = high.ui_type = 'SEQUENCE_EDITOR'"
    )
    window.settle()
    window.run(
        "low, high = sorted(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.y)[:2]\n"
        "high.spaces.active.view_type = 'PREVIEW'; low.spaces.active.view_type = 'SEQUENCER'"
    )
    window.settle()


def test_the_panel_in_the_middle_of_a_run(story: Studio) -> None:
    window = story.window
    load(story)
    open_story(story, "VIEW_3D")
    story.panel("before", "VIEW_3D")
    story.server.troubles = {"a dog barks": "The sampler has lost its way."}
    story.server.hold()
    story.press("VIEW_3D", "which='MISSING'")
    run_to(story, 22)
    settle(story)
    window.run("board().active = 25")
    settle(story)
    story.panel("midrun", "VIEW_3D")
    window.screenshot("midrun-window")
    story.server.release()
    window.wait_until("states().count('failed') == 5 and states().count('finished') == 55", 120)
    window.wait_until("len(in_cut()) == 55", 60)
    settle(story)
    story.panel("failed", "VIEW_3D")
    story.server.troubles = {}
    story.press("VIEW_3D", "which='FAILED'")
    window.wait_until("states().count('finished') == 60 and len(in_cut()) == 60", 60)
    settle(story)
    story.panel("done", "VIEW_3D")


def test_the_timeline_when_it_is_done(story: Studio) -> None:
    window = story.window
    load(story, 12)
    to_video_editing(story)
    open_story(story, "SEQUENCE_EDITOR")
    story.press("SEQUENCE_EDITOR", "which='MISSING'")
    window.wait_until("len(in_cut()) == 12", 60)
    window.run("board().active = 5; [setattr(board().panels[n], 'chosen', True) for n in (2, 5)]")
    window.run("bpy.ops.comfyui.storyboard_run(which='AGAIN')")
    window.wait_until("len(story_strips()) == 14", 60)
    window.run(
        "bpy.ops.comfyui.storyboard_to_markers(); bpy.context.scene.frame_current = board().panels[5].start + 8\n"
        "bpy.context.scene.frame_end = board().panels[11].end - 1"
    )
    window.run("with editor('SEQUENCE_EDITOR'): bpy.ops.sequencer.view_all()")
    settle(story)
    window.screenshot("timeline")
    spans = window.run(
        "[(s.frame_final_start, s.frame_final_end) for s in sorted(in_cut(), key=lambda s: s.frame_final_start)]"
    )
    assert spans == window.run("[(panel.start, panel.end) for panel in board().panels]")


def test_a_strip_that_is_undone_is_offered_again(story: Studio) -> None:
    window = story.window
    load(story, 3)
    window.run("bpy.ops.comfyui.storyboard_run(which='MISSING')")
    window.wait_until("len(in_cut()) == 3", 60)
    window.run("with editor('VIEW_3D'): bpy.ops.ed.undo()")
    window.wait_until("len(in_cut()) == 2")
    window.run("with editor('VIEW_3D'): bpy.ops.ed.redo()")
    window.wait_until("len(in_cut()) == 3")
    window.run("with editor('VIEW_3D'): bpy.ops.ed.undo()")
    window.wait_until("len(in_cut()) == 2")
    window.run("bpy.ops.comfyui.storyboard_place()")
    window.wait_until("len(in_cut()) == 3")
    assert window.run("len(story_strips())") == 3
