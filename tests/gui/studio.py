"""A person at Blender with a ComfyUI server beside it: what the scenarios share."""

from pathlib import Path

from tests.comfy_server import ComfyServer
from tests.gui.pixels import noisy_rows
from tests.gui.screen import Rect
from tests.gui.window import BlenderWindow

TAB = "ComfyUI"
SIDE_BAR = 280  # pixels: what Blender gives a side bar at scale 1, and ours must do with
WORDS = Path(__file__).with_name("inside.py")


class Studio:
    """Blender with a new file, its window, and the server that its preferences name."""

    def __init__(self, window: BlenderWindow, server: ComfyServer) -> None:
        self.window = window
        self.server = server
        window.run(WORDS.read_text(encoding="utf-8"))
        window.run(f"new_file({server.url!r})")
        self.set(checkpoint=server.checkpoints[0])  # the bundled workflows name one that it does not have
        window.settle()

    def set(self, **values: object) -> None:
        """Fill in the panel."""
        for name, value in values.items():
            self.window.run(f"settings().{name} = {value!r}")

    def put_beside(self, editor: str, share: float) -> None:
        """Put an editor to the right of the 3D View, which keeps that share of the width."""
        self.window.run(f"split({share})")
        self.window.settle()  # where the two are is known when they were drawn once
        self.window.run(f"right_area('VIEW_3D').ui_type = {editor!r}")
        self.window.settle()

    def open_panel(self, editor: str) -> Rect:
        """Show the tab in an editor at its narrow width and wait until it knows the server; returns where it is."""
        window = self.window
        window.show_tab(editor, TAB)
        window.resize_side_bar(editor, SIDE_BAR)
        window.wait_until("server().connection in ('ready', 'unreachable') or module('runtime').refusal()")
        self.let_draw()
        return window.region(editor, "UI")

    def let_draw(self) -> None:
        """Wait until Blender has taken and drawn all that has happened."""
        self.window.wait_until("told()")
        self.window.settle()

    def press(self, editor: str, meaning: str) -> None:
        """Click on a button of the panel; `meaning` as for `find_button`."""
        self.window.click(*self.window.find_button(editor, "UI", meaning))

    def generate(self, editor: str) -> None:
        """Click on Generate and wait for the job that comes of it."""
        known = self.window.run("len(entries())")
        self.press(editor, "comfyui.generate")
        self.window.wait_until(f"len(entries()) == {known} + 1")

    def run_to(self, share: float) -> float:
        """Let the held server work until the newest job's progress is at least `share`; returns the progress."""
        for _ in range(100):
            self.server.wait_held()
            self.let_draw()
            progress = self.window.run("float(newest().job.progress)")
            assert isinstance(progress, float)
            if progress >= share:
                return progress
            self.server.step()
        raise AssertionError(f"the progress never came to {share}")

    def wait_for_result(self) -> str:
        """Wait until the newest job's results are in Blender; returns the first one's name."""
        placed = self.window.wait_until("newest().is_settled and (newest().placed or [newest().problem])")
        self.let_draw()
        assert self.window.run("newest().problem") == ""
        return str(placed[0])  # type: ignore[index]

    def wait_for_problem(self) -> str:
        """Wait until the newest job has failed; returns the sentence that the panel says."""
        said = self.window.wait_until("newest().is_settled and newest().problem")
        self.let_draw()
        return str(said)

    def panel(self, what: str, editor: str) -> Path:
        """A screenshot of an editor's side bar alone."""
        return self.window.screenshot(what, self.window.region(editor, "UI"))

    def noisy_rows(self, picture: Path, editor: str) -> int:
        """How many rows of an editor's side bar hold a live picture, on a screenshot of the whole screen."""
        return noisy_rows(picture, self.window.region(editor, "UI"))
