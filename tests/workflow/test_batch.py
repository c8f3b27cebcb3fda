from __future__ import annotations

import contextlib
from typing import Any

import pytest

from blender_comfyui.workflow.batch import LARGEST, find_batch
from blender_comfyui.workflow.errors import CannotSplit
from blender_comfyui.workflow.graph import Workflow
from tests.workflow.batch_model import TYPES, batch_of, check_parts
from tests.workflow.graphs import Graph, empty_image, ksampler, node, txt2img


def of_size(size: int, **changed: dict[str, Any]) -> Graph:
    return txt2img(**({"n4": node("EmptyLatentImage", "Size", width=512, height=768, batch_size=size)} | changed))


def hires(size: int) -> Graph:
    """Decoded, enlarged and sampled once more: the second latent is made from pictures."""
    return of_size(
        size,
        n8=node("ImageInvert", image=["6", 0]),
        n9=node("VAEEncode", "Again", pixels=["8", 0], vae=["1", 2]),
        n10=ksampler(seed=2, latent_image=["9", 0]),
        n11=node("VAEDecode", samples=["10", 0], vae=["1", 2]),
        n7=node("SaveImage", images=["11", 0], filename_prefix="x"),
    )


def refusal(graph: Graph, types: dict[str, list[str]] | None = None) -> str:
    with pytest.raises(CannotSplit) as caught:
        batch_of(graph, types)
    sentence = str(caught.value)
    assert sentence.startswith("The batch cannot run in parts: ")
    assert sentence.endswith(".")
    return sentence


def test_a_part_reads_its_pictures_right_behind_the_size() -> None:
    graph = of_size(8)
    part = batch_of(graph).part(2, 2).api()
    cut = part.pop("8")
    assert cut == {
        "class_type": "LatentFromBatch",
        "inputs": {"samples": ["4", 0], "batch_index": 2, "length": 2},
        "_meta": {"title": "Pictures 3–4 of 8"},
    }
    assert part == graph | {"5": ksampler(latent_image=["8", 0])}


def test_a_single_picture_is_named_so() -> None:
    assert batch_of(of_size(8)).part(7, 1).title("8") == "Picture 8 of 8"


def test_images_are_cut_as_images() -> None:
    graph = empty_image()
    graph["1"]["inputs"]["batch_size"] = 3
    part = batch_of(graph).part(2, 1).api()
    assert part["3"]["class_type"] == "ImageFromBatch"
    assert part["3"]["inputs"] == {"image": ["1", 0], "batch_index": 2, "length": 1}
    assert part["2"]["inputs"]["images"] == ["3", 0]


@pytest.mark.parametrize("graph", [txt2img(), empty_image()])
def test_one_picture_has_no_parts(graph: Graph) -> None:
    batch = batch_of(graph)
    assert (batch.size, batch.cuts) == (1, {})


def test_what_is_given_stays_as_it_is() -> None:
    graph = of_size(4)
    workflow = Workflow.load(graph)
    find_batch(workflow, TYPES).part(0, 2)
    assert workflow.api() == graph


def test_new_nodes_take_no_id_that_is_there_or_linked_to() -> None:
    graph = of_size(4, n9=node("SaveImage", images=["6", 0], filename_prefix="y"))
    graph["7"]["inputs"]["extra"] = ["8", 0]  # a link to a node that is not there
    assert "10" in batch_of(graph).part(0, 2).nodes


def test_all_readers_read_the_part() -> None:
    graph = of_size(
        4,
        n8=ksampler(seed=2),
        n9=node("VAEDecode", samples=["8", 0], vae=["1", 2]),
        n10=node("SaveImage", images=["9", 0], filename_prefix="y"),
    )
    check_parts(graph, 2)
    assert batch_of(graph).part(0, 2).api()["8"]["inputs"]["latent_image"] == ["11", 0]


def test_two_sources_of_one_size_are_both_cut() -> None:
    graph = of_size(
        4,
        n8=node("EmptyLatentImage", width=64, height=64, batch_size=4),
        n9=node("LatentComposite", samples_to=["4", 0], samples_from=["8", 0]),
        n5=ksampler(latent_image=["9", 0]),
    )
    assert len(batch_of(graph).cuts) == 2
    check_parts(graph, 2)


def test_a_source_of_one_picture_is_left_alone() -> None:
    graph = of_size(
        4,
        n8=node("EmptyLatentImage", width=64, height=64, batch_size=1),
        n9=node("LatentComposite", samples_to=["4", 0], samples_from=["8", 0]),
        n5=ksampler(latent_image=["9", 0]),
    )
    assert [link.node_id for link in batch_of(graph).cuts] == ["4"]
    check_parts(graph, 2)


def test_sources_of_different_sizes_are_refused() -> None:
    graph = of_size(
        4,
        n8=node("EmptyLatentImage", width=64, height=64, batch_size=2),
        n9=node("LatentComposite", samples_to=["4", 0], samples_from=["8", 0]),
        n5=ksampler(latent_image=["9", 0]),
    )
    assert "batches of 2 and of 4" in refusal(graph)


def test_a_size_in_a_primitive_is_read() -> None:
    graph = of_size(
        1,
        n4=node("EmptyLatentImage", width=512, height=512, batch_size=["8", 0]),
        n8=node("PrimitiveInt", value=6),
    )
    assert batch_of(graph).size == 6
    check_parts(graph, 4)


def test_a_size_that_is_worked_out_is_refused() -> None:
    graph = of_size(
        1,
        n4=node("EmptyLatentImage", "Size", width=512, height=512, batch_size=["8", 0]),
        n8=node("MathExpression", a=3),
    )
    assert "“Size” is worked out by another node" in refusal(graph, {"MathExpression": ["INT"]})


def test_a_repeated_latent_is_a_batch() -> None:
    graph = of_size(
        1,
        n8=node("LoadImage", image="a.png"),
        n9=node("VAEEncode", pixels=["8", 0], vae=["1", 2]),
        n4=node("RepeatLatentBatch", samples=["9", 0], amount=8),
    )
    assert batch_of(graph).size == 8
    check_parts(graph, 2)


def test_a_repeated_latent_file_is_refused() -> None:
    graph = of_size(
        1,
        n8=node("LoadLatent", latent="a.latent"),
        n4=node("RepeatLatentBatch", samples=["8", 0], amount=8),
    )
    assert "more than one picture" in refusal(graph, {"LoadLatent": ["LATENT"]})


@pytest.mark.parametrize("file", ["a.gif", "a.webp", "sub/a.GIF [input]"])
def test_a_repeated_film_is_refused(file: str) -> None:
    graph = of_size(
        1,
        n8=node("LoadImage", image=file),
        n9=node("VAEEncode", pixels=["8", 0], vae=["1", 2]),
        n4=node("RepeatLatentBatch", "Repeat", samples=["9", 0], amount=8),
    )
    assert "“Repeat” repeats a file that may hold more than one picture" in refusal(graph)


def test_a_repeated_batch_is_refused() -> None:
    graph = of_size(
        2,
        n8=node("RepeatLatentBatch", "Twice", samples=["4", 0], amount=2),
        n5=ksampler(latent_image=["8", 0]),
    )
    assert "“Twice”" in refusal(graph)


@pytest.mark.parametrize(
    "class_type", ["ImageBatch", "RebatchLatents", "SaveAnimatedWEBP", "CreateVideo", "VHS_VideoCombine", "SaveLatent"]
)
def test_pictures_that_meet_are_refused(class_type: str) -> None:
    graph = of_size(4, n8=node(class_type, "Together", images=["6", 0]))
    assert "“Together” works with the batch as a whole" in refusal(graph)


def test_pictures_of_one_film_are_refused() -> None:
    graph = of_size(4, n8=node("ADE_UseEvolvedSampling", "Motion", model=["1", 0]), n5=ksampler(model=["8", 0]))
    assert "“Motion”" in refusal(graph)


def test_a_meeting_that_does_not_run_does_not_matter() -> None:
    graph = of_size(4, n8=node("SaveAnimatedWEBP", images=["6", 0]))
    assert batch_of(graph, outputs=("7",)).size == 4


def test_a_conditioning_for_the_whole_batch_is_refused() -> None:
    graph = of_size(1, n4=node("Zero123", "Views", batch_size=4), n5=ksampler(positive=["4", 0], latent_image=["4", 1]))
    assert "“Views” also gives out “CONDITIONING”" in refusal(graph, {"Zero123": ["CONDITIONING", "LATENT"]})


def test_a_server_without_the_stock_nodes_is_refused() -> None:
    types = {name: given for name, given in TYPES.items() if name != "LatentFromBatch"}
    with pytest.raises(CannotSplit, match="does not have the node LatentFromBatch"):
        find_batch(Workflow.load(of_size(4)), types)


def test_what_comfyui_cannot_count_to_is_refused() -> None:
    assert "64" in refusal(of_size(LARGEST + 1))
    assert batch_of(of_size(LARGEST)).part(63, 1).api()["8"]["inputs"]["batch_index"] == 63
    graph = empty_image()
    graph["1"]["inputs"]["batch_size"] = 100
    check_parts(graph, 16)
    graph["3"] = node("VAEEncode", pixels=["1", 0])
    graph["4"] = node("VAEDecode", samples=["3", 0])
    assert "64" in refusal(graph)


def test_latents_made_from_pictures_get_their_places_back() -> None:
    part = batch_of(hires(8)).part(6, 2)
    cut = part.nodes[part.nodes["10"].inputs["latent_image"][0]]
    repeat = part.nodes[cut.inputs["samples"][0]]
    assert dict(repeat.inputs) == {"samples": ["9", 0], "amount": 4}
    assert dict(cut.inputs) == {"samples": [repeat.id, 0], "batch_index": 6, "length": 2}
    for limit in (1, 2, 4, 8):
        check_parts(hires(8), limit)


def test_the_first_places_need_no_repeating() -> None:
    assert "RepeatLatentBatch" not in {node.class_type for node in batch_of(hires(8)).part(0, 4).nodes.values()}


def test_a_node_that_is_known_to_forget_the_places() -> None:
    graph = of_size(4, n8=node("HunyuanRefinerLatent", latent=["5", 0]), n6=node("VAEDecode", samples=["8", 2]))
    types = {"HunyuanRefinerLatent": ["CONDITIONING", "CONDITIONING", "LATENT"]}
    assert [link.node_id for link in batch_of(graph, types).renewed] == ["8"]


def test_a_reroute_keeps_the_places() -> None:
    graph = of_size(4, n8=node("Reroute", value=["4", 0]), n5=ksampler(latent_image=["8", 0]))
    assert batch_of(graph).renewed == ()
    check_parts(graph, 2)


def test_a_node_that_takes_any_type_keeps_the_places() -> None:
    graph = of_size(
        4,
        n8=node("SoftSwitch", switch=True, on_true=["4", 0], on_false=["4", 0]),
        n9=node("AnySwitch", any_01=["8", 0]),
        n10=node("LatentUpscale", samples=["9", 0]),
        n5=ksampler(latent_image=["10", 0]),
    )
    assert batch_of(graph, {"SoftSwitch": ["*"], "AnySwitch": ["COMFY_MATCHTYPE_V3"]}).renewed == ()


@pytest.mark.parametrize("class_type", ["Reroute", "RepeatLatentBatch"])
def test_links_in_circles_have_an_end(class_type: str) -> None:
    graph = of_size(4, n8=node(class_type, samples=["9", 0], amount=2), n9=node(class_type, samples=["8", 0], amount=2))
    with contextlib.suppress(CannotSplit):
        batch_of(graph)


def test_a_new_latent_behind_a_latent_of_one_has_no_places() -> None:
    graph = of_size(
        4,
        n8=node("EmptyLatentImage", width=64, height=64, batch_size=1),
        n9=node("Merge", a=["8", 0], b=["5", 0]),
        n6=node("VAEDecode", samples=["9", 0], vae=["1", 2]),
    )
    assert [link.node_id for link in batch_of(graph, {"Merge": ["LATENT"]}).renewed] == ["9"]


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0), (7, 2), (8, 1), (0, 9), (3, 2)])
def test_no_such_part(first: int, count: int) -> None:
    with pytest.raises(ValueError, match="no part"):
        batch_of(of_size(8)).part(first, count)


# ---- what can differ


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim", "uni_pc"])
def test_nothing_differs(sampler: str) -> None:
    assert batch_of(of_size(4, n5=ksampler(sampler_name=sampler))).difference == ""


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_sde", "lcm", "dpm_adaptive", "one_of_next_year"])
def test_a_sampler_with_noise_of_its_own(sampler: str) -> None:
    difference = batch_of(of_size(4, n5=ksampler(sampler_name=sampler))).difference
    assert f"“{sampler}”" in difference
    assert difference.endswith("can differ from those of one whole batch.")


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ({"n8": node("SamplerDPMPP_SDE", eta=1.0)}, "SamplerDPMPP_SDE"),
        ({"n8": node("PerpNeg", "Perpendicular", model=["1", 0])}, "Perpendicular"),
        ({"n6": node("FaceDetailer", "Faces", image=["5", 0], seed=3)}, "Faces"),
    ],
)
def test_nodes_that_look_at_all_pictures(added: dict[str, Any], named: str) -> None:
    assert named in batch_of(of_size(4, **added)).difference


@pytest.mark.parametrize(
    ("width", "height", "differs"),
    [
        (512, 512, False),
        (72, 72, True),
        (1000, 1016, True),
        (720, 1280, False),
        (128, 72, False),
        (136, 80, True),
    ],
)
def test_sizes_whose_noise_does_not_come_out_even(width: int, height: int, differs: bool) -> None:
    graph = of_size(4, n4=node("EmptyLatentImage", width=width, height=height, batch_size=4))
    assert bool(batch_of(graph).difference) is differs
    graph["4"]["class_type"] = "EmptySD3LatentImage"  # 16 channels always do
    assert batch_of(graph, {"EmptySD3LatentImage": ["LATENT"]}).difference == ""
