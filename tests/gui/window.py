"""A real Blender in a window, with the built extension installed, driven by a test.

    with BlenderWindow(place, "generate") as window:
        window.show_tab("VIEW_3D", "ComfyUI")
        window.click(*window.find_button("VIEW_3D", "UI", "comfyui.generate"))
        window.wait_until("len(bpy.data.images) > 0")
        window.screenshot("done")

Pictures and Blender's log go to out/gui/, named after the test.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from tests.gui.place import Place
from tests.gui.screen import Rect, Screen, stop
from tools import extension
from tools.project import OUT

PICTURES = OUT / "gui"
# Where a button is looked for: a step of pixels down (they are 20 high), shares of the width across.
ROW = 16
COLUMNS = (0.35, 0.8, 0.6, 0.1)
BRIDGE = Path(__file__).with_name("bridge.py")


class BlenderWindow:
    """Context manager: the screen and Blender live as long as it."""

    _installed: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def __init__(self, place: Place, name: str, size: tuple[int, int] = (1280, 800)) -> None:
        self.place = place
        self.name = name
        self.folder = place.new_folder()
        self.screen = Screen(place, self.folder, size)
        self.log = PICTURES / f"{name}.log"
        self._stack = ExitStack()
        self._origin = (0, 0)
        self._places: dict[str, tuple[int, int]] = {}  # of buttons, by what they say, as they were last seen

    def __enter__(self) -> "BlenderWindow":
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self._stack.enter_context(self.screen)
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.unlink(missing_ok=True)
            self._install()
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.screenshot("failed")
        self._stack.close()

    # -- Blender's inside ---------------------------------------------------------------------------------------

    def run(self, code: str, timeout: float = 60) -> object:
        """Execute Python on Blender's main thread; returns the value of the last expression (JSON, or its repr).

        Beside `bpy` the code has the functions of bridge.py, and what earlier calls defined. Raises AssertionError
        with Blender's traceback if it fails there.
        """
        return self._ask({"code": code}, timeout)["value"]

    def wait_until(self, expression: str, timeout: float = 30) -> object:
        """Wait until a Python expression in Blender is true and return its value; AssertionError after `timeout`."""
        answer = self._ask({"code": expression, "until": timeout}, timeout + 30)
        if not answer["holds"]:
            picture = self.screenshot("timeout")
            raise AssertionError(f"not true within {timeout} s: {expression} (it is {answer['value']!r}; {picture})")
        return answer["value"]

    def settle(self, ticks: int = 10) -> None:
        """Let Blender handle the mouse and keyboard events that were sent, and redraw."""
        self._ask({"ticks": ticks}, 60)

    def path(self, inside: str) -> Path:
        """Where the test finds a file that Blender names."""
        return self.place.outside(inside)

    # -- what is where ------------------------------------------------------------------------------------------

    def region(self, editor: str, region: str = "WINDOW") -> Rect:
        """A region of the largest editor of a type ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")."""
        found = self.run(
            f"r = area_region(screen_area({editor!r}), {region!r}); w = bpy.context.window_manager.windows[0]\n"
            "[r.x, w.height - r.y - r.height, r.width, r.height]"
        )
        x, y, width, height = found  # type: ignore[misc]
        return Rect(self._origin[0] + x, self._origin[1] + y, width, height)

    def show_tab(self, editor: str, category: str) -> Rect:
        """Open an editor's side bar at a tab; returns where it is."""
        self.run(
            f"a = screen_area({editor!r}); a.spaces.active.show_region_ui = True\narea_region(a, 'UI').tag_redraw()"
        )
        self.wait_until(f"area_region(screen_area({editor!r}), 'UI').width > 1")
        # the tabs of a side bar are known when it was drawn once
        self.wait_until(f"set_tab({editor!r}, {category!r})")
        self.settle()
        return self.region(editor, "UI")

    def resize_side_bar(self, editor: str, width: int) -> None:
        """Drag the edge of an editor's side bar until it is `width` pixels wide."""
        edge = self.region(editor, "UI")
        if edge.width != width:
            y = edge.y + edge.height * 3 // 4
            self.drag((edge.x, y), (edge.x + edge.width - width, y))
        self.wait_until(f"area_region(screen_area({editor!r}), 'UI').width == {width}", 5)

    def find_button(
        self, editor: str, region: str, meaning: str, columns: Sequence[float] = COLUMNS
    ) -> tuple[int, int]:
        """The place of a button, looked for with the mouse from top to bottom in `columns`, shares of the width.

        `meaning` is part of the operator's Python command or of the property's data path ("comfyui.generate",
        "comfyui.prompt"). Raises AssertionError if no visible button of the region says so.
        """
        where = self.region(editor, region)
        seen: dict[str, None] = {}
        remembered = [place for said, place in self._places.items() if meaning in said]
        grid = [
            (where.x + int(where.width * part), y)
            for part in columns
            for y in range(where.y + 4, where.y + where.height - 2, ROW)
        ]
        for ticks, places in ((1, [*remembered, *grid]), (8, grid)):  # a busy machine shows things later
            for x, y in places:
                said = self._hovered(x, y, editor, region, ticks)
                if meaning in said and self._is_settled_there(x, y, editor, region, meaning):
                    return x, y
                seen[said] = None
        picture = self.screenshot("no-button")
        raise AssertionError(f"no button {meaning} in {editor} {region}, only {list(seen)} ({picture})")

    def _is_settled_there(self, x: int, y: int, editor: str, region: str, meaning: str) -> bool:
        """What was set before is drawn only when the mouse comes, and may have moved the button."""
        self.settle()
        return meaning in self._hovered(x + 1, y, editor, region) and meaning in self._hovered(x, y, editor, region)

    def _hovered(self, x: int, y: int, editor: str, region: str, ticks: int = 3) -> str:
        self.screen.move(x, y)
        answer = self._ask({"ticks": ticks, "code": f"hovered({editor!r}, {region!r})"}, 30)
        said = str(answer["value"])
        if said:
            self._places[said] = (x, y)  # it is looked for there first next time
        return said

    # -- hand and eye -------------------------------------------------------------------------------------------

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Click on the screen and let Blender handle it: first that the mouse has come, as a person's would have."""
        self.screen.move(x, y)
        self.settle(3)
        self.screen.xdotool("click", str(button))
        self.settle()

    def drag(self, start: tuple[int, int], end: tuple[int, int], button: int = 1) -> None:
        """Drag with a button held down, and let Blender see each part of it."""
        self.screen.move(*start)
        self.settle()
        self.screen.xdotool("mousedown", str(button))
        for point in (((start[0] + end[0]) // 2, (start[1] + end[1]) // 2), end):
            self.settle()
            self.screen.move(*point)
        self.settle()
        self.screen.xdotool("mouseup", str(button))
        self.settle()

    def key(self, *names: str) -> None:
        """Press keys and let Blender handle them."""
        self.screen.key(*names)
        self.settle()

    def type(self, text: str) -> None:
        """Type a text and let Blender handle it."""
        self.screen.type(text)
        self.settle()

    def screenshot(self, what: str, part: Rect | None = None) -> Path:
        """Write out/gui/<name>-<what>.png: the screen, or a part of it."""
        return self.screen.picture(PICTURES / f"{self.name}-{what}.png", part)

    def quit(self, timeout: float = 30) -> int:
        """Leave Blender as its menu does and return its exit code; nothing can be asked afterwards."""
        self._connection.sendall(json.dumps({"code": "bpy.ops.wm.quit_blender()"}).encode() + b"\n")
        return self._process.wait(timeout)

    # -- start and end ------------------------------------------------------------------------------------------

    def _env(self) -> dict[str, str]:
        return {"BLENDER_USER_RESOURCES": self.place.inside(self.folder / "blender")}

    def _install(self) -> None:
        """The first one does what a person would; those after it begin with a copy of that."""
        resources = self.folder / "blender"
        if BlenderWindow._installed is None:
            resources.mkdir()
            self._install_file()
            BlenderWindow._installed = tempfile.TemporaryDirectory(prefix="installed-")
            shutil.copytree(resources, BlenderWindow._installed.name, dirs_exist_ok=True)
        else:
            shutil.copytree(BlenderWindow._installed.name, resources)

    def _install_file(self) -> None:
        copy = shutil.copy2(extension.zip_for_this_machine(), self.folder)
        words = ["blender", "--factory-startup", "--command", "extension", "install-file"]
        words += ["-r", "user_default", "--enable", self.place.inside(Path(copy))]
        process = self.screen.start(words, self.log, **self._env())
        code = process.wait(120)
        assert code == 0, f"the extension was not installed ({code}):\n{self.log.read_text(errors='replace')}"

    def _start(self) -> None:
        width, height = self.screen.size
        script = shutil.copy2(BRIDGE, self.folder)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            words = ["blender", "-noaudio", "--gpu-backend", "opengl", "--window-geometry", "0", "0"]
            words += [str(width), str(height), "--python-exit-code", "1"]
            words += ["--python", self.place.inside(Path(script))]
            port = str(listener.getsockname()[1])
            self._process = self.screen.start(words, self.log, BRIDGE_PORT=port, **self._env())
            self._stack.callback(stop, self._process)
            self._connection = _accept(listener, self._process, self.log)
        self._stack.callback(self._connection.close)
        self._lines = self._connection.makefile("rb")
        self._stack.callback(self._lines.close)
        self.wait_until("bpy.context.window_manager.windows[0].height > 100")
        self.settle()
        self._origin = self._find_origin()

    def _find_origin(self) -> tuple[int, int]:
        """Where the window manager put Blender's window."""
        words = self.screen.xdotool("search", "--onlyvisible", "--class", "blender").split()
        said = self.screen.xdotool("getwindowgeometry", "--shell", words[0])
        facts = dict(line.split("=", 1) for line in said.split() if "=" in line)
        return int(facts["X"]), int(facts["Y"])

    def _ask(self, request: dict[str, object], timeout: float) -> dict[str, object]:
        self._connection.settimeout(timeout)
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        line = self._lines.readline()
        assert line, f"Blender is gone:\n{self.log.read_text(errors='replace')[-3000:]}"
        answer: dict[str, object] = json.loads(line)
        assert "error" not in answer, f"in Blender:\n{answer['error']}"
        return answer


def _accept(listener: socket.socket, process: subprocess.Popen[bytes], log: Path) -> socket.socket:
    """Wait for the bridge in Blender, no longer than Blender lives and no longer than 90 s."""
    listener.settimeout(1)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return listener.accept()[0]
        except TimeoutError:
            continue
    raise AssertionError(f"Blender did not come up:\n{log.read_text(errors='replace')[-3000:]}")
