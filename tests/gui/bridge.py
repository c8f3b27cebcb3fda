"""Runs inside the windowed Blender: executes what the test sends, on the main thread, between two redraws.

Started with `--python`. Connects to the test at BRIDGE_PORT on the loopback and answers one JSON line with one
JSON line. A request is `{"code": …}`: the value of its last expression comes back; or, with `"until": seconds`, the
value of an expression as soon as it is true. `{"ticks": n}` answers after n timer ticks, so that Blender has
handled the mouse and the keys that came before.
"""

import ast
import contextlib
import json
import os
import socket
import time
import traceback

import bpy

TICK = 0.005  # seconds


def screen_area(kind, window=None):
    """The largest area of an editor type in a window, None if there is none."""
    window = window or bpy.context.window_manager.windows[0]
    found = [area for area in window.screen.areas if area.ui_type == kind or area.type == kind]
    return max(found, key=lambda area: area.width * area.height, default=None)


def area_region(area, kind):
    """The region of a kind in an area."""
    return next(region for region in area.regions if region.type == kind)


@contextlib.contextmanager
def editor(kind, region="WINDOW"):
    """Run operators as if the mouse were in that editor."""
    area = screen_area(kind)
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=area, region=area_region(area, region)):
        yield area


def hovered(kind, region):
    """What the button under the mouse would run or change, as a Python command or a data path, '' if none."""
    manager = bpy.context.window_manager
    with editor(kind, region):
        manager.clipboard = ""
        for copy in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
            if copy.poll():
                copy()
                break
    return manager.clipboard


def set_tab(kind, category):
    """Open a tab of an editor's side bar; false as long as the side bar does not know it."""
    region = area_region(screen_area(kind), "UI")
    try:
        region.active_panel_category = category
    except TypeError:
        return False
    region.tag_redraw()
    return region.active_panel_category == category


class Bridge:
    """One connection to the test."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setblocking(False)
        self.received = b""
        self.pending = None  # the request that waits to become true
        self.names = {"bpy": bpy, "screen_area": screen_area, "area_region": area_region}
        self.names |= {"editor": editor, "hovered": hovered, "set_tab": set_tab}

    def tick(self):
        """Blender's timer: answer what has come."""
        try:
            self._read()
        except ConnectionError:
            bpy.ops.wm.quit_blender()
            return None
        if self.pending is None and b"\n" in self.received:
            line, _, self.received = self.received.partition(b"\n")
            self.pending = json.loads(line)
            self.pending["since"] = time.monotonic()
        if self.pending is not None:
            self._work()
        return TICK

    def _read(self):
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError
            self.received += data

    def _work(self):
        request = self.pending
        if request.get("ticks", 0) > 0:
            request["ticks"] -= 1
            return
        try:
            value = self._execute(request["code"]) if "code" in request else None
            late = time.monotonic() - request["since"] > request.get("until", 0)
            holds = bool(value)  # asked here: an empty collection goes out as its repr
            if "until" in request and not holds and not late:
                return
            answer = {"value": value, "holds": holds}
        except Exception:
            answer = {"error": traceback.format_exc()}
        self.pending = None
        self._send(answer)

    def _execute(self, code):
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<test>", "exec"), self.names)
        return eval(compile(ast.Expression(last.value), "<test>", "eval"), self.names) if last else None

    def _send(self, answer):
        line = json.dumps(answer, default=repr).encode() + b"\n"
        self.socket.setblocking(True)
        self.socket.sendall(line)
        self.socket.setblocking(False)


def quiet_preferences():
    """No splash over the buttons, no question at the end."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.system.viewport_aa = "OFF"  # a processor draws it
    preferences.view.use_save_prompt = False
    preferences.use_preferences_save = False


quiet_preferences()
bridge = Bridge(int(os.environ["BRIDGE_PORT"]))
# persistent: a test may open another file
bpy.app.timers.register(bridge.tick, persistent=True)
