"""Runs inside the demo's headless Blender: `python demo_scene.py FOLDER`, with the server in COMFYUI_URL.

It does by script what an artist does by hand: install the extension, name the server, type a prompt, Generate, save.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.blender_comfyui"
PROMPT = "a lighthouse on a cliff at dusk, oil painting"


def install() -> None:
    """Install the built zip as an extension, as dropping it into Blender does."""
    zip_path = os.environ["BLENDER_COMFYUI_ZIP"]
    bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
    if MODULE not in bpy.context.preferences.addons:
        sys.exit(f"{zip_path} was not installed.")


def choose_server(url: str) -> None:
    """Set the preferences; results go beside the .blend."""
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.host = url
    preferences.output_folder = "//"
    # whoever starts the demo has named the server, or runs it on this computer
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.comfyui.test_connection()


def first_checkpoint() -> str:
    """Return one that the server has; the bundled workflow's own may not be among them."""
    with urllib.request.urlopen(f"{os.environ['COMFYUI_URL']}/models/checkpoints", timeout=30) as answer:
        return next(iter(json.load(answer)), "")


def generate(blend: Path) -> list[bpy.types.Image]:
    """Generate one picture in a saved file and return the images that came."""
    bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    settings = bpy.context.scene.comfyui
    settings.prompt = PROMPT
    settings.negative_prompt = "blurry"
    settings.seed_mode, settings.seed = "FIXED", "20260"
    settings.width, settings.height, settings.steps = 512, 512, 12
    settings.checkpoint = first_checkpoint()
    before = set(bpy.data.images)
    bpy.ops.comfyui.generate()
    bpy.ops.wm.save_mainfile()
    return [image for image in bpy.data.images if image not in before]


def check(blend: Path) -> None:
    """Open the file again: the picture has to be in it, by a path relative to it."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    images = [image for image in bpy.data.images if image.filepath.startswith("//")]
    if not images:
        sys.exit(f"{blend} has no image with a relative path.")
    for image in images:
        if 0 in image.size[:]:
            sys.exit(f"{image.filepath} cannot be read.")
        print(f"{image.name}: {image.filepath}, {image.size[0]} x {image.size[1]} pixels")


def main() -> None:
    """Install, generate, save, and look at what was saved."""
    blend = Path(sys.argv[1]).resolve() / "demo.blend"
    install()
    choose_server(os.environ["COMFYUI_URL"])
    if not generate(blend):
        sys.exit("No image came.")
    check(blend)


main()
