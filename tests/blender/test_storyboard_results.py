"""What comes of panels: strips and takes, movies, failures, what is cancelled, restarts, and what the panel shows."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from tests.blender import workflow_graphs as graphs
from tests.blender.recorder import Drawn
from tests.blender.storyboards import CHECKPOINT, FPS, as_file, panels, placed, span, strips
from tests.blender.workflow_words import PanelRecorder, posted

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 5.2 has new names for frames

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"


class Layout(PanelRecorder):
    """Takes a table, too."""

    def template_list(self, kind, _name, data, name, *_active, **_options):
        assert hasattr(bpy.types, kind)
        self._note(Drawn("template_list", name=name, arguments={"data": data}))

    def progress(self, factor=0.0, text="", type="BAR"):  # noqa: A002  Blender's name
        assert 0.0 <= factor <= 1.0
        self._note(Drawn("progress", text, arguments={"factor": factor, "type": type}))

    def grid_flow(self, **_):
        return self._part()

    def _part(self, **_):
        return Layout(self.drawn, self.closed)

    row = column = box = split = _part


def scene():
    return bpy.context.scene


def board():
    return scene().comfyui_storyboard


@pytest.fixture
def story(module, until, package, tmp_path):
    """A storyboard that is loaded and run, as it is after each restart of the extension."""
    scene().render.fps = FPS

    class Story:
        def load(self, shots, **more):
            path = as_file(tmp_path / "fox.json", shots, **more)
            assert bpy.ops.comfyui.storyboard_load(filepath=str(path)) == {"FINISHED"}

        def running(self):
            return importlib.import_module(f"{package}.blender.storyboard.running")

        def progress(self):
            return self.running().look(scene())

        def run(self, which="MISSING"):
            assert bpy.ops.comfyui.storyboard_run(which=which) == {"FINISHED"}

        def end(self, strips=None, done=None, takes=None):
            """Tick until nothing runs, and there are so many strips in the cut, panels done, and takes with strips."""

            def holds():
                now = self.progress()
                if now is None or now.is_running or (done is not None and now.done != done):
                    return False
                if takes is not None and len(marks()) != takes:
                    return False
                return strips is None or len(placed()) == strips

            until(holds)
            return self.progress()

        def states(self):
            return {panel.panel_id: str(panel.state) for panel in self.progress().panels}

    return Story()


@pytest.fixture
def draw(package):
    """``draw()`` draws the storyboard's panel at 280 pixels, with all rows of its table."""

    def run(width=224):
        drawing = importlib.import_module(f"{package}.blender.storyboard.drawing")
        table = importlib.import_module(f"{package}.blender.storyboard.table")
        layout = Layout()
        drawing.draw(layout, scene(), width)
        for panel in board().panels:
            row = Layout(layout.drawn)
            table.COMFYUI_UL_storyboard.draw_item(SimpleNamespace(), bpy.context, row, board(), panel, 0, board(), "")
        return layout

    return run


@pytest.fixture
def movies(preferences, tmp_path):
    """A tier "film" whose panels are movies of 8 pictures a second, 16 of them."""
    graph = json.loads((WORKFLOWS / "sd_basic.json").read_text(encoding="utf-8"))
    del graph["7"]
    graph["8"] = {"class_type": "CreateVideo", "inputs": {"images": ["6", 0], "fps": 8.0}}
    graph["9"] = {
        "class_type": "SaveVideo",
        "inputs": {"video": ["8", 0], "filename_prefix": "m", "format": "mp4", "codec": "h264"},
    }
    (tmp_path / "movie.json").write_text(json.dumps(graph), encoding="utf-8")
    studio = tmp_path / "studio.yaml"
    studio.write_text(
        "tasks: {image_generation: {tiers: {film: {description: A film., workflow: movie.json, seconds: 9, "
        f"parameters: {{checkpoint: {CHECKPOINT}, batch_size: 16, width: 64, height: 64}}}}}}}}}}",
        encoding="utf-8",
    )
    preferences.studio_tiers = str(studio)
    yield
    preferences.studio_tiers = ""


def test_an_imported_workflow_in_the_tasks_place_makes_the_panels(server, story, draw, load, module, deliver):
    """One of the scene with its own panel's values, and one of the library."""
    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = CHECKPOINT
    load(graph, "house.json").values["3.denoise"] = 0.75
    assert bpy.ops.comfyui.imported_for_task(task="image_generation") == {"FINISHED"}
    story.load(panels(1))
    story.run()
    story.end(strips=1)
    assert (list(posted(server)[-1]), posted(server)[-1]["3"]["inputs"]["denoise"]) == (list(graph), 0.75)
    assert "Made by “house”" in draw().text
    bpy.ops.comfyui.imported_for_task(task="image_generation")
    reception = module("blender.workflow_panel.reception")
    reception.want_lists()
    deliver(reception.library)
    entry = next(entry for entry in reception.library() if entry.name == "house")
    assert bpy.ops.comfyui.use_for_task(id=entry.id, task="image_generation") == {"FINISHED"}
    try:
        story.run("AGAIN")
        story.end(takes=2)
        assert (list(posted(server)[-1]), posted(server)[-1]["3"]["inputs"]["denoise"]) == (list(graph), 1)
        assert "Made by “house”" in draw().text
    finally:
        module("blender.task_workflows").choose("image_generation", "")


def marks():
    return [json.loads(strip["comfyui_story"]) for strip in strips() if "comfyui_story" in strip]


def seeds():
    return [json.loads(strip["comfyui"])["seed"] for strip in strips() if "comfyui" in strip]


# ---- takes


def test_another_take_is_on_a_muted_channel_above(server, saved, story):
    shots = panels(3)
    story.load(shots)
    story.run()
    story.end(strips=3)
    board().active = 1
    story.run("AGAIN")
    story.end(takes=4)
    story.run("AGAIN")
    story.end(takes=5)
    takes = [strip for strip in strips() if json.loads(strip["comfyui_story"])["is_take"]]
    assert [(strip.channel, span(strip)) for strip in takes] == [
        (n, (shots[1]["start"], shots[1]["end"])) for n in (2, 3)
    ]
    muted = [number for number in range(1, 6) if scene().sequence_editor.channels[number].mute]
    assert muted == [2, 3]
    assert len(set(seeds())) == 5, "each take has a seed of its own"
    assert placed() == [(shot["id"], shot["start"], shot["end"]) for shot in shots]


def test_a_take_is_chosen_for_the_cut(server, saved, story, module):
    story.load(panels(2))
    story.run()
    story.end(strips=2)
    story.run("AGAIN")  # none is ticked: of the first
    story.end(takes=3)
    first, second = story.progress().panels[0].takes
    takes = module("blender.storyboard.takes")
    assert takes.in_cut(scene(), "001") == first.job_id
    assert bpy.ops.comfyui.storyboard_use_take(panel="001", job_id=second.job_id) == {"FINISHED"}
    assert takes.in_cut(scene(), "001") == second.job_id
    channels = {json.loads(strip["comfyui_story"])["job_id"]: strip.channel for strip in strips()}
    assert (channels[second.job_id], channels[first.job_id]) == (1, 2)
    assert all(span(strip) == span(strips()[0]) for strip in strips() if strip.name.startswith("001"))


def test_the_button_of_a_panel_is_about_it_alone(server, saved, story, draw, until):
    story.load(panels(3))
    board().panels[1].chosen = True
    board().active = 2
    until(lambda: story.progress())
    [run] = [d for d in draw().drawn if d.name == "comfyui.storyboard_run" and d.text == "Run"]
    said = run.arguments["properties"]
    bpy.ops.comfyui.storyboard_run(which=said.which, panel=said.panel)
    story.end(takes=1)
    [another] = [d for d in draw().drawn if d.name == "comfyui.storyboard_run" and d.text == "Another Take"]
    said = another.arguments["properties"]
    bpy.ops.comfyui.storyboard_run(which=said.which, panel=said.panel)
    story.end(takes=2)
    assert {mark["panel"] for mark in marks()} == {"003"}
    story.run("CHOSEN")
    story.end(takes=3)
    assert story.states() == {"001": "missing", "002": "finished", "003": "finished"}


def test_what_others_have_on_a_channel_is_not_muted(server, saved, story, module):
    shots = panels(2)
    story.load(shots)
    compat = module("blender.compat")
    scene().sequence_editor_create()
    title = compat.new_effect(scene().sequence_editor, "title", "COLOR", 2, shots[-1]["end"] + 100, 20)
    story.run()
    story.end(strips=2)
    story.run("AGAIN")
    story.end(takes=3)
    [take] = [
        strip
        for strip in strips()
        if strip is not title and json.loads(strip.get("comfyui_story", "{}")).get("is_take")
    ]
    assert take.channel == 3
    assert not scene().sequence_editor.channels[2].mute


def test_a_panel_that_was_moved_gets_its_strip_where_it_is_now(slow, saved, story, until):
    story.load(panels(2))
    story.run()
    until(lambda: story.progress() and story.progress().is_running)
    board().panels[1].start, board().panels[1].length = 200, 10
    slow.control(call="release")
    story.end(strips=2)
    assert placed()[1] == ("002", 200, 210)


def test_strips_follow_their_panels(server, saved, story):
    shots = panels(4)
    story.load(shots)
    story.run()
    story.end(strips=4)
    for panel in board().panels:
        panel.length += 10
    bpy.ops.comfyui.storyboard_close_gaps()
    assert bpy.ops.comfyui.storyboard_fit_strips() == {"FINISHED"}
    assert placed() == [(panel.name, panel.start, panel.end) for panel in board().panels]
    assert {strip.channel for strip in strips()} == {1}


# ---- movies


@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.0])
def test_a_movie_has_its_panels_length_and_its_own_speed(server, saved, story, movies, seconds):
    length = round(seconds * FPS)
    shots = [{"id": "a", "prompt": "a", "start": 1, "end": 1 + length}]
    shots.append({"id": "b", "prompt": "b", "start": 1 + length, "end": 1 + 2 * length})
    story.load(shots, tier="film")
    story.run()
    story.end(strips=2)
    found = [strip for strip in strips() if strip.type == "MOVIE"]
    assert placed() == [("a", 1, 1 + length), ("b", 1 + length, 1 + 2 * length)]
    assert {strip.channel for strip in found} == {1}
    for strip in found:  # 16 pictures in two seconds
        effects = [other for other in strips() if other.type == "SPEED" and other.input_1 == strip]
        if effects:
            [effect] = effects
            assert (effect.speed_control, round(effect.speed_factor, 3)) == ("MULTIPLY", round(8 / FPS, 3))
            assert span(effect) == span(strip)
        else:
            assert round(strip.retiming_keys[-1].timeline_frame - span(strip)[0]) == 48
    story.run("AGAIN")
    story.end(takes=3)
    takes = [strip for strip in strips() if json.loads(strip.get("comfyui_story", "{}")).get("is_take")]
    assert [span(strip) for strip in takes] == [(1, 1 + length)]
    muted = scene().sequence_editor.channels
    assert muted[takes[0].channel].mute
    assert not muted[1].mute
    assert not any(muted[other.channel].mute for other in strips() if other.type == "SPEED" and other.input_1 in found)


def test_a_movie_plays_at_its_own_speed_wherever_it_moves(server, saved, story, movies):
    shots = [{"id": "a", "prompt": "a", "start": 1, "end": 25}]
    story.load(shots, tier="film")
    story.run()
    story.end(strips=1)
    board().panels[0].start, board().panels[0].length = 100, 60
    bpy.ops.comfyui.storyboard_fit_strips()
    assert placed() == [("a", 100, 160)]
    for effect in (strip for strip in strips() if strip.type == "SPEED"):
        assert span(effect) == (100, 160)


# ---- what does not go well


def test_three_that_fail_leave_57_and_run_again(server, saved, story, draw):
    """An unknown model, memory that is too small for one picture, and an error of the server."""
    shots = panels(60)
    story.load(shots)
    setting = board().panels[10].settings.add()
    setting.name, setting.text = "checkpoint", "gone.safetensors"
    server.control(set={"troubles": {"shot 23:": "memory", "shot 42:": "The sampler has lost its way."}})
    story.run()
    now = story.end(strips=57)
    assert [panel.panel_id for panel in now.failures] == ["011", "023", "042"]
    layout = draw()
    assert "3 panels failed" in layout.text
    for reason in ("“gone.safetensors”", "memory", "lost its way"):
        assert reason in layout.text
    wanted = [(shot["id"], shot["start"], shot["end"]) for shot in shots]
    assert placed() == [one for one in wanted if one[0] not in ("011", "023", "042")]
    board().panels[10].settings[0].text = CHECKPOINT
    server.control(set={"troubles": {}})
    [again] = [d for d in layout.drawn if d.name == "comfyui.storyboard_run" and d.text == "Run Again"]
    story.run(again.arguments["properties"].which)
    now = story.end(strips=60)
    assert now.failures == ()
    assert placed() == wanted
    assert set(server.control()["executions"].values()) == {1}


def test_the_files_are_checked_at_the_end(server, saved, story, draw, until):
    story.load(panels(3))
    story.run()
    story.end(strips=3)
    until(lambda: "All 3 panels have a whole file" in draw().text)
    story.progress().panels[1].file.write_bytes(b"cut")
    board().active = 0
    story.run("AGAIN")
    story.end(takes=4)
    until(lambda: "002: " in draw().text)
    assert "All 3 panels" not in draw().text


def test_cancelled_panels_are_run_as_missing_ones(slow, saved, story, until):
    story.load(panels(4))
    story.run()
    # one that only waits to be sent is not cancelled, but as if nobody had asked for it
    until(lambda: story.progress() and all(panel.takes for panel in story.progress().panels))
    bpy.ops.comfyui.storyboard_cancel()
    slow.control(call="release")
    story.end()
    assert set(story.states().values()) <= {"cancelled", "finished"}
    assert "cancelled" in story.states().values()
    story.run()
    story.end(strips=4, done=4)


def test_paused_panels_wait(server, saved, story, until, draw):
    story.load(panels(3))
    bpy.ops.comfyui.pause_queue(pause=True)
    story.run()
    until(lambda: story.progress() and sum(panel.state.is_open for panel in story.progress().panels) == 3)
    until(lambda: "paused" in draw().text)
    assert posted(server) == []
    bpy.ops.comfyui.pause_queue(pause=False)
    story.end(strips=3)


# ---- once


def test_what_was_placed_stays_placed_once(server, saved, story, forget, until, jobs):
    shots = panels(4)
    story.load(shots)
    story.run()
    story.end(strips=4)
    bpy.ops.wm.save_mainfile()
    forget()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    story.end(done=4)
    for _ in range(20):
        until(lambda: True)
    assert placed() == [(shot["id"], shot["start"], shot["end"]) for shot in shots]
    story.run()
    story.end(done=4)
    assert len(posted(server)) == 4, "nothing is missing"


def test_what_went_with_a_file_that_was_not_saved_is_placed_again(server, saved, story, draw, forget, until):
    shots = panels(4)
    story.load(shots)
    bpy.ops.wm.save_mainfile()
    story.run()
    story.end(strips=4)
    assert "comfyui.storyboard_place" not in draw().operators
    forget()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    assert placed() == []
    story.progress()
    until(lambda: "4 results have no strips" in draw().text)
    assert bpy.ops.comfyui.storyboard_place() == {"FINISHED"}
    story.end(strips=4)
    assert placed() == [(shot["id"], shot["start"], shot["end"]) for shot in shots]
    assert len(posted(server)) == 4
    assert "comfyui.storyboard_place" not in draw().operators


def test_a_restart_goes_on_with_what_was_asked_for(slow, saved, story, until, forget, records):
    story.load(panels(5))
    story.run()
    until(lambda: len(records()) == 5)  # one that is in no history yet is not asked for yet
    bpy.ops.wm.save_mainfile()
    forget()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    slow.control(call="release")
    story.end(strips=5, done=5)
    assert len(posted(slow)) == 5


# ---- what is shown


def test_the_panel_shows_states_and_edits_the_chosen_panel(server, saved, story, draw, until):
    story.load(panels(3))
    empty = draw()
    assert "Run Missing (3)" in [drawn.text for drawn in empty.drawn]
    story.run()
    story.end(strips=3)
    until(lambda: "All 3 panels" in draw().text)
    layout = draw()
    assert "3 of 3" in layout.text
    assert [d.icon for d in layout.drawn if d.icon == "CHECKMARK"] == ["CHECKMARK"] * 5, (
        "three rows, the chosen panel, and the check of all files"
    )
    assert "ink drawing, shot 1: a fox near the forest, soft light" in layout.text
    names = [drawn.name for drawn in layout.drawn if drawn.kind in ("prop", "textbox")]
    assert {"prompt", "negative_prompt", "start", "length", "seed", "before", "after", "task", "tier"} <= set(names)
    board().panels[0].prompt = "a wolf"
    until(lambda: "Made before the panel was changed" in draw().text)


def test_a_panel_says_what_is_rounded(server, saved, story, draw, until):
    story.load(panels(2), resolution="1921x1083")
    until(lambda: "1921 × 1083 becomes" in draw().text)


def test_without_panels_there_is_a_way_in(draw):
    layout = draw()
    assert {"comfyui.storyboard_from_markers", "comfyui.storyboard_load"} <= set(layout.operators)


def test_drawing_two_hundred_panels_reads_no_file(server, story, draw, monkeypatch):
    story.load(panels(200))
    draw()
    monkeypatch.setattr("builtins.open", lambda *_a, **_k: pytest.fail("a file was opened while drawing"))
    layout = draw()
    assert len([d for d in layout.drawn if d.name == "chosen"]) == 200


# ---- editing


def test_a_panel_is_added_moved_and_removed(story):
    story.load(panels(3))
    board().active = 0
    bpy.ops.comfyui.storyboard_add()
    assert [panel.name for panel in board().panels] == ["001", "4", "002", "003"]
    ends = [panel.end for panel in board().panels]
    assert [panel.start for panel in board().panels] == [1, *ends[:-1]], "later panels make room"
    bpy.ops.comfyui.storyboard_move(by=1)
    assert [panel.name for panel in board().panels] == ["001", "002", "4", "003"]
    assert [panel.start for panel in board().panels] == [1, *[panel.end for panel in board().panels][:-1]]
    bpy.ops.comfyui.storyboard_remove()
    assert [panel.name for panel in board().panels] == ["001", "002", "003"]


def test_no_two_panels_have_one_id(story):
    story.load(panels(3))
    board().panels[2].name = "001"
    assert [panel.name for panel in board().panels] == ["001", "002", "001-2"]
    board().panels[2].name = "a b:c"
    assert board().panels[2].name == "a-b-c"


def test_inserting_a_panel_changes_no_other_seed(story, module):
    seeds = module("generation.storyboard.seeds")
    contents = module("blender.storyboard.contents")

    def all_seeds():
        told = contents.storyboard_of(scene())
        return {panel.id: seeds.seed_of(told, panel) for panel in told.panels}

    story.load(panels(5))
    before = all_seeds()
    bpy.ops.comfyui.storyboard_add()
    after = all_seeds()
    assert len(after) == 6
    assert {name: after[name] for name in before} == before


def test_the_contact_sheet_is_written(server, saved, story, tmp_path):
    story.load(panels(3))
    story.run()
    story.end(strips=3)
    for kind, start in ((".pdf", b"%PDF"), (".png", b"\x89PNG")):
        path = tmp_path / f"sheet{kind}"
        assert bpy.ops.comfyui.storyboard_contact_sheet(filepath=str(path)) == {"FINISHED"}
        assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("value", ["euler", "30", 30, 0.25, True, ("a", "b"), "[x", 2**63, "", "1e5", "nan", "été"])
def test_a_value_survives_its_field(module, value):
    values = module("blender.storyboard.values")
    assert values.read(values.written(value)) == value
