"""Enabled and disabled again, twice and with a job running, nothing of us is left in Blender."""

import gc
import threading
import time

import addon_utils
import bpy
import pytest

from tests.blender.waiting import PATIENCE

HANDLERS = [name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)]
MENUS = ("TOPBAR_MT_render", "IMAGE_MT_image", "SEQUENCER_MT_add", "TOPBAR_MT_help")
KINDS = (bpy.types.Panel, bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences, bpy.types.Menu)


def traces(package):
    """All that an extension could leave behind."""
    handlers = [function.__module__ for name in HANDLERS for function in getattr(bpy.app.handlers, name)]
    entries = [f.__module__ for name in MENUS for f in getattr(bpy.types, name)._dyn_ui_initialize()]
    classes = [kind for base in KINDS for kind in base.__subclasses__() if kind.is_registered]
    return {
        "handlers": [name for name in handlers if name.startswith(package)],
        "menu entries": [name for name in entries if name.startswith(package)],
        "classes": [kind.__name__ for kind in classes if kind.__module__.startswith(package)],
        "property": [name for name in dir(bpy.types.Scene) if name == "comfyui"],
        "operators": dir(bpy.ops.comfyui),
        "images": [image.name for image in bpy.data.images if image.name.startswith(".")],
        "threads": [thread.name for thread in threading.enumerate() if thread.name.startswith("comfyui")],
    }


@pytest.fixture
def enabled(package):
    """The extension is enabled again after the test."""
    yield
    addon_utils.enable(package, default_set=True)


def vanish(package):
    """Threads end by themselves, soon."""
    deadline = time.monotonic() + PATIENCE
    while (left := {what: found for what, found in traces(package).items() if found}) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    return left


def test_enabled_it_is_there(package):
    found = traces(package)
    assert f"{package}.blender.recovery" in found["handlers"]
    assert len(found["menu entries"]) == 6
    assert "COMFYUI_PT_view3d" in found["classes"]
    assert "generate" in found["operators"]


def names_in(kind, method):
    return getattr(kind, method).__code__.co_names if hasattr(kind, method) else ()


def test_each_search_names_its_list_itself(package, module):
    """Blender reads bl_property from an operator's own class: inherited, the list that opens is empty."""
    ours = [kind for kind in bpy.types.Operator.__subclasses__() if kind.__module__.startswith(package)]
    shared = module("blender.operators.models").SearchOperator
    searches = [kind for kind in ours if issubclass(kind, shared) or "invoke_search_popup" in names_in(kind, "invoke")]
    assert {kind.__name__ for kind in searches} >= {"COMFYUI_OT_search_model", "COMFYUI_OT_search_value"}
    assert [kind.__name__ for kind in searches if "bl_property" not in vars(kind)] == []


def test_disabled_nothing_is_left_twice(package, enabled):
    for _ in range(2):
        addon_utils.disable(package, default_set=True)
        assert vanish(package) == {}
        addon_utils.enable(package, default_set=True)
        assert traces(package)["classes"]


def test_disabled_while_a_job_runs_nothing_is_left(
    package, enabled, server, comfyui, saved, click, deliver, module, monkeypatch
):
    server.control(call="hold")
    delivery = module("blender.delivery")
    entry = click()
    deliver(lambda: entry.job.state == "running")
    waited_for, join = [], threading.Thread.join

    def joined(thread, timeout=None):
        if threading.current_thread() is threading.main_thread():
            waited_for.append(thread.name)
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", joined)
    addon_utils.disable(package, default_set=True)
    assert waited_for == []
    assert not bpy.app.timers.is_registered(delivery.tick)
    assert vanish(package) == {}
    addon_utils.enable(package, default_set=True)
    assert module("blender.runtime").jobs.running == []


def test_the_operators_are_in_menus_so_that_f3_finds_them(package):
    for name in MENUS:
        assert any(f.__module__.startswith(package) for f in getattr(bpy.types, name)._dyn_ui_initialize())


def test_operators_that_change_data_can_be_undone(package):
    for name in ("use_last_seed", "edit_prompt"):
        assert "UNDO" in _options(name)
    for name in ("generate", "cancel", "test_connection"):
        assert "UNDO" not in _options(name)


def _options(name):
    kinds = {kind.bl_idname: kind for kind in bpy.types.Operator.__subclasses__() if kind.is_registered}
    return kinds[f"comfyui.{name}"].bl_options
