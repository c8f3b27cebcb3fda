"""What goes wrong, as the panel says it at its narrow width."""

from tests.gui.studio import Studio

SIZE = (1000, 900)


def test_server_down(studio: Studio) -> None:
    studio.server.stop()

    studio.open_panel("VIEW_3D")

    studio.panel("server-down", "VIEW_3D")
    assert str(studio.server.port) in said_of_server(studio)


def test_server_went_down_while_a_job_ran(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    studio.set(prompt="A red fox in the snow")
    studio.server.hold()
    studio.generate("VIEW_3D")
    studio.run_to(0.3)

    studio.server.stop()

    studio.window.wait_until("newest().job.waiting_for")
    studio.let_draw()
    studio.panel("server-lost", "VIEW_3D")


def test_login_refused(studio: Studio) -> None:
    studio.server.auth = ("Authorization", "Bearer secret")

    studio.open_panel("VIEW_3D")

    studio.panel("login", "VIEW_3D")
    assert "refused the credentials" in said_of_server(studio)


def test_not_comfyui(studio: Studio) -> None:
    studio.window.run("preferences().prefix = '/of/another/page'")

    studio.open_panel("VIEW_3D")

    studio.panel("not-comfyui", "VIEW_3D")
    assert "it is not ComfyUI" in said_of_server(studio)


def test_job_fails(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    studio.server.vram_batch_limit = 0
    studio.set(prompt="A red fox in the snow", batch_size=4, width=2048, height=2048)

    studio.generate("VIEW_3D")
    said = studio.wait_for_problem()

    studio.panel("out-of-memory", "VIEW_3D")
    assert "memory" in said


def test_a_checkpoint_that_the_server_lacks_is_said_before_anything_is_sent(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    studio.set(prompt="A red fox", checkpoint="SDXL/a_model_that_this_server_has_never_heard_of.safetensors")
    studio.window.run("module('regions').redraw()")
    tier = "module('tasks.asking').board().tier('standard')"
    said = studio.window.wait_until(f"{tier} and {tier}.offer.reason")

    studio.press("VIEW_3D", "comfyui.generate")

    studio.panel("unknown-checkpoint", "VIEW_3D")
    assert "never_heard_of" in str(said)
    assert studio.window.run("entries()") == []


def test_another_computer_without_online_access(studio: Studio) -> None:
    window = studio.window
    assert window.run("bpy.app.online_access") is False
    window.run("preferences().host = '192.0.2.7'")  # an address for documents, of no computer

    studio.open_panel("VIEW_3D")

    studio.panel("online-access", "VIEW_3D")
    window.find_button("VIEW_3D", "UI", "comfyui.allow_online_access")
    studio.press("VIEW_3D", "comfyui.generate")
    assert window.run("entries()") == []
    assert window.run("len(module('runtime')._connections)") == 0


def said_of_server(studio: Studio) -> str:
    return str(studio.window.run("str(server().error)"))
