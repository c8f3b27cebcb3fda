"""What the panels show, in the order in which a person works."""

import blf
import bpy
import pytest

SPACES = ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")


@pytest.fixture
def ready(server, deliver, draw, module):
    """A server whose state the panel has asked for and got."""
    draw()
    state = module("blender.runtime").server_state
    deliver(lambda: state().checkpoints)
    return server


@pytest.fixture
def looks_often(module, monkeypatch):
    """Sessions look at the server's queue more often than they otherwise would."""
    defaults = module("generation.session").Session.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "patience", module("generation.patience").Patience(look=0.1))


@pytest.fixture
def told(ready, comfyui, draw, deliver, module):
    """The panel knows what can be had of the task."""
    draw()
    deliver(lambda: module("blender.tasks.asking").board().tiers)


def order_of(layout, *names):
    """Where these properties and operators come in the panel."""
    return [next(i for i, drawn in enumerate(layout.drawn) if drawn.name == name) for name in names]


@pytest.mark.parametrize("space", SPACES)
def test_it_reads_from_top_to_bottom_as_a_person_works(told, draw, space):
    layout = draw(space)
    places = order_of(
        layout,
        "comfyui.refresh_server",
        "COMFYUI_MT_workflow",
        "comfyui.set_tier",
        "prompt",
        "negative_prompt",
        "seed_mode",
        "sink",
        "comfyui.generate",
        "size_source",
        "steps",
        "checkpoint",
        "comfyui.add_lora",
    )
    assert places == sorted(places)


def test_drawing_alone_asks_the_server_but_never_waits_for_it(server, draw, module, deliver):
    runtime = module("blender.runtime")
    assert "Not connected yet" in draw().text
    assert runtime._connections == []
    deliver(lambda: runtime.server_state().connection == "ready")
    text = draw().text
    assert "ComfyUI 0.27.0" in text
    assert "GB" in text
    assert "queue" in text


def test_a_server_that_is_away_is_told_with_a_way_to_try_again(server, draw, module, deliver):
    server.stop()
    draw()
    deliver(lambda: module("blender.runtime").server_state().connection == "unreachable")
    assert "Nothing answers" in draw().text
    assert "comfyui.refresh_server" in draw().operators


def test_a_job_shows_its_node_its_progress_and_its_end(looks_often, ready, comfyui, saved, click, deliver, draw):
    ready.control(call="hold")
    first, second = click(), click()
    deliver(lambda: first.job.state == "running" and second.job.state == "queued" and second.job.queue_position)
    bars = [drawn.text for drawn in draw().drawn if drawn.kind == "progress"]
    assert len(bars) == 2
    assert "%" in bars[0]
    assert bars[1] == "Number 1 in the queue"
    cancels = [drawn for drawn in draw().drawn if drawn.name == "comfyui.cancel"]
    assert [drawn.arguments["properties"].job_id for drawn in cancels] == [first.id, second.id]
    ready.control(call="release")
    deliver(lambda: first.placed and second.placed)
    assert draw().text.count("a red fox in the snow 7") == 2


def test_a_waiting_job_says_what_for(preferences, comfyui, saved, click, deliver, draw, server):
    server.stop()
    entry = click()
    deliver(lambda: entry.job.waiting_for)
    assert draw().text.count("Nothing answers") == 1
    assert "It goes on when the server is back." in draw().text
    assert "Waiting for the server" in draw().text


def test_a_checkpoint_that_the_server_lacks_stays_and_is_marked(told, comfyui, draw):
    comfyui.checkpoint = "gone.safetensors"
    assert "Not on this server" in draw().text
    assert comfyui.checkpoint == "gone.safetensors"


def test_the_servers_names_are_offered(ready, comfyui, module):
    properties = module("blender.properties")
    assert "SDXL/sd_xl_base_1.0.safetensors" in properties._checkpoints(comfyui, bpy.context, "")
    assert "euler" in properties._samplers(comfyui, bpy.context, "")
    assert "karras" in properties._schedulers(comfyui, bpy.context, "")


@pytest.mark.parametrize("width", [280, 220, 500])
def test_no_line_of_a_sentence_is_wider_than_the_panel(preferences, draw, module, width):
    preferences.host = "a-very-long-name-of-a-computer-in-the-attic.department.example.org"
    content = module("blender.panels").content_width(_context(width))
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
    lines = [drawn.text for drawn in draw(width=width).drawn if drawn.kind == "label"]
    assert lines
    assert all(blf.dimensions(0, line)[0] <= content for line in lines)


def test_a_closed_sub_panel_is_not_drawn(told, draw):
    assert "steps" in [drawn.name for drawn in draw().drawn]
    assert "steps" not in [drawn.name for drawn in draw(closed=("COMFYUI_task_settings",)).drawn]


def test_the_whole_prompt_can_be_edited(comfyui):
    text = "word " * 500
    bpy.ops.comfyui.edit_prompt(field="negative_prompt", text=text)
    assert comfyui.negative_prompt == text
    assert comfyui.prompt == "a red fox in the snow"


def test_refusals_have_reasons(comfyui, draw):
    with pytest.raises(RuntimeError, match="Nothing was generated in this scene yet"):
        bpy.ops.comfyui.use_last_seed()
    with pytest.raises(RuntimeError, match="No job is running"):
        bpy.ops.comfyui.cancel_all()


def _context(width):
    from types import SimpleNamespace

    return SimpleNamespace(preferences=bpy.context.preferences, region=SimpleNamespace(width=width))
