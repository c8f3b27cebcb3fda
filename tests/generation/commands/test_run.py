"""`run`: from the words to whole files."""

from __future__ import annotations

from PIL import Image

from blender_comfyui.generation.history import History, Placement
from blender_comfyui.generation.session import Session
from tests import graphs


def prompts(server):
    return [request.json["prompt"] for request in server.journal.requests if request.route == "/prompt"]


def test_a_workflow_gives_files(at_server, workflow):
    done = at_server.json("run", workflow, "--set", "prompt=a blue fox", "--set", "steps=7", "--output", "out/here")
    assert done.code == 0
    job = done.json["job"]
    assert (job["state"], job["label"], job["workflow"]) == ("finished", "a blue fox", "fox")
    [sent] = prompts(at_server.server)
    assert sent["2"]["inputs"]["text"] == "a blue fox"
    assert sent["5"]["inputs"]["steps"] == 7
    [file] = job["files"]
    assert file["path"].startswith("/")
    Image.open(file["path"]).load()


def test_people_get_a_line_for_each_file(at_server, workflow, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = at_server("run", workflow, "--output", "out", "--name", "fox")
    [line] = done.out.splitlines()
    assert line.startswith("out/fox_")
    assert (tmp_path / line).is_file()
    assert "a red cube: finished" in done.err


def test_a_folder_that_cannot_be_is_told_before_anything_is_sent(at_server, workflow):
    done = at_server.json("run", workflow, "--output", workflow / "inside", "--timeout", "20")
    assert done.code == 10, done.err
    assert "cannot be made" in done.json["error"]["sentence"]
    assert at_server.server.posts == 0


def test_a_prompt_that_looks_like_a_number_stays_a_text(at_server, workflow):
    assert at_server("run", workflow, "--prompt", "42", "--set", "Main sampler.cfg=3.5", "--set", "width=128").code == 0
    [sent] = prompts(at_server.server)
    assert sent["2"]["inputs"]["text"] == "42"
    assert sent["5"]["inputs"]["cfg"] == 3.5
    assert sent["4"]["inputs"]["width"] == 128


def test_an_input_that_one_node_has_needs_no_title(at_server, workflow):
    assert (
        at_server("run", workflow, "--set", "filename_prefix=own", "--set", "ckpt_name=dreamshaper_8.safetensors").code
        == 0
    )
    [sent] = prompts(at_server.server)
    assert sent["7"]["inputs"]["filename_prefix"] == "own"
    assert sent["1"]["inputs"]["ckpt_name"] == "dreamshaper_8.safetensors"


def test_seeds_have_64_bits_and_can_be_drawn(at_server, workflow):
    largest = 2**64 - 1
    assert at_server.json("run", workflow, "--set", f"seed={largest}").json["job"]["seed"] == largest
    drawn = [at_server.json("run", workflow, "--set", "seed=random").json["job"]["seed"] for _ in range(2)]
    sent = [prompt["5"]["inputs"]["seed"] for prompt in prompts(at_server.server)]
    assert sent == [largest, *drawn]
    assert drawn[0] != drawn[1]


def test_a_file_is_sent_first(at_server, picture):
    path = at_server.file("load.json", graphs.load_save())
    done = at_server.json("run", path, "--input", f"The photo.image={picture}")
    assert done.code == 0, done.err
    [file] = done.json["job"]["files"]
    assert Image.open(file["path"]).size == Image.open(picture).size


def test_image_names_the_picture_that_a_workflow_loads(at_server, picture):
    path = at_server.file("load.json", graphs.load_save())
    assert at_server("run", path, "--input", f"image={picture}").code == 0


def test_a_task_at_a_tier(commands, full_server):
    commands.server = full_server()
    done = commands.json("run", "--task", "image_generation", "--tier", "low", "--prompt", "a fox", "--set", "width=64")
    assert done.code == 0, done.err
    job = done.json["job"]
    assert (job["task"], job["tier"], job["label"]) == ("image_generation", "low", "a fox")
    assert len(job["files"]) == 1


def test_several_values_go_to_the_pictures_of_a_grid(commands, full_server):
    commands.server = full_server()
    done = commands.json("run", "--task", "grid", "--set", "prompt=a fox", "--set", "prompt=a hare")
    assert done.code == 0, done.err
    assert done.json["job"]["label"] == "a fox | a hare"


def test_a_workflow_takes_the_place_of_a_tiers_own(commands, full_server, workflow):
    commands.server = full_server()
    commands.server.models = {**commands.server.models, "checkpoints": ("random_sd15.safetensors",)}
    done = commands.json("run", workflow, "--task", "image_generation", "--tier", "low", "--prompt", "a fox",
                         "--set", "checkpoint=random_sd15.safetensors")  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["job"]["workflow"] == "fox"


def test_what_the_server_lacks_is_said_before_anything_is_sent(at_server):
    done = at_server.json("run", "sd_basic", "--prompt", "a fox")
    assert done.code == 5
    assert "v1-5-pruned" in done.json["error"]["sentence"]
    assert at_server.server.journal.posts == 0
    done = at_server.json("run", "--task", "image_generation", "--prompt", "a fox")
    assert done.code == 5
    assert at_server.server.journal.posts == 0


def test_unchecked_is_sent_all_the_same(at_server):
    done = at_server.json("run", "sd_basic", "--unchecked")
    assert done.code == 6
    assert done.json["job"]["error"]["kind"] == "InvalidPrompt"
    assert at_server.server.journal.posts == 1


def test_blender_does_not_offer_to_place_the_results(at_server, workflow):
    assert at_server("run", workflow).code == 0
    history = History(at_server.data)
    [record] = history.find().records
    assert [file.placement for file in record.files] == [Placement.DISMISSED]
    assert history.waiting("", "") == ()
    history.close()


def test_a_timeout_leaves_the_job_to_the_server(at_server, workflow):
    at_server.server.hold()
    done = at_server.json("run", workflow, "--timeout", "0.2")
    assert done.code == 7
    assert done.json["error"]["kind"] == "Timeout"
    assert done.json["job"]["state"] in ("waiting", "queued", "running")
    at_server.server.release()
    at_server.server.wait_for(lambda: sum(at_server.server.journal.finished.values()) == at_server.server.journal.posts)


def test_what_an_earlier_blender_left_comes_after_it(at_server, workflow):
    """One that was closed before it could send its jobs: who makes something next sends them."""
    server = at_server.server
    server.stop()
    session = Session(server.url, data_dir=at_server.data)
    left = [session.submit(graphs.empty_save(), label=f"left {number}") for number in range(3)]
    session.close()
    server.start()
    done = at_server.json("run", workflow)
    assert done.code == 0
    states = {job["id"]: job["state"] for job in at_server.json("history").json["jobs"]}
    assert states.pop(done.json["job"]["id"]) == "finished"
    assert list(states) == [job.id for job in reversed(left)]
    sent = [request.json["prompt_id"] for request in server.journal.requests if request.route == "/prompt"]
    assert done.json["job"]["id"] in sent[:2]
