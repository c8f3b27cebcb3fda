"""The extension stands in a real window."""

from PIL import Image

from tests.gui.window import BlenderWindow

MODULE = "bl_ext.user_default.blender_comfyui"


def test_extension_is_enabled_and_has_its_tab(blender_window: BlenderWindow) -> None:
    assert blender_window.run(f"{MODULE!r} in bpy.context.preferences.addons")

    side_bar = blender_window.show_tab("VIEW_3D", "ComfyUI")

    assert side_bar.width > 100
    picture = blender_window.screenshot("side-bar")
    with Image.open(picture) as pixels:
        colours = pixels.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert len(colours) > 50, "the screen is empty"


def test_wheels_load_with_this_blenders_own_python(blender_window: BlenderWindow) -> None:
    names = ["PIL._imaging", "PIL._webp", "filelock", "yaml._yaml", "websocket"]
    code = f"import importlib\n[importlib.import_module(name).__file__ for name in {names!r}]"
    for path in blender_window.run(code):  # type: ignore[attr-defined]
        assert "/extensions/.local/lib/python3." in path
