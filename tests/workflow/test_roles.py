import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.roles import ROLES, find_roles
from tests.workflow.graphs import Graph, empty_image, ksampler, ksampler_advanced, node, txt2img


def roles(graph: Graph) -> dict[str, list[str]]:
    """Every role that is found, with its places as "node id.input"."""
    found = find_roles(Workflow.load(graph))
    return {role: [f"{place.node_id}.{place.input_name}" for place in places] for role, places in found.items()}


def test_txt2img() -> None:
    assert roles(txt2img()) == {
        "prompt": ["2.text"],
        "negative_prompt": ["3.text"],
        "seed": ["5.seed"],
        "steps": ["5.steps"],
        "cfg": ["5.cfg"],
        "sampler_name": ["5.sampler_name"],
        "scheduler": ["5.scheduler"],
        "denoise": ["5.denoise"],
        "width": ["4.width"],
        "height": ["4.height"],
        "batch_size": ["4.batch_size"],
        "checkpoint": ["1.ckpt_name"],
    }


def test_the_sides_are_told_apart_by_links_and_not_by_titles() -> None:
    graph = txt2img(n5=ksampler(positive=["3", 0], negative=["2", 0]))
    assert roles(graph)["prompt"] == ["3.text"]
    assert roles(graph)["negative_prompt"] == ["2.text"]


# --- conditionings


@pytest.mark.parametrize(
    "between",
    [
        node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
        node("ConditioningSetArea", conditioning=["2", 0], width=64, height=64, x=0, y=0, strength=1.0),
        node("ConditioningSetTimestepRange", conditioning=["2", 0], start=0.0, end=0.5),
        node("ControlNetApply", conditioning=["2", 0], control_net=["9", 0], image=["9", 1], strength=1.0),
        node("StyleModelApply", conditioning=["2", 0], style_model=["9", 0], clip_vision_output=["9", 1]),
        node("unCLIPConditioning", conditioning=["2", 0], clip_vision_output=["9", 0], strength=1.0),
        node("ReferenceLatent", conditioning=["2", 0], latent=["4", 0]),
        node("GLIGENTextBoxApply", conditioning_to=["2", 0], clip=["1", 1], text="a box", width=8, height=8),
        node("Reroute", **{"": ["2", 0]}),
        node("Reroute (rgthree)", any=["2", 0]),
        node("SomeUnknownPassThrough", c=["2", 0]),
        node("ComfySwitchNode", switch=True, on_true=["2", 0], on_false=["3", 0]),
        node("ComfySwitchNode", switch=["8", 0], on_true=["3", 0], on_false=["2", 0]),
    ],
    ids=lambda between: between["class_type"],
)
def test_through_what_changes_a_conditioning(between: dict[str, Any]) -> None:
    graph = txt2img(
        n5=ksampler(positive=["20", 0]),
        n20=between,
        n8=node("PrimitiveBoolean", value=False),
        n9=node("Loader"),
    )
    assert roles(graph)["prompt"] == ["2.text"]
    assert roles(graph)["negative_prompt"] == ["3.text"]


@pytest.mark.parametrize(
    "between",
    [
        node("ControlNetApplyAdvanced", positive=["2", 0], negative=["3", 0], control_net=["9", 0], strength=1.0),
        node("InpaintModelConditioning", positive=["2", 0], negative=["3", 0], vae=["1", 2], pixels=["9", 0]),
        node("WanImageToVideo", positive=["2", 0], negative=["3", 0], width=832, height=480, batch_size=1),
    ],
    ids=lambda between: between["class_type"],
)
def test_through_nodes_with_both_sides(between: dict[str, Any]) -> None:
    graph = txt2img(
        n5=ksampler(positive=["20", 0], negative=["20", 1]), n20=between, n9=node("LoadImage", image="x.png")
    )
    assert roles(graph)["prompt"] == ["2.text"]
    assert roles(graph)["negative_prompt"] == ["3.text"]


def test_crossed_slots_of_a_node_with_both_sides() -> None:
    both = node("ControlNetApplyAdvanced", positive=["2", 0], negative=["3", 0], control_net=["9", 0])
    graph = txt2img(n5=ksampler(positive=["20", 1], negative=["20", 0]), n20=both)
    assert roles(graph)["prompt"] == ["3.text"]
    assert roles(graph)["negative_prompt"] == ["2.text"]


def test_combined_conditionings_have_all_their_texts() -> None:
    graph = txt2img(
        n5=ksampler(positive=["20", 0]),
        n20=node("ConditioningCombine", conditioning_1=["2", 0], conditioning_2=["21", 0]),
        n21=node("ConditioningConcat", conditioning_to=["22", 0], conditioning_from=["2", 0]),
        n22=node("CLIPTextEncode", text="more", clip=["1", 1]),
    )
    assert roles(graph)["prompt"] == ["2.text", "22.text"]


def test_a_negative_made_from_the_positive_has_no_text() -> None:
    graph = txt2img(n5=ksampler(negative=["20", 0]), n20=node("ConditioningZeroOut", conditioning=["2", 0]))
    assert roles(graph)["prompt"] == ["2.text"]
    assert "negative_prompt" not in roles(graph)


def test_a_zeroed_part_of_a_negative_leaves_its_other_text() -> None:
    graph = txt2img(
        n5=ksampler(negative=["22", 0]),
        n20=node("ConditioningZeroOut", conditioning=["3", 0]),
        n21=node("ConditioningSetTimestepRange", conditioning=["3", 0], start=0.0, end=0.1),
        n22=node("ConditioningCombine", conditioning_1=["20", 0], conditioning_2=["21", 0]),
    )
    assert roles(graph)["negative_prompt"] == ["3.text"]


def test_a_text_for_both_sides_is_a_prompt() -> None:
    graph = txt2img(n5=ksampler(negative=["2", 0]))
    assert roles(graph)["prompt"] == ["2.text"]
    assert "negative_prompt" not in roles(graph)


@pytest.mark.parametrize(
    ("encoder", "names"),
    [
        (node("CLIPTextEncodeSDXL", text_g="a", text_l="a", width=1024, height=1024, clip=["1", 1]), "text_g text_l"),
        (node("CLIPTextEncodeFlux", clip_l="a", t5xxl="a", guidance=3.5, clip=["1", 1]), "clip_l t5xxl"),
        (node("CLIPTextEncodeSD3", clip_l="a", clip_g="a", t5xxl="a", clip=["1", 1]), "clip_g clip_l t5xxl"),
        (node("TextEncodeQwenImageEdit", prompt="a", clip=["1", 1], image=["9", 0]), "prompt"),
        (node("TextEncodeAceStepAudio", tags="a", lyrics="la", clip=["1", 1]), "tags"),
    ],
    ids=lambda value: value["class_type"] if isinstance(value, dict) else "",
)
def test_encoders(encoder: dict[str, Any], names: str) -> None:
    graph = txt2img(n2=encoder, n9=node("LoadImage", image="x.png"))
    assert roles(graph)["prompt"] == [f"2.{name}" for name in names.split()]


def test_an_encoder_of_both_sides() -> None:
    encoder = node("TextEncodeQwenImage21", prompt="a", negative_prompt="b", clip=["1", 1])
    graph = txt2img(n2=encoder, n5=ksampler(positive=["2", 0], negative=["2", 1]))
    assert roles(graph)["prompt"] == ["2.prompt"]
    assert roles(graph)["negative_prompt"] == ["2.negative_prompt"]


def test_a_loader_that_encodes() -> None:
    loader = node("Efficient Loader", ckpt_name="x", positive="a", negative="b")
    graph = txt2img(n1=loader, n5=ksampler(positive=["1", 1], negative=["1", 2]))
    assert roles(graph)["prompt"] == ["1.positive"]
    assert roles(graph)["negative_prompt"] == ["1.negative"]


def test_an_image_as_conditioning_has_no_text() -> None:
    graph = txt2img(
        n5=ksampler(positive=["20", 0], negative=["20", 1]),
        n20=node("Hunyuan3Dv2Conditioning", clip_vision_output=["21", 0]),
        n21=node("CLIPVisionEncode", clip_vision=["22", 0], image=["23", 0], crop="none"),
    )
    assert not {"prompt", "negative_prompt"} & roles(graph).keys()


# --- texts


def prompt_of(**texts: dict[str, Any]) -> list[str]:
    """Where the prompt is when "2" takes its text from "t"."""
    linked = node("CLIPTextEncode", text=["t", 0], clip=["1", 1])
    return roles(txt2img(n2=linked, **texts)).get("prompt", [])


def test_texts_from_primitives() -> None:
    assert prompt_of(t=node("PrimitiveStringMultiline", value="a cat")) == ["t.value"]
    assert prompt_of(t=node("Text Multiline", text="a cat")) == ["t.text"]
    assert prompt_of(t=node("PreviewAny", source=["u", 0]), u=node("PrimitiveString", value="a")) == ["u.value"]
    assert prompt_of(t=node("PrimitiveInt", value=5)) == []
    assert prompt_of() == []


def test_joined_texts() -> None:
    user = node("PrimitiveString", value="a cat")
    suffix = node("StringConcatenate", string_a=["u", 0], string_b="best quality", delimiter=", ")
    prefix = node("StringConcatenate", string_a="photo of ", string_b=["u", 0], delimiter="")
    written = node("StringConcatenate", string_a="a cat", string_b="best quality", delimiter=", ")
    assert prompt_of(t=suffix, u=user) == ["u.value"]
    assert prompt_of(t=prefix, u=user) == ["u.value"]
    assert prompt_of(t=written) == ["t.string_a"]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("System prompt", "Prompt", "v.value"),
        ("Text (User Prompt)", "Text (System Prompt)", "u.value"),
        ("Text", "What the user says", "v.value"),
        ("One", "Two", "u.value"),
        ("System prompt", "System prompt", "v.value"),
    ],
)
def test_which_of_two_texts_is_the_users(first: str, second: str, wanted: str) -> None:
    found = prompt_of(
        t=node("StringConcatenate", string_a=["u", 0], string_b=["v", 0], delimiter=""),
        u=node("PrimitiveStringMultiline", first, value="x"),
        v=node("PrimitiveStringMultiline", second, value="y"),
    )
    assert found == [wanted]


def test_a_text_that_is_filled_in_and_rewritten() -> None:
    found = prompt_of(
        t=node("PreviewAny", source=["w", 0]),
        w=node("TextGenerate", prompt=["x", 0], max_length=256, clip=["1", 1]),
        x=node("StringReplace", string="Improve this: {prompt}", find="{prompt}", replace=["y", 0]),
        y=node("PrimitiveStringMultiline", value="a cat"),
    )
    assert found == ["y.value"]


def test_texts_in_circles() -> None:
    assert prompt_of(t=node("StringConcatenate", string_a=["t", 0], string_b=["t", 0])) == []
    assert prompt_of(t=node("ComfySwitchNode", switch=["t", 0], on_true=["t", 0], on_false=["t", 0])) == []


def test_conditionings_in_circles() -> None:
    assert "prompt" not in roles(txt2img(n5=ksampler(positive=["20", 0]), n20=node("Reroute", any=["20", 0])))
    circle = node("ComfySwitchNode", switch=True, on_true=["20", 0], on_false=["2", 0])
    assert "prompt" not in roles(txt2img(n5=ksampler(positive=["20", 0]), n20=circle))


# --- samplers


def test_the_advanced_ksampler() -> None:
    found = roles(txt2img(n5=ksampler_advanced()))
    assert found["seed"] == ["5.noise_seed"]
    assert "denoise" not in found
    assert found["steps"] == ["5.steps"]


def custom_advanced(guider: dict[str, Any]) -> Graph:
    return txt2img(
        n5=node(
            "SamplerCustomAdvanced",
            noise=["10", 0],
            guider=["11", 0],
            sampler=["12", 0],
            sigmas=["13", 0],
            latent_image=["4", 0],
        ),
        n10=node("RandomNoise", noise_seed=1),
        n11=guider,
        n12=node("KSamplerSelect", sampler_name="euler"),
        n13=node("SplitSigmas", sigmas=["14", 0], step=2),
        n14=node("BasicScheduler", model=["1", 0], scheduler="simple", steps=20, denoise=1.0),
    )


@pytest.mark.parametrize(
    ("guider", "negative", "cfg"),
    [
        (node("BasicGuider", model=["1", 0], conditioning=["2", 0]), None, None),
        (node("CFGGuider", model=["1", 0], positive=["2", 0], negative=["3", 0], cfg=4.0), ["3.text"], ["11.cfg"]),
        (
            node(
                "DualCFGGuider",
                model=["1", 0],
                cond1=["2", 0],
                cond2=["3", 0],
                negative=["3", 0],
                cfg_conds=5.0,
                cfg_cond2_negative=2.0,
            ),
            ["3.text"],
            ["11.cfg_conds"],
        ),
    ],
    ids=["BasicGuider", "CFGGuider", "DualCFGGuider"],
)
def test_the_custom_advanced_sampler(guider: dict[str, Any], negative: list[str] | None, cfg: list[str] | None) -> None:
    found = roles(custom_advanced(guider))
    assert found.get("negative_prompt") == negative
    assert found.get("cfg") == cfg
    assert {role: found[role] for role in found if role not in ("negative_prompt", "cfg")} == {
        "prompt": ["2.text"],
        "seed": ["10.noise_seed"],
        "steps": ["14.steps"],
        "sampler_name": ["12.sampler_name"],
        "scheduler": ["14.scheduler"],
        "denoise": ["14.denoise"],
        "width": ["4.width"],
        "height": ["4.height"],
        "batch_size": ["4.batch_size"],
        "checkpoint": ["1.ckpt_name"],
    }


def test_the_custom_sampler() -> None:
    sampler = node(
        "SamplerCustom",
        add_noise=True,
        noise_seed=1,
        cfg=4.0,
        model=["1", 0],
        positive=["2", 0],
        negative=["3", 0],
        sampler=["12", 0],
        sigmas=["14", 0],
        latent_image=["4", 0],
    )
    found = roles(custom_advanced(node("Unused")) | {"5": sampler})
    assert found["prompt"] == ["2.text"]
    assert found["seed"] == ["5.noise_seed"]
    assert found["sampler_name"] == ["12.sampler_name"]
    assert found["steps"] == ["14.steps"]
    assert found["cfg"] == ["5.cfg"]


def test_values_from_primitives_and_switches() -> None:
    graph = txt2img(
        n5=ksampler(seed=["20", 0], steps=["21", 0], cfg=["22", 0], denoise=["9", 0]),
        n4=node("EmptySD3LatentImage", width=["23", 0], height=["24", 0], batch_size=1),
        n20=node("Seed (rgthree)", seed=5),
        n21=node("ComfySwitchNode", switch=True, on_true=["25", 0], on_false=8),
        n22=node("ComfySwitchNode", switch=False, on_true=["25", 0], on_false=3.5),
        n23=node("PrimitiveInt", "Width", value=640),
        n24=node("ComfyMathExpression", expression="a*2", **{"values.a": ["23", 0]}),
        n25=node("PrimitiveInt", value=4),
    )
    found = roles(graph)
    assert found["seed"] == ["20.seed"]
    assert found["steps"] == ["25.value"]
    assert found["cfg"] == ["22.on_false"]
    assert found["width"] == ["23.value"]
    assert "height" not in found  # computed
    assert "denoise" not in found  # from a node that is not there


# --- latents


@pytest.mark.parametrize(
    "between",
    [
        node("LatentUpscale", samples=["4", 0], width=2048, height=2048, upscale_method="nearest", crop="disabled"),
        node("LatentUpscaleBy", samples=["4", 0], scale_by=1.5, upscale_method="nearest"),
        node("RepeatLatentBatch", samples=["4", 0], amount=2),
        node("LatentComposite", samples_to=["4", 0], samples_from=["9", 0], x=0, y=0),
        node("LTXVConcatAVLatent", video_latent=["4", 0], audio_latent=["9", 0]),
        node("SetLatentNoiseMask", samples=["4", 0], mask=["9", 0]),
    ],
    ids=lambda between: between["class_type"],
)
def test_the_size_is_that_of_the_empty_latent(between: dict[str, Any]) -> None:
    graph = txt2img(n5=ksampler(latent_image=["20", 0]), n20=between, n9=node("VAEEncode", pixels=["8", 0]))
    assert roles(graph)["width"] == ["4.width"]
    assert roles(graph)["batch_size"] == ["4.batch_size"]


@pytest.mark.parametrize("class_type", ["VAEEncode", "VAEEncodeForInpaint"])
def test_an_encoded_image_has_no_size(class_type: str) -> None:
    graph = txt2img(n4=node(class_type, pixels=["8", 0], vae=["1", 2]), n8=node("LoadImage", image="x.png"))
    assert not {"width", "height", "batch_size"} & roles(graph).keys()
    assert roles(graph)["denoise"] == ["5.denoise"]


def test_models_and_schedulers_that_must_know_the_size() -> None:
    graph = custom_advanced(node("BasicGuider", model=["20", 0], conditioning=["2", 0]))
    graph["14"] = node("Flux2Scheduler", steps=20, width=512, height=768)
    graph["20"] = node("ModelSamplingFlux", model=["1", 0], max_shift=1.15, width=512, height=768)
    found = roles(graph)
    assert sorted(found["width"]) == ["14.width", "20.width", "4.width"]
    assert sorted(found["height"]) == ["14.height", "20.height", "4.height"]


# --- models


def test_the_checkpoint_is_behind_loras_and_model_changes() -> None:
    graph = txt2img(
        n5=ksampler(model=["22", 0]),
        n20=node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="x", strength_model=1.0),
        n21=node("LoraLoaderModelOnly", model=["20", 0], lora_name="y", strength_model=1.0),
        n22=node("ModelSamplingSD3", model=["21", 0], shift=3.0),
    )
    assert roles(graph)["checkpoint"] == ["1.ckpt_name"]


def test_a_diffusion_model_is_no_checkpoint() -> None:
    assert "checkpoint" not in roles(txt2img(n1=node("UNETLoader", unet_name="x", weight_dtype="default")))


def test_loaders_of_the_same_file_stay_together() -> None:
    graph = txt2img(
        n20=node("LTXVAudioVAELoader", ckpt_name="sd15.safetensors"),
        n21=node("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
    )
    assert roles(graph)["checkpoint"] == ["1.ckpt_name", "20.ckpt_name"]


def test_models_in_circles() -> None:
    graph = txt2img(n5=ksampler(model=["20", 0]), n20=node("A", model=["21", 0]), n21=node("B", model=["20", 0]))
    assert "checkpoint" not in roles(graph)


# --- several samplers


def base_and_refiner() -> Graph:
    return txt2img(
        n5=ksampler_advanced(end_at_step=20, return_with_leftover_noise="enable"),
        n10=node("CheckpointLoaderSimple", ckpt_name="refiner.safetensors"),
        n11=node("CLIPTextEncode", text="a cat", clip=["10", 1]),
        n12=node("CLIPTextEncode", text="blurry", clip=["10", 1]),
        n13=ksampler_advanced(
            add_noise="disable",
            start_at_step=20,
            model=["10", 0],
            positive=["11", 0],
            negative=["12", 0],
            latent_image=["5", 0],
        ),
        n6=node("VAEDecode", samples=["13", 0], vae=["10", 2]),
    )


def test_base_and_refiner() -> None:
    assert roles(base_and_refiner()) == {
        "prompt": ["2.text", "11.text"],
        "negative_prompt": ["3.text", "12.text"],
        "seed": ["5.noise_seed"],
        "steps": ["5.steps", "13.steps"],
        "cfg": ["5.cfg", "13.cfg"],
        "sampler_name": ["5.sampler_name", "13.sampler_name"],
        "scheduler": ["5.scheduler", "13.scheduler"],
        "width": ["4.width"],
        "height": ["4.height"],
        "batch_size": ["4.batch_size"],
        "checkpoint": ["1.ckpt_name"],
    }


def test_a_second_pass_keeps_its_denoise_and_size() -> None:
    graph = txt2img(
        n20=node("LatentUpscale", samples=["5", 0], width=1024, height=1536, upscale_method="nearest"),
        n21=ksampler(latent_image=["20", 0], denoise=0.5, steps=14),
        n6=node("VAEDecode", samples=["21", 0], vae=["1", 2]),
    )
    found = roles(graph)
    assert found["denoise"] == ["5.denoise"]
    assert found["width"] == ["4.width"]
    assert found["steps"] == ["5.steps", "21.steps"]
    assert found["prompt"] == ["2.text"]


def test_a_second_pass_over_pixels() -> None:
    graph = txt2img(
        n20=node("FaceDetailer", image=["6", 0], model=["1", 0], positive=["2", 0], seed=1, steps=20, denoise=0.5),
        n7=node("SaveImage", images=["20", 0], filename_prefix="x"),
    )
    found = roles(graph)
    assert found["denoise"] == ["5.denoise"]
    assert found["seed"] == ["5.seed", "20.seed"]


def two_pictures(second: str) -> Graph:
    return txt2img(
        n20=node("CLIPTextEncode", text=second, clip=["1", 1]),
        n21=ksampler(positive=["20", 0]),
        n22=node("VAEDecode", samples=["21", 0], vae=["1", 2]),
        n23=node("SaveImage", images=["22", 0], filename_prefix="y"),
    )


def test_two_pictures_of_the_same_text_share_the_prompt() -> None:
    assert roles(two_pictures("a cat"))["prompt"] == ["2.text", "20.text"]


def test_two_pictures_of_different_texts_have_no_common_prompt() -> None:
    found = roles(two_pictures("a dog"))
    assert "prompt" not in found
    assert found["negative_prompt"] == ["3.text"]
    assert found["seed"] == ["5.seed", "21.seed"]


def test_a_sampler_without_text_is_a_tool_when_others_have_text() -> None:
    graph = txt2img(
        n5=ksampler(positive=["24", 0], negative=["24", 1], latent_image=["24", 2]),
        n20=node("SamplerCustomAdvanced", guider=["21", 0], noise=["25", 0], sigmas=["22", 0], latent_image=["26", 0]),
        n21=node("BasicGuider", model=["27", 0], conditioning=["28", 0]),
        n22=node("BasicScheduler", model=["27", 0], scheduler="normal", steps=1, denoise=1.0),
        n23=node("VAEDecode", samples=["20", 0], vae=["1", 2]),
        n24=node("InstructPixToPixConditioning", positive=["2", 0], negative=["3", 0], pixels=["23", 0]),
        n25=node("DisableNoise"),
        n26=node("VAEEncode", pixels=["29", 0], vae=["1", 2]),
        n28=node("LotusConditioning"),
        n29=node("LoadImage", image="x.png"),
    )
    found = roles(graph)
    assert found["steps"] == ["5.steps"]
    assert found["denoise"] == ["5.denoise"]
    assert found["scheduler"] == ["5.scheduler"]


def test_samplers_in_circles() -> None:
    graph = txt2img(n5=ksampler(latent_image=["20", 0]), n20=ksampler(latent_image=["5", 0]))
    assert roles(graph)["denoise"] == ["5.denoise", "20.denoise"]


# --- no sampler


def test_an_empty_image() -> None:
    assert roles(empty_image()) == {"width": ["1.width"], "height": ["1.height"], "batch_size": ["1.batch_size"]}


def test_an_empty_image_behind_others() -> None:
    graph = empty_image() | {
        "2": node("SaveImage", images=["3", 0], filename_prefix="x"),
        "3": node("ImageScale", image=["1", 0], width=9, height=9, upscale_method="nearest", crop="disabled"),
    }
    assert roles(graph)["width"] == ["1.width"]


def test_two_sources_are_not_evident() -> None:
    assert roles(empty_image() | {"3": node("EmptyImage", width=9, height=9, batch_size=1, color=0)}) == {}


def test_a_node_that_does_all_elsewhere() -> None:
    partner = node("WanTextToImageApi", prompt="a", negative_prompt="", seed=1, width=["2", 0], height=512, model="x")
    graph = {"1": partner, "2": node("PrimitiveInt", value=640), "3": node("SaveImage", images=["1", 0])}
    assert roles(graph) == {
        "prompt": ["1.prompt"],
        "negative_prompt": ["1.negative_prompt"],
        "seed": ["1.seed"],
        "width": ["2.value"],
        "height": ["1.height"],
    }


def test_a_prompt_filled_into_a_template_elsewhere() -> None:
    graph = {
        "1": node("GeminiImage2Node", prompt=["2", 0], seed=1),
        "2": node("RegexReplace", string=["3", 0], regex_pattern="{it}", replace=["4", 0]),
        "3": node("PrimitiveStringMultiline", "Prompt Template", value="A photo of {it}."),
        "4": node("PrimitiveStringMultiline", "Describe it", value="a cat"),
    }
    assert roles(graph)["prompt"] == ["4.value"]


def test_every_seed_but_only_a_single_prompt() -> None:
    graph = {
        "1": node("GeminiImage2Node", prompt="a", seed=1),
        "2": node("GeminiImage2Node", prompt="b", seed=2, images=["1", 0]),
    }
    assert roles(graph) == {"seed": ["1.seed", "2.seed"]}


def test_inputs_of_another_kind_are_no_roles() -> None:
    graph = {"1": node("A", seed="x", width="wide", height=True, prompt=5, sampler_name=3, steps=None)}
    assert roles(graph) == {}


# --- whatever comes

NAMES = [
    *ROLES,
    *("text", "value", "positive", "negative", "conditioning", "guider", "noise", "sampler", "sigmas", "model"),
    *("latent_image", "samples", "switch", "on_true", "on_false", "string_a", "string_b", "noise_seed", "ckpt_name"),
]
ids = st.sampled_from([str(number) for number in range(8)])
values = st.tuples(ids, st.integers(0, 2)).map(list) | st.sampled_from(["x", 5, 1.5, True, None, [], {}])
classes = st.sampled_from(["A", "Reroute", "ConditioningZeroOut", "KSampler"])
graphs = st.dictionaries(
    ids,
    st.builds(
        lambda kind, inputs: {"class_type": kind, "inputs": inputs},
        classes,
        st.dictionaries(st.sampled_from(NAMES), values, max_size=8),
    ),
    min_size=1,
)


@settings(max_examples=300)
@given(graphs)
def test_roles_of_any_graph_are_places_with_fitting_values(graph: Graph) -> None:
    workflow = Workflow.load(graph)
    found = find_roles(workflow)
    assert list(found) == [role for role in ROLES if role in found]
    for role, places in found.items():
        assert len(set(places)) == len(places) > 0
        for place in places:
            value = graph[place.node_id]["inputs"][place.input_name]
            kind = (
                str
                if role in ("prompt", "negative_prompt", "sampler_name", "scheduler", "checkpoint")
                else (int, float)
            )
            assert isinstance(value, kind)
    assert workflow.api() == graph


def test_long_chains() -> None:
    chain: Graph = {str(index): node("PreviewAny", source=[str(index + 1), 0]) for index in range(100, 5000)}
    numbers: Graph = {f"v{index}": node("Hold", value=[f"v{index + 1}", 0]) for index in range(5000)}
    models: Graph = {f"m{index}": node("A", model=[f"m{index + 1}", 0]) for index in range(5000)}
    graph = txt2img(
        n2=node("CLIPTextEncode", text=["100", 0], clip=["1", 1]),
        n5=ksampler(model=["m0", 0], seed=["v0", 0]),
        **chain,
        **numbers,
        **models,
    )
    assert not {"prompt", "seed", "checkpoint"} & roles(graph).keys()


def calls_of_finding(graph: Graph) -> int:
    """Return how many functions are called to find the roles: a measure of work that no busy machine changes."""
    workflow, count = Workflow.load(graph), 0

    def profile(_frame: Any, event: str, _value: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        find_roles(workflow)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("in_a_row", [True, False])
def test_twice_the_samplers_are_twice_the_work(in_a_row: bool) -> None:
    def samplers(many: int) -> Graph:
        made = {f"a{at}": ksampler(latent_image=[f"a{at - 1}" if at and in_a_row else "4", 0]) for at in range(many)}
        return txt2img(**made)

    assert calls_of_finding(samplers(400)) < 2.2 * calls_of_finding(samplers(200))
