"""Words for tests of the panel that is made of any workflow."""

import bpy

from tests.blender.recorder import Drawn, Recorder


class PanelRecorder(Recorder):
    """Takes custom properties, too."""

    def _part(self, **_):
        return PanelRecorder(self.drawn, self.closed)

    row = column = box = split = _part

    def prop(self, data, name, icon="NONE", **arguments):
        if not name.startswith("["):
            return super().prop(data, name, icon, **arguments)
        data.path_resolve(name)
        return self._note(Drawn("prop", arguments.get("text", ""), name, icon, arguments))

    def textbox(self, data, name, **arguments):
        if name.startswith("["):
            data.path_resolve(name)
        self._note(Drawn("textbox", name=name, arguments=arguments))


def posted(server):
    """The graphs that reached the server, in order."""
    requests = server.control()["requests"]
    return [body["prompt"] for method, path, _, body in requests if (method, path) == ("POST", "/prompt")]


def reopened(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return bpy.context.scene
