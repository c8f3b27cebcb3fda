"""Runs inside each Blender, with the extension installed as a person installs it.

From the environment: BLENDER_COMFYUI_ZIP is the built zip (without it the sources are enabled as a local repository,
quicker while developing), BLENDER_COMFYUI_PYTHON the Python that has what the stand-in server needs.
"""

import os
import tempfile

# before bpy: it reads this when it is imported
os.environ.setdefault("BLENDER_USER_RESOURCES", tempfile.mkdtemp(prefix="blender-"))

import importlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import pytest

from tests.blender import workflow_graphs
from tests.blender.recorder import Recorder
from tests.blender.stand_in import StandIn
from tests.blender.waiting import wait_until
from tests.blender.workflow_words import PanelRecorder

ROOT = Path(__file__).resolve().parents[2]
ID = "blender_comfyui"


def pytest_unconfigure(config: pytest.Config) -> None:
    """bpy 4.2 crashes while Python ends, once a property with a callback was registered: so leave before that."""
    if bpy.app.version < (4, 3, 0) and hasattr(config, "exit_status"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.exit_status)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.exit_status = int(exitstatus)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The extension's module name, installed and enabled."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    archive = os.environ.get("BLENDER_COMFYUI_ZIP")
    if archive:
        bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
        return f"bl_ext.user_default.{ID}"
    import addon_utils  # it is there only once bpy is

    folder = tmp_path_factory.mktemp("repository")
    _stage(folder / ID)
    bpy.context.preferences.extensions.repos.new(name="Sources", module="sources", custom_directory=str(folder))
    addon_utils.extensions_refresh()
    addon_utils.enable(f"bl_ext.sources.{ID}", default_set=True)
    return f"bl_ext.sources.{ID}"


@pytest.fixture
def module(package: str) -> Callable[[str], ModuleType]:
    """``module("blender.runtime")`` is that module of the installed extension."""
    return lambda name: importlib.import_module(f"{package}.{name}")


@pytest.fixture(autouse=True)
def fresh(package: str) -> Iterator[None]:
    """Each test begins with an empty file and the preferences as after installing, and leaves no jobs."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences = bpy.context.preferences.addons[package].preferences
    for prop in preferences.bl_rna.properties:
        if not prop.is_readonly or prop.type == "COLLECTION":
            preferences.property_unset(prop.identifier)
    yield
    # looked for now: enabling the extension again makes new modules
    runtime, archive = (importlib.import_module(f"{package}.blender.{name}") for name in ("runtime", "archive"))
    runtime.close()
    archive.close()
    forget_history(package)


def forget_history(package: str) -> None:
    """Each test begins with an empty one.

    Threads that are ending may still have the old one open: closed later, SQLite would delete files of the next one.
    """
    for thread in threading.enumerate():
        if thread.name in ("comfyui-intake", "comfyui-worker", "comfyui-desk"):
            thread.join(timeout=10)
    folder = Path(bpy.utils.extension_path_user(package, path="session", create=True))
    folder.rename(tempfile.mkdtemp(prefix="old-session-", dir=folder.parent))


@pytest.fixture
def preferences(package: str) -> bpy.types.AddonPreferences:
    return bpy.context.preferences.addons[package].preferences


@pytest.fixture
def comfyui() -> bpy.types.PropertyGroup:
    """What the panel sets, for the open file's scene: small and fast."""
    settings = bpy.context.scene.comfyui
    settings.prompt = "a red fox in the snow"
    settings.seed_mode, settings.seed = "FIXED", "7"
    settings.width = settings.height = 64
    settings.steps, settings.checkpoint = 10, "random_sd15.safetensors"
    return settings


@pytest.fixture
def stand_in() -> Iterator[Callable[..., StandIn]]:
    """``stand_in("--step-delay", "0.1")`` gives a running stand-in server; it ends with the test."""
    with ExitStack() as servers:
        yield lambda *options: servers.enter_context(StandIn(ROOT, *options))


@pytest.fixture
def server(stand_in: Callable[..., StandIn], preferences: bpy.types.AddonPreferences) -> StandIn:
    """A stand-in server that the preferences point to."""
    running = stand_in()
    preferences.host = running.url
    return running


@pytest.fixture
def click(module: Callable[[str], ModuleType]) -> Callable[[], object]:
    """What the button does; without a window Blender calls `execute` instead.

    Returns the job's entry.
    """
    generate = module("blender.operators.generate")

    return lambda: generate.start(bpy.context)


@pytest.fixture
def deliver(module: Callable[[str], ModuleType]) -> Callable[..., None]:
    """``deliver(until)`` ticks as Blender's timer would until ``until()`` is true."""
    tick = module("blender.delivery").tick
    return lambda until: wait_until(until, meanwhile=tick)


@pytest.fixture
def draw(package: str) -> Callable[..., Recorder]:
    """``draw("VIEW_3D")`` draws that editor's panel at its usual width and returns what is in it."""

    def run(space: str = "VIEW_3D", width: int = 280, closed: tuple[str, ...] = ()) -> Recorder:
        panels = importlib.import_module(f"{package}.blender.panels")
        kinds = (panels.COMFYUI_PT_view3d, panels.COMFYUI_PT_image_editor, panels.COMFYUI_PT_sequencer)
        panel = next(kind for kind in kinds if kind.bl_space_type == space)
        layout = PanelRecorder(closed=closed)
        context = SimpleNamespace(
            scene=bpy.context.scene, preferences=bpy.context.preferences, region=SimpleNamespace(width=width)
        )
        panel.draw(SimpleNamespace(layout=layout), context)
        return layout

    return run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The open file, saved: tests that want paths relative to it."""
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def slow(server):
    """A server that waits until it is released."""
    server.control(call="hold")
    return server


@pytest.fixture
def records(package):
    """``records()`` is all that the history holds, the newest first."""
    history = importlib.import_module(f"{package}.generation.history")
    folder = Path(bpy.utils.extension_path_user(package, path="session", create=True))

    def read():
        opened = history.History(folder)
        try:
            return opened.find(size=100).records
        finally:
            opened.close()

    return read


@pytest.fixture
def placements_of(records):
    """``placements_of()`` is the placement of every file in the history."""
    return lambda: [str(file.placement) for record in records() for file in record.files]


@pytest.fixture
def forget(package):
    """``forget()`` is Blender's end and new start, as far as the extension knows; file and preferences stay."""
    import addon_utils  # it is there only once bpy is

    def restart():
        addon_utils.disable(package)
        addon_utils.enable(package)

    return restart


@pytest.fixture
def tick(package):
    """Ticks of the extension as it is now: enabling it again makes new modules."""
    return lambda: importlib.import_module(f"{package}.blender.delivery").tick()


@pytest.fixture
def until(tick):
    """``until(true)`` ticks until it is."""
    return lambda holds: wait_until(holds, meanwhile=tick)


@pytest.fixture
def jobs(package):
    return lambda: importlib.import_module(f"{package}.blender.runtime").jobs


@pytest.fixture
def alone(module):
    """The next test begins without a library, and with nothing known of a server."""
    yield
    module("blender.workflow_panel.reception").close()
    for path in module("blender.settings").user_folder("workflows").glob("*.json"):
        path.unlink()


@pytest.fixture
def load(tmp_path):
    """``load(graph)`` imports a workflow as a person does, and returns the scene's settings."""

    def run(graph, name="fox.json"):
        path = workflow_graphs.written(tmp_path / name, graph)
        assert bpy.ops.comfyui.import_workflow(filepath=path) == {"FINISHED"}
        return bpy.context.scene.comfyui

    return run


@pytest.fixture
def panel(module):
    """``panel()`` draws the workflow's part of the panel."""
    drawing = module("blender.workflow_panel.drawing")

    def run(width=224, closed=()):
        layout, chosen = PanelRecorder(closed=closed), bpy.context.scene.comfyui
        drawing.draw(layout, chosen.imported, chosen.values, width, lambda: None)
        return layout

    return run


@pytest.fixture
def build(module):
    """What the panel of the open scene is made of."""
    building = module("blender.workflow_panel.building")
    return lambda: building.built(bpy.context.scene.comfyui.imported)


def _stage(folder: Path) -> None:
    shutil.copytree(ROOT / ID, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "workflows", folder / "workflows")
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    start = manifest.index("wheels = [")  # in development they come from the virtual environment
    manifest = manifest[:start] + manifest[manifest.index("]", start) + 2 :]
    (folder / "blender_manifest.toml").write_text(manifest, encoding="utf-8")


@pytest.fixture
def no_presets():
    for found in bpy.utils.preset_paths("comfyui"):
        for path in Path(found).rglob("*.py"):
            path.unlink()
