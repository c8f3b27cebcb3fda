"""Files that a workflow loads are sent to the server's input folder first, once, and never instead of another's."""

from __future__ import annotations

import array
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_comfyui.comfy.errors import UploadRefused
from blender_comfyui.generation import drawings
from blender_comfyui.generation.drawings import CannotDraw, Drawing, Pixels, draw
from blender_comfyui.generation.events import StateChanged
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.request import Request, Upload
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.uploads import server_name
from blender_comfyui.workflow.errors import UnknownParameter
from tests.fault_proxy import FaultProxy
from tests.fault_proxy.faults import After, HangUp, Say, Silence
from tests.fault_proxy.script import Script
from tests.graphs import Graph, load_save, load_save_mask

LIMIT = 120.0
QUICK = Patience(unsent=1.0, outage=5.0, absence=0.3, absence_behind_proxy=0.5, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)
LEVELS = ["0.3.64", "0.27.0"]


def photo(folder: Path, colour: tuple[int, int, int] = (9, 99, 199), name: str = "photo.png") -> Path:
    path = folder / name
    Image.new("RGB", (32, 16), colour).save(path)
    return path


def uploads(server) -> int:
    return sum(request.route == "/upload/image" for request in server.requests)


def sent(server) -> list[Graph]:
    return [r.json["prompt"] for r in server.requests if r.route == "/prompt" and r.method == "POST"]


def pixel(path: Path, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    with Image.open(path) as image:
        return image.convert("RGB").getpixel(at)


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path / "data", patience=QUICK, retry=SOON) as session:
        yield session


@pytest.mark.parametrize("level", LEVELS)
def test_a_path_is_sent_and_loaded(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(load_save(), {"The photo.image": photo(tmp_path)}).wait(LIMIT)
    assert outcome.error is None
    assert pixel(outcome.files[0]) == (9, 99, 199)
    assert sent(server)[0]["1"]["inputs"]["image"] == "photo.png"


def test_another_file_of_the_same_name_gets_its_own(server, session, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    jobs = [
        session.submit(load_save(), {"The photo.image": photo(first, (255, 0, 0))}),
        session.submit(load_save(), {"The photo.image": photo(second, (0, 255, 0))}),
    ]
    assert [pixel(job.wait(LIMIT).files[0]) for job in jobs] == [(255, 0, 0), (0, 255, 0)]
    assert [graph["1"]["inputs"]["image"] for graph in sent(server)] == ["photo.png", "photo (1).png"]


@pytest.mark.parametrize("name", ['a "quoted" name.png', "füchse und 猫.png", "sp ace.png", "per%20cent.png"])
def test_odd_names_reach_the_server(server, session, tmp_path, name):
    outcome = session.submit(load_save(), {"1.image": photo(tmp_path, name=name)}).wait(LIMIT)
    assert outcome.error is None
    assert sent(server)[0]["1"]["inputs"]["image"] == server_name(Path(name))


@given(st.text(min_size=1, max_size=300))
def test_names_for_the_server_are_plain(text):
    name = server_name(Path("folder") / text.replace("/", "").replace("\0", ""))
    assert min(name) >= " "
    assert not set(name) & set('/\\"<>|?*:%')
    assert len(name.encode()) < 200


def test_the_history_knows_the_file_and_runs_it_again(server, session, tmp_path):
    path = photo(tmp_path)
    first = session.submit(load_save(), {"1.image": path})
    first.wait(LIMIT)
    request = session.history.record(first.id).request
    assert request.uploads == (Upload(path, (("1", "image"),), "photo.png"),)
    assert session.run(request).wait(LIMIT).error is None
    assert uploads(server) == 2  # the server may have lost it since
    path.unlink()
    assert session.run(request).wait(LIMIT).error is None  # it has it still


def test_a_file_that_is_not_there_is_said_and_nothing_is_sent(server, session, tmp_path):
    outcome = session.submit(load_save(), {"1.image": tmp_path / "gone.png"}).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, UploadRefused)
    assert "“The photo”, image" in str(outcome.error)
    assert str(tmp_path / "gone.png") in str(outcome.error)
    assert server.posts == 0


def test_a_path_for_nothing_is_refused_at_once(session, tmp_path):
    with pytest.raises(UnknownParameter):
        session.submit(load_save(), {"9.image": photo(tmp_path)})


def test_what_is_too_large_for_the_server_is_said_before_it_is_sent(server, session, tmp_path):
    path = tmp_path / "film.png"
    with path.open("wb") as file:
        file.truncate(101 * 2**20)
    outcome = session.submit(load_save(), {"1.image": path}).wait(LIMIT)
    assert isinstance(outcome.error, UploadRefused)
    assert "101 MB" in str(outcome.error)
    assert "--max-upload-size 102" in str(outcome.error)
    assert uploads(server) == 0


def test_a_limit_that_nobody_told_is_said_as_well(server, session, tmp_path):
    server.knobs.fail_next["POST /upload/image"] = [(413, {}, "Maximum request body size exceeded")]
    outcome = session.submit(load_save(), {"1.image": photo(tmp_path)}).wait(LIMIT)
    assert isinstance(outcome.error, UploadRefused)


def test_a_large_file_goes_whole(server, session, tmp_path):
    path = tmp_path / "noise.png"
    Image.effect_noise((1500, 1500), 90).save(path, compress_level=0)
    assert path.stat().st_size > 2_000_000
    outcome = session.submit(load_save(), {"1.image": path}).wait(LIMIT)
    assert outcome.error is None
    (kept,) = [file for file in server.site.folders.of_type("input").iterdir() if file.name == "noise.png"]
    assert kept.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "fault", [After(HangUp()), After(HangUp(reset=True)), HangUp(reset=True), Say(503), After(Say(502))]
)
def test_a_fault_on_the_way_is_tried_again_and_the_prompt_runs_once(server, tmp_path, fault):
    with FaultProxy(server) as proxy:
        Script({"POST /upload/image": [fault]}).set_on(proxy)
        with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
            job = session.submit(load_save(), {"1.image": photo(tmp_path)})
            outcome = job.wait(LIMIT)
    assert outcome.error is None
    assert pixel(outcome.files[0]) == (9, 99, 199)
    assert server.executions[job.id] == 1


def test_a_cancel_stops_the_transfer_and_others_come_after(server, tmp_path):
    with FaultProxy(server) as proxy:
        script = Script({"POST /upload/image": [Silence()]})
        script.set_on(proxy)
        with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
            job = session.submit(load_save(), {"1.image": photo(tmp_path)})
            proxy.wait_for(lambda: script.spent, LIMIT)
            job.cancel()
            assert job.wait(LIMIT).state == "cancelled"
            assert server.posts == 0
            other = session.submit(load_save(), {"1.image": photo(tmp_path)})
            assert other.wait(LIMIT).error is None


def test_a_close_does_not_wait_for_the_transfer(server, tmp_path):
    before = set(threading.enumerate())
    with FaultProxy(server) as proxy:
        script = Script({"POST /upload/image": Silence()})
        script.set_on(proxy)
        session = Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON)
        job = session.submit(load_save(), {"1.image": photo(tmp_path)})
        next(event for event in job.events() if isinstance(event, StateChanged) and "Sending" in event.waiting_for)
        session.close()
        left = {thread.name for thread in set(threading.enumerate()) - before}
        assert not {name for name in left if name.startswith("comfyui")}
        script.calm = True
        with Session(proxy.url, data_dir=tmp_path) as session:  # what was not sent yet is sent by the next one
            session.start()
            server.wait_finished(job.id, LIMIT)
    assert server.executions[job.id] == 1


# Drawings


def pixels(width: int, height: int, *rgba: float, is_linear: bool = False) -> Pixels:
    return Pixels(width, height, array.array("f", rgba * (width * height // (len(rgba) // 4))).tobytes(), is_linear)


def test_a_drawing_is_a_file_before_its_job_is_written_down(server, session, tmp_path):
    drawing = Drawing("Painting", pixels(16, 8, 0.2, 0.4, 0.6, 1.0))
    job = session.run(Request(load_save(), uploads=(Upload(Path("Painting.png"), (("1", "image"),), drawing=drawing),)))
    outcome = job.wait(LIMIT)
    assert outcome.error is None
    assert pixel(outcome.files[0]) == (51, 102, 153)
    (upload,) = session.history.record(job.id).request.uploads
    assert upload.path.parent == tmp_path / "data" / "inputs"
    assert upload.path.name == upload.name
    assert upload.path.name.startswith("Painting_")


def test_the_mask_of_a_drawing_is_the_mask_of_load_image(server, session):
    left_white = array.array("f", [1, 1, 1, 1, 0, 0, 0, 1] * 4).tobytes()
    drawing = Drawing("Photo", pixels(64, 32, 0.5, 0.5, 0.5, 1.0), Pixels(2, 4, left_white))
    upload = Upload(Path("Photo.png"), (("1", "image"),), drawing=drawing)
    outcome = session.run(Request(load_save_mask(), uploads=(upload,))).wait(LIMIT)
    assert outcome.error is None
    assert pixel(outcome.files[0], (2, 16)) == (255, 255, 255)
    assert pixel(outcome.files[0], (61, 16)) == (0, 0, 0)


def test_rows_come_from_the_bottom_and_linear_light_is_shown_as_srgb(tmp_path):
    black_below_grey = array.array("f", [0, 0, 0, 1, 0.5, 0.5, 0.5, 0.5]).tobytes()
    path = draw(Drawing("x", Pixels(1, 2, black_below_grey, is_linear=True)), tmp_path)
    with Image.open(path) as image:
        assert image.getpixel((0, 0)) == (188, 188, 188, 128)
        assert image.getpixel((0, 1)) == (0, 0, 0, 255)


def test_values_beyond_white_and_none_at_all_are_cut(tmp_path):
    wild = array.array("f", [9.0, -3.0, float("nan"), 1.0]).tobytes()
    with Image.open(draw(Drawing("x", Pixels(1, 1, wild)), tmp_path)) as image:
        assert image.getpixel((0, 0))[:2] == (255, 0)


def test_the_same_drawing_is_the_same_file(tmp_path):
    drawing = Drawing("x", pixels(4, 4, 0.1, 0.2, 0.3, 1.0))
    assert draw(drawing, tmp_path) == draw(drawing, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_an_encoded_picture_stays_as_it_is(tmp_path):
    photo(tmp_path, name="photo.jpg")
    data = (tmp_path / "photo.jpg").read_bytes()
    path = draw(Drawing("photo", data), tmp_path / "inputs")
    assert path.suffix == ".jpg"
    assert path.read_bytes() == data
    masked = draw(Drawing("photo", data, pixels(2, 2, 1.0, 1.0, 1.0, 1.0)), tmp_path / "inputs")
    with Image.open(masked) as image:
        assert image.getchannel("A").getextrema() == (0, 0)


def test_a_picture_that_is_none_fails_the_job_with_a_sentence(server, session):
    drawing = Drawing("Broken", b"no picture", pixels(2, 2, 1.0, 1.0, 1.0, 1.0))
    outcome = session.run(
        Request(load_save(), uploads=(Upload(Path("Broken.png"), (("1", "image"),), drawing=drawing),))
    ).wait(LIMIT)
    assert isinstance(outcome.error, CannotDraw)
    assert "“Broken”" in str(outcome.error)
    assert server.posts == 0


def test_files_that_nobody_used_for_long_are_swept(tmp_path):
    path = draw(Drawing("x", pixels(4, 4, 0.1, 0.2, 0.3, 1.0)), tmp_path)
    used = path.stat().st_mtime
    drawings.sweep(tmp_path, used + drawings.KEPT - 10)
    assert path.exists()
    drawings.sweep(tmp_path, used + drawings.KEPT + 10)
    assert not path.exists()
    drawings.sweep(tmp_path / "none", 0.0)
