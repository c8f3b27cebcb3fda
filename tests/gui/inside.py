"""Words for the scenarios, defined in the windowed Blender beside those of bridge.py. Never imported: sent as text."""
# ruff: noqa: F821

import importlib

import bpy

PACKAGE = "bl_ext.user_default.blender_comfyui"


def module(name):
    """A module of the extension as it is now: enabling it again makes new ones."""
    return importlib.import_module(f"{PACKAGE}.blender.{name}")


def preferences():
    return bpy.context.preferences.addons[PACKAGE].preferences


def settings():
    return bpy.context.scene.comfyui


def new_file(host):
    """Begin anew: an unsaved file, no jobs, this server and all else as after installing."""
    module("runtime").close()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    chosen = preferences()
    of_tasks = ("studio_tiers", "favourite_models", "preferred_models")
    for name in ("scheme", "prefix", "authentication", "output_folder", "show_previews", *of_tasks):
        chosen.property_unset(name)
    chosen.host = host


def split(share):
    """Divide the 3D View in two; the left one keeps that share of the width."""
    with editor("VIEW_3D"):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=share)


def right_area(kind):
    """The one of these editors that is furthest right."""
    areas = bpy.context.window_manager.windows[0].screen.areas
    return max((area for area in areas if area.type == kind), key=lambda area: area.x)


def close_others(*kept):
    """Leave only editors of these kinds on the screen."""
    window = bpy.context.window_manager.windows[0]
    for kind in {area.type for area in window.screen.areas} - set(kept):
        while any(area.type == kind for area in window.screen.areas):
            with bpy.context.temp_override(window=window, area=screen_area(kind)):
                bpy.ops.screen.area_close()


def entries():
    return list(module("runtime").jobs)


def newest():
    """The job of the last click, as the panel has it; None while there is none."""
    return entries()[-1] if entries() else None


def server():
    return module("runtime").server_state()


def told():
    """Whether Blender has taken everything that happened up to now, the newest live picture included."""
    live = module("delivery").live_preview
    seen = all(entry.preview is live._shown for entry in entries() if entry.is_running and entry.preview)
    return seen and all(known.subscription.empty for known in module("runtime")._connections)


def live_colours():
    """How many different pixels the live picture in the panel has, 0 without one."""
    icons = module("delivery").live_preview._icons
    if not icons or "live" not in icons:
        return 0
    pixels = list(icons["live"].image_pixels_float)
    return len({tuple(pixels[n : n + 3]) for n in range(0, len(pixels), 4)})


def ours():
    """The images that the extension made."""
    return [image for image in bpy.data.images if module("sinks.recipe").KEY in image]


def strips():
    found = bpy.context.scene.sequence_editor
    return list(found.strips) if found else []
