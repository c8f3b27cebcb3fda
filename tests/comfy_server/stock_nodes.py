"""Stock nodes with an effect that a client can see: custom samplers, switches, sizes of pictures."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image, ImageOps

from .nodes import RESAMPLING, Conditioning, Images, Latent, Model, VAEDecode, VAEEncode, resized, sample
from .passing import Made
from .pictures import Recipe
from .runs import ASKING, NODES, NodeRun, Result, node
from .saving import save_images

_STEPS = 20
_SCALE = re.compile(r"(\d+)x|x(\d+)", re.IGNORECASE)


# ---- values


def _give_value(run: NodeRun, value: Any) -> Result:
    return Result((value,))


for _name in ("Int", "Float", "Boolean", "String", "StringMultiline"):
    NODES[f"Primitive{_name}"] = _give_value


@node
def ComfySwitchNode(run: NodeRun, switch: bool, on_false: Any = None, on_true: Any = None) -> Result:  # noqa: N802
    return Result((on_true if switch else on_false,))


ASKING["ComfySwitchNode"] = lambda switch, **_: ("on_true" if switch else "on_false",)


@node
def StringConcatenate(run: NodeRun, string_a: str, string_b: str, delimiter: str) -> Result:  # noqa: N802
    return Result((delimiter.join((string_a, string_b)),))


# ---- sampling


@node
def SamplerCustomAdvanced(  # noqa: N802
    run: NodeRun, noise: Made, guider: Made, sampler: Made, sigmas: Made, latent_image: Latent
) -> Result:
    positive = guider.find("positive", "conditioning", "cond1")
    negative = guider.find("negative", default=Conditioning(""))
    cfg, seed = guider.find("cfg", "cfg_conds", default=1.0), noise.find("noise_seed", default=0)
    return _sampled(run, guider.find("model"), positive, negative, cfg, seed, sampler, sigmas, latent_image)


@node
def SamplerCustom(  # noqa: N802
    run: NodeRun,
    model: Model,
    add_noise: bool,
    noise_seed: int,
    cfg: float,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Made,
    sigmas: Made,
    latent_image: Latent,
) -> Result:
    return _sampled(run, model, positive, negative, cfg, noise_seed, sampler, sigmas, latent_image)


def _sampled(
    run: NodeRun,
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    cfg: float,
    seed: int,
    sampler: Made,
    sigmas: Made,
    latent: Latent,
) -> Result:
    steps = int(sigmas.find("steps", default=_STEPS))
    recipe = Recipe(positive.text, negative.text, seed, steps, cfg, str(sampler.find("sampler_name")), model.name)
    done = sample(run, recipe, latent, positive, sigmas.find("denoise", default=1.0), range(steps))
    return Result((done, done))


@node
def VAEDecodeTiled(run: NodeRun, samples: Latent, vae: Model, **_: Any) -> Result:  # noqa: N802
    return VAEDecode(run, samples, vae)


@node
def VAEEncodeTiled(run: NodeRun, pixels: Images, vae: Model, **_: Any) -> Result:  # noqa: N802
    return VAEEncode(run, pixels, vae)


# ---- pictures


@node
def BatchImagesNode(run: NodeRun, images: dict[str, Images]) -> Result:  # noqa: N802
    """All of the first one's size."""
    whole = [image for row in images.values() for image in row]
    return Result(([ImageOps.fit(image, whole[0].size) for image in whole],))


@node
def ImageUpscaleWithModel(run: NodeRun, upscale_model: Made, image: Images) -> Result:  # noqa: N802
    """A real one learns its scale from the model; here the file's name says it (``4x``, ``x2``), else it is 4."""
    found = _SCALE.search(str(upscale_model.find("model_name")))
    scale = int(found[1] or found[2]) if found else 4
    larger = [resized(each, each.width * scale, each.height * scale, "lanczos") for each in image]
    return Result((larger,))


@node
def ResizeImageMaskNode(  # noqa: N802
    run: NodeRun,
    input: Images,  # noqa: A002
    resize_type: dict[str, Any],
    scale_method: str,
) -> Result:
    width, height = _wanted_size(input[0].size, **resize_type)
    if resize_type.get("crop") == "center":
        return Result(([ImageOps.fit(each, (width, height), RESAMPLING[scale_method]) for each in input],))
    return Result(([resized(each, width, height, scale_method) for each in input],))


def _wanted_size(before: tuple[int, int], resize_type: str, **how: Any) -> tuple[int, int]:
    wide, high = before
    match resize_type:
        case "scale dimensions":
            return how["width"] or round(wide * how["height"] / high), how["height"] or round(
                high * how["width"] / wide
            )
        case "match size":
            return how["match"][0].size  # type: ignore[no-any-return]
        case "scale to multiple":
            return wide // how["multiple"] * how["multiple"], high // how["multiple"] * how["multiple"]
    factors = {
        "scale by multiplier": lambda: how["multiplier"],
        "scale longer dimension": lambda: how["longer_size"] / max(before),
        "scale shorter dimension": lambda: how["shorter_size"] / min(before),
        "scale width": lambda: how["width"] / wide,
        "scale height": lambda: how["height"] / high,
        "scale total pixels": lambda: (how["megapixels"] * 1024 * 1024 / (wide * high)) ** 0.5,
    }
    factor = factors[resize_type]()
    return round(wide * factor), round(high * factor)


@node
def SeedVR2Preprocess(run: NodeRun, resized_images: Images) -> Result:  # noqa: N802
    """Sides become multiples of 16; what comes to them is taken away afterwards."""
    size = tuple(-(-side // 16) * 16 for side in resized_images[0].size)
    return Result(([_padded(each, *size) for each in resized_images],))


def _padded(image: Image.Image, width: int, height: int) -> Image.Image:
    whole = Image.new("RGB", (width, height))
    whole.paste(image.convert("RGB"))
    return whole


@node
def SeedVR2PostProcessing(  # noqa: N802
    run: NodeRun, images: Images, original_resized_images: Images, color_correction_method: str
) -> Result:
    width, height = original_resized_images[0].size
    return Result(([each.crop((0, 0, width, height)) for each in images],))


@node
def ImageCompare(  # noqa: N802
    run: NodeRun, compare_view: Any = None, image_a: Images | None = None, image_b: Images | None = None
) -> Result:
    shown: dict[str, Any] = {"a_images": [], "b_images": []}
    for side, images in (("a", image_a), ("b", image_b)):
        if images:
            saved = save_images(run, images, f"comfy.compare.{side}", "temp", compress_level=1).shown or {}
            shown[f"{side}_images"] = saved["images"]
    return Result((), shown)
