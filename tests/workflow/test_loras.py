"""LoRAs in graphs of all makes: what each becomes is written here by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.loras import Lora, with_loras
from tests.workflow.graphs import Graph, ksampler, ksampler_advanced, node, txt2img

ONE = (Lora("a.safetensors", 0.8, 0.6),)


def rewritten(graph: Graph, loras: tuple[Lora, ...] = ONE, types: Any = None) -> Graph:
    before = copy.deepcopy(graph)
    workflow = Workflow.load(graph)
    result = with_loras(workflow, loras, types).api()
    assert workflow.api() == graph == before
    return result


def loader(model: list[Any], clip: list[Any], name: str = "a.safetensors", strengths: Any = (0.8, 0.6)) -> Any:
    inputs = {"lora_name": name, "strength_model": strengths[0], "strength_clip": strengths[1]}
    return node("LoraLoader", f"LoRA {name}", **inputs, model=model, clip=clip)


def model_only(model: list[Any], name: str = "a.safetensors", strength: float = 0.8) -> Any:
    return node("LoraLoaderModelOnly", f"LoRA {name}", lora_name=name, strength_model=strength, model=model)


def relinked(graph: Graph, links: dict[str, list[Any]], **added: Any) -> Graph:
    """The graph with other links at "id.input", and with nodes more ("n8" is node "8")."""
    result = copy.deepcopy(graph)
    for place, link in links.items():
        node_id, _, name = place.partition(".")
        assert name in result[node_id]["inputs"]
        result[node_id]["inputs"][name] = link
    return result | {key.removeprefix("n"): value for key, value in added.items()}


# ---- ten graphs


def test_a_checkpoint() -> None:
    graph = txt2img()
    links = {"2.clip": ["8", 1], "3.clip": ["8", 1], "5.model": ["8", 0]}
    assert rewritten(graph) == relinked(graph, links, n8=loader(["1", 0], ["1", 1]))


def test_a_stack_is_in_its_order_and_leaves_out_what_is_off() -> None:
    graph = txt2img()
    stack = (Lora("a", 1), Lora("off", 1, on=False), Lora("sub\\b", -0.5, 0.0), Lora("ü ü", 2))
    links = {"2.clip": ["10", 1], "3.clip": ["10", 1], "5.model": ["10", 0]}
    added = {
        "n8": loader(["1", 0], ["1", 1], "a", (1, 1)),
        "n9": loader(["8", 0], ["8", 1], "sub\\b", (-0.5, 0.0)),
        "n10": loader(["9", 0], ["9", 1], "ü ü", (2, 2)),
    }
    assert rewritten(graph, stack) == relinked(graph, links, **added)


FLUX = {
    "1": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
    "2": node("DualCLIPLoader", clip_name1="t5xxl.safetensors", clip_name2="clip_l.safetensors", type="flux"),
    "3": node("VAELoader", vae_name="ae.safetensors"),
    "4": node("CLIPTextEncode", text="a cat", clip=["2", 0]),
    "5": node("FluxGuidance", guidance=3.5, conditioning=["4", 0]),
    "6": node("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, width=1024, height=1024, model=["1", 0]),
    "7": node("BasicGuider", model=["6", 0], conditioning=["5", 0]),
    "8": node("RandomNoise", noise_seed=1),
    "9": node("KSamplerSelect", sampler_name="euler"),
    "10": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["6", 0]),
    "11": node("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
    "12": node(
        "SamplerCustomAdvanced",
        noise=["8", 0],
        guider=["7", 0],
        sampler=["9", 0],
        sigmas=["10", 0],
        latent_image=["11", 0],
    ),
    "13": node("VAEDecode", samples=["12", 0], vae=["3", 0]),
    "14": node("SaveImage", images=["13", 0], filename_prefix="x"),
}


def test_flux_with_separate_loaders_and_a_guider() -> None:
    links = {"6.model": ["15", 0], "4.clip": ["15", 1]}
    assert rewritten(FLUX) == relinked(FLUX, links, n15=loader(["1", 0], ["2", 0]))


def test_a_diffusion_model_whose_text_was_encoded_elsewhere() -> None:
    graph = txt2img(n2=node("LoadConditioning", name="x"), n3=node("LoadConditioning", name="y"))
    assert rewritten(graph) == relinked(graph, {"5.model": ["8", 0]}, n8=model_only(["1", 0]))


def test_the_workflows_own_chain_comes_first() -> None:
    own = {
        "8": node("LoraLoader", lora_name="own", strength_model=1, strength_clip=1, model=["1", 0], clip=["1", 1]),
        "9": node("LoraLoader", lora_name="two", strength_model=1, strength_clip=1, model=["8", 0], clip=["8", 1]),
    }
    graph = relinked(txt2img(), {"2.clip": ["9", 1], "3.clip": ["9", 1], "5.model": ["9", 0]}) | own
    links = {"2.clip": ["10", 1], "3.clip": ["10", 1], "5.model": ["10", 0]}
    assert rewritten(graph) == relinked(graph, links, n10=loader(["9", 0], ["9", 1]))


def test_a_chain_for_the_model_alone_and_a_shifted_text_encoder() -> None:
    own = {
        "8": node("LoraLoaderModelOnly", lora_name="own", strength_model=1, model=["1", 0]),
        "9": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["1", 1]),
    }
    graph = relinked(txt2img(), {"2.clip": ["9", 0], "3.clip": ["9", 0], "5.model": ["8", 0]}) | own
    links = {"9.clip": ["10", 1], "5.model": ["10", 0]}
    assert rewritten(graph) == relinked(graph, links, n10=loader(["8", 0], ["1", 1]))


def test_a_model_with_and_without_the_workflows_own_lora() -> None:
    """Both ways from the loader go through the stack once, though one of them goes through a LoRA before."""
    more = {
        "8": node("ModelSamplingDiscrete", sampling="eps", zsnr=False, model=["1", 0]),
        "9": node("LoraLoader", lora_name="own", strength_model=1, strength_clip=1, model=["8", 0], clip=["1", 1]),
        "10": ksampler(model=["9", 0], positive=["11", 0], latent_image=["5", 0]),
        "11": node("CLIPTextEncode", text="details", clip=["9", 1]),
    }
    graph = relinked(txt2img(), {"5.model": ["8", 0], "6.samples": ["10", 0]}) | more
    links = {
        "5.model": ["12", 0],
        "2.clip": ["12", 1],
        "3.clip": ["12", 1],
        "10.model": ["13", 0],
        "11.clip": ["13", 1],
    }
    added = {"n12": loader(["8", 0], ["1", 1]), "n13": loader(["9", 0], ["9", 1])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_two_samplers_with_two_models_and_one_text_encoder() -> None:
    """As Wan 2.2 has it: the second model's stack does not change the text encoder once more."""
    graph = {
        "1": node("UNETLoader", unet_name="high.safetensors", weight_dtype="default"),
        "2": node("UNETLoader", unet_name="low.safetensors", weight_dtype="default"),
        "3": node("CLIPLoader", clip_name="umt5.safetensors", type="wan"),
        "4": node("CLIPTextEncode", text="a cat", clip=["3", 0]),
        "5": node("CLIPTextEncode", text="blurry", clip=["3", 0]),
        "6": node("ModelSamplingSD3", shift=8, model=["1", 0]),
        "7": node("ModelSamplingSD3", shift=8, model=["2", 0]),
        "8": node("EmptyHunyuanLatentVideo", width=640, height=640, length=81, batch_size=1),
        "9": ksampler_advanced(model=["6", 0], positive=["4", 0], negative=["5", 0], latent_image=["8", 0]),
        "10": ksampler_advanced(model=["7", 0], positive=["4", 0], negative=["5", 0], latent_image=["9", 0]),
        "11": node("VAELoader", vae_name="wan.safetensors"),
        "12": node("VAEDecode", samples=["10", 0], vae=["11", 0]),
        "13": node("CreateVideo", fps=16, images=["12", 0]),
        "14": node("SaveVideo", filename_prefix="x", format="auto", codec="auto", video=["13", 0]),
    }
    links = {"6.model": ["15", 0], "4.clip": ["15", 1], "5.clip": ["15", 1], "7.model": ["16", 0]}
    added = {"n15": loader(["1", 0], ["3", 0]), "n16": model_only(["2", 0])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_sdxl_with_its_refiner() -> None:
    """Each of the two models goes with its own text encoder, though the refiner's latent comes from the base."""
    graph = txt2img(
        n5=ksampler_advanced(end_at_step=20),
        n8=node("CheckpointLoaderSimple", ckpt_name="refiner.safetensors"),
        n9=node("CLIPTextEncodeSDXLRefiner", ascore=6, width=1024, height=1024, text="a cat", clip=["8", 1]),
        n10=node("CLIPTextEncodeSDXLRefiner", ascore=2, width=1024, height=1024, text="blurry", clip=["8", 1]),
        n11=ksampler_advanced(
            start_at_step=20, model=["8", 0], positive=["9", 0], negative=["10", 0], latent_image=["5", 0]
        ),
        n6=node("VAEDecode", samples=["11", 0], vae=["8", 2]),
    )
    links = {
        "2.clip": ["12", 1],
        "3.clip": ["12", 1],
        "5.model": ["12", 0],
        "9.clip": ["13", 1],
        "10.clip": ["13", 1],
        "11.model": ["13", 0],
    }
    added = {"n12": loader(["1", 0], ["1", 1]), "n13": loader(["8", 0], ["8", 1])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_a_video_model_with_a_text_encoder_loaded_apart() -> None:
    graph = Workflow.load("ltx_video").api()
    links = {"9.model": ["13", 0], "3.clip": ["13", 1], "4.clip": ["13", 1]}
    assert rewritten(graph) == relinked(graph, links, n13=loader(["1", 0], ["2", 0]))


def test_two_text_encoders_for_one_model() -> None:
    """The second one's nodes leave the model as it is."""
    more = {"8": node("CLIPLoader", clip_name="other.safetensors", type="stable_diffusion")}
    graph = relinked(txt2img(), {"3.clip": ["8", 0]}) | more
    links = {"2.clip": ["9", 1], "5.model": ["9", 0], "3.clip": ["10", 1]}
    added = {"n9": loader(["1", 0], ["1", 1]), "n10": loader(["1", 0], ["8", 0], strengths=(0.0, 0.6))}
    assert rewritten(graph) == relinked(graph, links, **added)


def two_passes(**changed: Any) -> Graph:
    """A second model and text encoder that go on with what the first made; the second is first in the file."""
    graph = {
        "1": node("UNETLoader", unet_name="second"),
        "2": node("CLIPLoader", clip_name="second", type="x"),
        "3": node("UNETLoader", unet_name="first"),
        "4": node("CLIPLoader", clip_name="first", type="x"),
        "5": node("CLIPTextEncode", text="a cat", clip=["2", 0]),
        "6": node("CLIPTextEncode", text="a cat", clip=["4", 0]),
        "7": ksampler(model=["1", 0], positive=["5", 0], negative=["5", 0], latent_image=["8", 0]),
        "8": ksampler(model=["3", 0], positive=["6", 0], negative=["6", 0], latent_image=["9", 0]),
        "9": node("EmptyLatentImage", width=64, height=64, batch_size=1),
    }
    return graph | {key.removeprefix("n"): value for key, value in changed.items()}


def test_a_text_encoder_goes_with_the_model_that_it_conditions() -> None:
    """And not with one that only goes on with what was made."""
    graph = two_passes()
    links = {"7.model": ["10", 0], "5.clip": ["10", 1], "8.model": ["11", 0], "6.clip": ["11", 1]}
    added = {"n10": loader(["1", 0], ["2", 0]), "n11": loader(["3", 0], ["4", 0])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_a_pass_without_a_text_encoder_takes_none_from_the_one_before() -> None:
    graph = two_passes(n5=node("LoadConditioning", name="x"))
    links = {"7.model": ["10", 0], "8.model": ["11", 0], "6.clip": ["11", 1]}
    added = {"n10": model_only(["1", 0]), "n11": loader(["3", 0], ["4", 0])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_a_text_encoder_goes_with_a_model_that_has_none_yet() -> None:
    graph = relinked(two_passes(), {"7.negative": ["6", 0], "8.positive": ["5", 0]})
    links = {"7.model": ["10", 0], "5.clip": ["10", 1], "8.model": ["11", 0], "6.clip": ["11", 1]}
    added = {"n10": loader(["1", 0], ["2", 0]), "n11": loader(["3", 0], ["4", 0])}
    assert rewritten(graph) == relinked(graph, links, **added)


def test_a_text_encoder_goes_with_the_model_of_its_own_checkpoint() -> None:
    graph = relinked(
        two_passes(n3=node("CheckpointLoaderSimple", ckpt_name="x")), {"6.clip": ["3", 1], "7.positive": ["6", 0]}
    )
    graph = relinked(graph, {"7.negative": ["6", 0]})
    del graph["2"], graph["4"], graph["5"]
    links = {"8.model": ["4", 0], "6.clip": ["4", 1], "7.model": ["2", 0]}
    added = {"n2": model_only(["1", 0]), "n4": loader(["3", 0], ["3", 1])}
    assert rewritten(graph) == relinked(graph, links, **added)


# ---- what the server says of classes that are not ComfyUI's own


def test_a_loader_of_a_node_pack_is_known_from_the_server() -> None:
    more = {"n1": node("UnetLoaderGGUF", unet_name="x.gguf"), "n8": node("CLIPLoader", clip_name="t5", type="flux")}
    graph = relinked(txt2img(**more), {"2.clip": ["8", 0], "3.clip": ["8", 0]})
    links = {"5.model": ["9", 0], "2.clip": ["9", 1], "3.clip": ["9", 1]}
    types = {"UnetLoaderGGUF": ("MODEL",)}
    assert rewritten(graph, types=types) == relinked(graph, links, n9=loader(["1", 0], ["8", 0]))


def test_without_the_server_a_loader_is_known_by_the_sampler_and_the_texts_behind_it() -> None:
    more = {
        "n1": node("UnetLoaderGGUF", unet_name="x.gguf"),
        "n8": node("DualCLIPLoaderGGUF", clip_name1="t5", clip_name2="l", type="flux"),
        "n9": node("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, width=64, height=64, model=["1", 0]),
        "n10": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["8", 0]),
    }
    graph = relinked(txt2img(**more), {"5.model": ["9", 0], "2.clip": ["10", 0], "3.clip": ["8", 0]})
    links = {"9.model": ["11", 0], "10.clip": ["11", 1], "3.clip": ["11", 1]}
    assert rewritten(graph) == relinked(graph, links, n11=loader(["1", 0], ["8", 0]))


def test_a_switch_between_two_models_is_behind_both_stacks() -> None:
    more = {
        "8": node("UNETLoader", unet_name="other"),
        "9": node("ComfySwitchNode", switch=True, on_true=["1", 0], on_false=["8", 0]),
    }
    graph = relinked(txt2img(), {"5.model": ["9", 0]}) | more
    types = {"ComfySwitchNode": ("COMFY_MATCHTYPE_V3",)}
    links = {"9.on_true": ["10", 0], "2.clip": ["10", 1], "3.clip": ["10", 1], "9.on_false": ["11", 0]}
    added = {"n10": loader(["1", 0], ["1", 1]), "n11": model_only(["8", 0])}
    assert rewritten(graph, types=types) == relinked(graph, links, **added)


def test_an_input_called_model_is_not_always_a_diffusion_model() -> None:
    more = {
        "8": node("DepthModelLoader", model="depth"),
        "9": node("EstimateDepth", model=["8", 0], image=["6", 0]),
        "10": node("SaveImage", images=["9", 0], filename_prefix="y"),
    }
    graph = txt2img() | more
    for types in ({}, {"DepthModelLoader": ("DEPTH_MODEL",)}):
        links = {"2.clip": ["11", 1], "3.clip": ["11", 1], "5.model": ["11", 0]}
        assert rewritten(graph, types=types) == relinked(graph, links, n11=loader(["1", 0], ["1", 1]))


def test_a_model_that_no_prompt_goes_to_is_left_alone() -> None:
    more = {
        "8": node("CheckpointLoaderSimple", ckpt_name="pose"),
        "9": node("SDPoseKeypointExtractor", model=["8", 0], vae=["8", 2], image=["6", 0]),
        "10": node("SaveImage", images=["9", 0], filename_prefix="y"),
    }
    graph = txt2img() | more
    links = {"2.clip": ["11", 1], "3.clip": ["11", 1], "5.model": ["11", 0]}
    assert rewritten(graph) == relinked(graph, links, n11=loader(["1", 0], ["1", 1]))
    alone = {"1": node("UNETLoader", unet_name="x"), "2": node("ModelSave", model=["1", 0], filename_prefix="y")}
    assert rewritten(alone) == relinked(alone, {"2.model": ["3", 0]}, n3=model_only(["1", 0]))


def test_the_workflows_own_lora_behind_a_switch_is_known_without_the_server() -> None:
    more = {
        "8": node("Sharpen", model=["1", 0]),
        "9": node("LoraLoaderModelOnly", lora_name="own", strength_model=1, model=["8", 0]),
        "10": node("ComfySwitchNode", switch=True, on_false=["8", 0], on_true=["9", 0]),
    }
    graph = relinked(txt2img(), {"5.model": ["10", 0]}) | more
    links = {"10.on_false": ["11", 0], "2.clip": ["11", 1], "3.clip": ["11", 1], "10.on_true": ["12", 0]}
    added = {"n11": loader(["8", 0], ["1", 1]), "n12": model_only(["9", 0])}
    assert rewritten(graph) == relinked(graph, links, **added)


# ---- nothing to do


@pytest.mark.parametrize("loras", [(), (Lora("a", on=False),)])
def test_without_a_lora_the_workflow_is_the_same(loras: tuple[Lora, ...]) -> None:
    workflow = Workflow.load("sd_basic")
    assert with_loras(workflow, loras) is workflow


def test_a_workflow_without_a_model_stays_as_it_is() -> None:
    workflow = Workflow.load("upscale_4x")
    assert with_loras(workflow, ONE) is workflow


def test_new_nodes_take_no_id_that_a_link_names() -> None:
    graph = txt2img(n5=ksampler(latent_image=["8", 0]))
    assert "9" in rewritten(graph)
    assert "8" not in rewritten(graph)


def test_links_in_a_circle_are_followed_once() -> None:
    graph = txt2img(
        n5=ksampler(model=["9", 0]),
        n8=node("ModelPatch", model=["9", 0]),
        n9=node("ModelPatch", model=["8", 0]),
    )
    result = rewritten(graph, types={"ModelPatch": ("MODEL",)})
    assert {node["class_type"] for node in result.values()} >= {"ModelPatch"}


@pytest.mark.parametrize("class_type", ["ComfySwitchNode", "ModelPatch"])
def test_many_ways_to_one_loader_are_not_all_walked(class_type: str) -> None:
    graph = txt2img(n1=node("PackLoader", ckpt_name="x"), n5=ksampler(model=["40", 0]))
    for number in range(10, 41):
        link = [str(number - 1), 0] if number > 10 else ["1", 0]
        names = ("on_true", "on_false") if class_type == "ComfySwitchNode" else ("model1", "model2")
        graph[str(number)] = node(class_type, switch=True, **dict.fromkeys(names, link))
    names = {found["class_type"] for found in rewritten(graph).values()}
    assert "LoraLoader" in names
