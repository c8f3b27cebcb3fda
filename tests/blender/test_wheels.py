"""The wheels that the extension ships load in this Blender, from where Blender installed them."""

import importlib
import os
import sys
from pathlib import Path

import pytest

RESOURCES = Path(os.environ["BLENDER_USER_RESOURCES"])
# No Blender brings these along; requests and its own may come from Blender itself, which then goes first.
ONLY_OURS = ("PIL", "PIL._imaging", "PIL._webp", "filelock", "fpdf", "fontTools", "websocket", "yaml", "yaml._yaml")

pytestmark = pytest.mark.skipif("BLENDER_COMFYUI_ZIP" not in os.environ, reason="only a built zip has wheels")


@pytest.mark.parametrize("name", ONLY_OURS)
def test_a_wheel_of_ours_is_the_one_imported(package, name):
    module = importlib.import_module(name)
    assert Path(module.__file__).is_relative_to(RESOURCES), module.__file__


def test_what_blender_brings_along_is_there_too(package):
    for name in ("certifi", "charset_normalizer", "idna", "requests", "urllib3"):
        assert importlib.import_module(name).__name__ in sys.modules


def test_pillow_reads_and_writes_what_pictures_come_as(package):
    from PIL import features

    for kind in ("zlib", "jpg", "webp", "avif", "libtiff"):
        assert features.check(kind), kind
