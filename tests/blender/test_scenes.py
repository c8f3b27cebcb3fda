"""Which scene a result goes to: the one it was asked from, whatever that is called when the result arrives."""

import bpy
import pytest

pytestmark = pytest.mark.usefixtures("comfyui", "saved")


@pytest.fixture
def asked(server, click, deliver):
    """A job that runs on the server until ``asked.arrives()``."""

    class Asked:
        def __init__(self):
            server.control(call="hold")
            self.entry = click()
            deliver(lambda: self.entry.job.state == "running")

        def arrives(self):
            server.control(call="release")
            deliver(lambda: self.entry.is_settled)

    return Asked()


def results(scene):
    return len(scene.comfyui.results)


def link_scene(path, name):
    """Another file's scene of that name, linked into the open file."""
    bpy.data.libraries.write(str(path), {bpy.data.scenes[name]}, fake_user=True)
    return lambda: _load(path, name)


def _load(path, name):
    with bpy.data.libraries.load(str(path), link=True) as (_there, here):
        here.scenes = [name]
    return next(scene for scene in bpy.data.scenes if scene.library is not None)


def test_a_scene_that_was_renamed_gets_its_result(asked):
    scene = bpy.context.scene
    scene.name = "Shot 10"
    asked.arrives()
    assert (asked.entry.obstacle, results(scene)) == ("", 1)


def test_scenes_that_have_swapped_their_names_get_their_own_results(asked):
    own, other = bpy.context.scene, bpy.data.scenes.new("Other")
    own.name = "between"
    other.name, own.name = "Scene", "Other"
    asked.arrives()
    assert (results(own), results(other)) == (1, 0)


def test_a_new_scene_with_the_name_of_a_deleted_one_is_another(asked):
    other = bpy.data.scenes.new("Other")
    bpy.data.scenes.remove(bpy.context.scene)
    other.name = "Scene"
    asked.arrives()
    assert "is gone" in asked.entry.obstacle
    assert results(other) == 0


def test_in_a_file_that_was_opened_again_the_name_decides(asked, saved):
    name = bpy.context.scene.name
    for _ in range(40):  # so that other scenes have the numbers of this session
        bpy.data.scenes.new("Filler")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    asked.arrives()
    assert results(bpy.data.scenes[name]) == 1


def test_a_linked_scene_is_never_taken_for_an_own_one(asked, tmp_path, saved):
    link = link_scene(tmp_path / "library.blend", "Scene")
    bpy.context.scene.name = "Main"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(saved))  # from now on the name decides
    linked = link()
    assert linked.name == "Scene"
    asked.arrives()
    assert "is gone" in asked.entry.obstacle
    assert results(linked) == 0


def test_what_is_asked_for_in_a_linked_scene_says_that_it_cannot_be_kept_there(module, tmp_path):
    linked = link_scene(tmp_path / "library.blend", "Scene")()
    target = module("blender.order").target
    place = {**target(bpy.context), "scene_uid": str(linked.session_uid)}
    with pytest.raises(module("blender.sinks.target").CannotPlace, match="is linked from another file"):
        module("blender.sinks.target").scene_of(place)
