"""Official templates in a real window: opened from the server's collection, looked at, and run to a result."""

from collections.abc import Callable

import pytest

from tests import official
from tests.comfy_server import ComfyServer
from tests.gui.studio import Studio
from tests.gui.window import BlenderWindow

SIZE = (1440, 1000)
pytestmark = pytest.mark.skipif(not official.is_there(), reason=official.MISSING)
# What is changed in the panel before the run; sizes are those of the stand-in's patience.
RUNS: dict[str, tuple[str, dict[str, object]]] = {
    "classic": ("sdxl_simple_example", {"5.width": 512, "5.height": 384}),
    "qwen": ("image_qwen_image", {"76:58.width": 512, "76:58.height": 384}),
    "flux": ("image_flux2_klein_text_to_image", {"75:68.value": 384, "75:69.value": 512}),
    "video": ("image_to_video_wan", {"50.width": 320, "50.height": 192, "50.length": 17}),
    "upscaler": ("utility_seedvr2_3b_int8_upscale_image", {}),
    "scale": ("utility_interpolation_image_upscale", {}),
    "film": ("utility-gan_upscaler", {}),
    "partner": ("api_google_gemini_image", {}),
}
OPEN = "with editor('VIEW_3D'): bpy.ops.comfyui.open_workflow('INVOKE_DEFAULT', source='TEMPLATE', name={!r})"


@pytest.fixture
def studio(shared_window: BlenderWindow, comfy_server: Callable[..., ComfyServer]) -> Studio:
    """A server that runs stock nodes, its result shown beside the panel."""
    server = comfy_server(object_info=official.OBJECT_INFO, partner_account=True)
    official.offer(server.folders.root, *(name for name, _ in RUNS.values()))
    beginning = Studio(shared_window, server)
    beginning.put_beside("IMAGE_EDITOR", 0.5)
    return beginning


def open_template(studio: Studio, name: str) -> None:
    studio.server.provide(official.api(name))
    studio.open_panel("VIEW_3D")
    studio.window.run(OPEN.format(name))
    studio.window.wait_until("settings().imported.used")
    studio.let_draw()


def generate(studio: Studio) -> None:
    """Scroll down to the button, as a person does where a panel is long, and click on it."""
    window = studio.window
    x, y = window.region("VIEW_3D", "UI").centre
    for _ in range(40):
        window.screen.click(x, y, 5)
    window.settle()
    studio.generate("VIEW_3D")


@pytest.mark.parametrize("kind", RUNS)
def test_a_template_is_a_panel_and_runs(studio: Studio, kind: str) -> None:
    name, values = RUNS[kind]
    open_template(studio, name)
    studio.panel(kind, "VIEW_3D")
    studio.window.run(f"for key, value in {values!r}.items(): settings().values[key] = value")
    studio.window.run("module('regions').redraw()")

    generate(studio)

    assert studio.wait_for_result()
    studio.window.screenshot(f"{kind}-ran")
    assert studio.window.run("right_area('IMAGE_EDITOR').spaces.active.image.size[0]")


def test_a_partner_node_without_an_account_says_what_is_missing(studio: Studio) -> None:
    studio.server.partner_account = False
    open_template(studio, RUNS["partner"][0])
    generate(studio)
    assert "needs a Comfy account" in studio.wait_for_problem()
    studio.panel("partner-without-account", "VIEW_3D")
