"""What the image and latent nodes do. Images are lists of PIL images, masks are lists of mode "L" images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from .pictures import Recipe, draw, preview
from .runs import NodeRun, OutOfMemoryError, Result, node

Images = list[Image.Image]


@dataclass(frozen=True)
class Model:
    """A checkpoint, or its text part, with what was added to it."""

    name: str


@dataclass(frozen=True)
class Conditioning:
    text: str
    control: tuple[Image.Image, float] | None = None


@dataclass(frozen=True)
class Latent:
    """``images`` is empty before anything was sampled or encoded; ``places`` are those of a whole batch that its
    pictures were taken out of, None where they are the batch; each is one picture, or a film of ``frames``."""

    width: int
    height: int
    batch: int
    images: Images = field(default_factory=list)
    mask: Images = field(default_factory=list)
    places: tuple[int, ...] | None = None
    frames: int = 1


RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resized(image: Image.Image, width: int, height: int, method: str) -> Image.Image:
    return image.resize((max(1, width), max(1, height)), RESAMPLING[method])


# ---- images


@node
def EmptyImage(run: NodeRun, width: int, height: int, batch_size: int, color: int) -> Result:  # noqa: N802
    wanted = width * height * batch_size * 4
    if wanted > 2**33:
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
            f"you tried to allocate {wanted} bytes. Error code 12 (Cannot allocate memory)"
        )
    fill = (color >> 16 & 255, color >> 8 & 255, color & 255)
    return Result(([Image.new("RGB", (width, height), fill)] * batch_size,))


@node
def LoadImage(run: NodeRun, image: str) -> Result:  # noqa: N802
    with Image.open(run.folders.find_input(image)) as file:
        loaded = ImageOps.exif_transpose(file)
        has_alpha = "A" in loaded.getbands() or "transparency" in loaded.info
        mask = ImageOps.invert(loaded.convert("RGBA").getchannel("A")) if has_alpha else Image.new("L", (64, 64))
        return Result(([loaded.convert("RGB")], [mask]))


@node
def LoadImageMask(run: NodeRun, image: str, channel: str) -> Result:  # noqa: N802
    with Image.open(run.folders.find_input(image)) as file:
        band = file.convert("RGBA").getchannel(channel[0].upper())
    return Result(([ImageOps.invert(band) if channel == "alpha" else band],))


@node
def ImageScale(  # noqa: N802
    run: NodeRun, image: Images, upscale_method: str, width: int, height: int, crop: str
) -> Result:
    before = image[0].size
    width = width or max(1, round(before[0] * height / before[1]))
    height = height or max(1, round(before[1] * width / before[0]))
    if crop == "center":
        return Result(([ImageOps.fit(each, (width, height), RESAMPLING[upscale_method]) for each in image],))
    return Result(([resized(each, width, height, upscale_method) for each in image],))


@node
def ImageScaleBy(run: NodeRun, image: Images, upscale_method: str, scale_by: float) -> Result:  # noqa: N802
    width, height = (round(side * scale_by) for side in image[0].size)
    return Result(([resized(each, width, height, upscale_method) for each in image],))


@node
def ImageInvert(run: NodeRun, image: Images) -> Result:  # noqa: N802
    return Result(([ImageOps.invert(each.convert("RGB")) for each in image],))


@node
def ImageBatch(run: NodeRun, image1: Images, image2: Images) -> Result:  # noqa: N802
    size = image1[0].size
    return Result(([*image1, *[ImageOps.fit(each, size) for each in image2]],))


@node
def ImageFromBatch(run: NodeRun, image: Images, batch_index: int, length: int) -> Result:  # noqa: N802
    return Result((image[_from_batch(len(image), batch_index, length)],))


@node
def RepeatImageBatch(run: NodeRun, image: Images, amount: int) -> Result:  # noqa: N802
    return Result((image * amount,))


def _from_batch(size: int, first: int, length: int) -> slice:
    """At least the last one, and no more than there are."""
    first = min(size - 1, first)
    return slice(first, first + min(size - first, length))


@node
def ImageBlur(run: NodeRun, image: Images, blur_radius: int, sigma: float) -> Result:  # noqa: N802
    return Result(([each.filter(ImageFilter.GaussianBlur(sigma)) for each in image],))


@node
def SolidMask(run: NodeRun, value: float, width: int, height: int) -> Result:  # noqa: N802
    return Result(([Image.new("L", (width, height), round(value * 255))],))


@node
def MaskToImage(run: NodeRun, mask: Images) -> Result:  # noqa: N802
    return Result(([each.convert("RGB") for each in mask],))


@node
def JoinImageWithAlpha(run: NodeRun, image: Images, alpha: Images) -> Result:  # noqa: N802
    joined = []
    for each in image:
        whole = each.convert("RGBA")
        whole.putalpha(ImageOps.invert(alpha[0]).resize(each.size))
        joined.append(whole)
    return Result((joined,))


@node
def GetImageSize(run: NodeRun, image: Images) -> Result:  # noqa: N802
    width, height = image[0].size
    run.send_text(f"width: {width}, height: {height}\n batch size: {len(image)}")
    return Result((width, height, len(image)))


# ---- models and conditioning


@node
def CheckpointLoaderSimple(run: NodeRun, ckpt_name: str) -> Result:  # noqa: N802
    return Result((Model(ckpt_name), Model(ckpt_name), Model(ckpt_name)))


@node
def VAELoader(run: NodeRun, vae_name: str) -> Result:  # noqa: N802
    return Result((Model(vae_name),))


@node
def LoraLoader(  # noqa: N802
    run: NodeRun, model: Model, clip: Model, lora_name: str, strength_model: float, strength_clip: float
) -> Result:
    changed = Model(f"{model.name}+{lora_name}*{strength_model}")
    return Result((changed, Model(f"{clip.name}+{lora_name}*{strength_clip}")))


@node
def CLIPSetLastLayer(run: NodeRun, clip: Model, stop_at_clip_layer: int) -> Result:  # noqa: N802
    return Result((Model(f"{clip.name}@{stop_at_clip_layer}"),))


@node
def CLIPTextEncode(run: NodeRun, text: str, clip: Model) -> Result:  # noqa: N802
    _, _, changes = clip.name.partition("@")
    return Result((Conditioning(f"{text} @{changes}" if changes else text),))


@node
def ConditioningCombine(  # noqa: N802
    run: NodeRun, conditioning_1: Conditioning, conditioning_2: Conditioning
) -> Result:
    return Result((replace(conditioning_1, text=f"{conditioning_1.text} {conditioning_2.text}"),))


@node
def ConditioningZeroOut(run: NodeRun, conditioning: Conditioning) -> Result:  # noqa: N802
    return Result((replace(conditioning, text=""),))


@node
def ControlNetLoader(run: NodeRun, control_net_name: str) -> Result:  # noqa: N802
    return Result((Model(control_net_name),))


@node
def ControlNetApplyAdvanced(  # noqa: N802
    run: NodeRun, positive: Conditioning, negative: Conditioning, image: Images, strength: float, **_: Any
) -> Result:
    return Result((replace(positive, control=(image[0], strength)), negative))


# ---- latents


@node
def EmptyLatentImage(run: NodeRun, width: int, height: int, batch_size: int) -> Result:  # noqa: N802
    return Result((Latent(width // 8 * 8, height // 8 * 8, batch_size),))


@node
def VAEEncode(run: NodeRun, pixels: Images, vae: Model) -> Result:  # noqa: N802
    width, height = (side // 8 * 8 for side in pixels[0].size)
    return Result((Latent(width, height, len(pixels), [each.convert("RGB") for each in pixels]),))


@node
def VAEEncodeForInpaint(  # noqa: N802
    run: NodeRun, pixels: Images, vae: Model, mask: Images, grow_mask_by: int
) -> Result:
    encoded = VAEEncode(run, pixels, vae).values[0]
    grown = [each.filter(ImageFilter.MaxFilter(grow_mask_by // 2 * 2 + 1)) for each in mask]
    return Result((replace(encoded, mask=grown),))


@node
def LatentFromBatch(run: NodeRun, samples: Latent, batch_index: int, length: int) -> Result:  # noqa: N802
    part = _from_batch(samples.batch, batch_index, length)
    places = (samples.places or tuple(range(samples.batch)))[part]
    return Result((replace(samples, batch=len(places), images=samples.images[part], places=places),))


@node
def RepeatLatentBatch(run: NodeRun, samples: Latent, amount: int) -> Result:  # noqa: N802
    places = samples.places
    if places is not None:
        step = max(places) - min(places) + 1
        places = tuple(place + turn * step for turn in range(amount) for place in places)
    more = replace(samples, batch=samples.batch * amount, images=samples.images * amount, places=places)
    return Result((more,))


@node
def SetLatentNoiseMask(run: NodeRun, samples: Latent, mask: Images) -> Result:  # noqa: N802
    return Result((replace(samples, mask=mask),))


@node
def LatentUpscale(  # noqa: N802
    run: NodeRun, samples: Latent, upscale_method: str, width: int, height: int, crop: str
) -> Result:
    images = [resized(each, width, height, upscale_method) for each in samples.images]
    return Result((replace(samples, width=width, height=height, images=images),))


@node
def LatentUpscaleBy(run: NodeRun, samples: Latent, upscale_method: str, scale_by: float) -> Result:  # noqa: N802
    width, height = round(samples.width * scale_by) // 8 * 8, round(samples.height * scale_by) // 8 * 8
    return LatentUpscale(run, samples, upscale_method, width, height, "disabled")


@node
def VAEDecode(run: NodeRun, samples: Latent, vae: Model) -> Result:  # noqa: N802
    grey = Image.new("RGB", (samples.width, samples.height), (127, 127, 127))
    pictures = samples.images or [grey] * samples.batch
    return Result(([image for picture in pictures for image in moving(picture, samples.frames)],))


def moving(picture: Image.Image, frames: int) -> Images:
    """A film of a landscape that goes by; of one frame the picture itself."""
    step = max(1, picture.width // 100)
    return [ImageChops.offset(picture, -step * frame, 0) if frame else picture for frame in range(frames)]


@node
def KSampler(  # noqa: N802
    run: NodeRun,
    model: Model,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: float,
) -> Result:
    method = f"{sampler_name}/{scheduler}"
    recipe = Recipe(positive.text, negative.text, seed, steps, cfg, method, model.name)
    return Result((sample(run, recipe, latent_image, positive, denoise, range(steps)),))


@node
def KSamplerAdvanced(  # noqa: N802
    run: NodeRun,
    model: Model,
    noise_seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: int,
    end_at_step: int,
    **_: Any,
) -> Result:
    method = f"{sampler_name}/{scheduler}"
    recipe = Recipe(positive.text, negative.text, noise_seed, steps, cfg, method, model.name)
    part = range(min(start_at_step, steps), min(end_at_step, steps))
    return Result((sample(run, recipe, latent_image, positive, len(part) / steps, part),))


def sample(
    run: NodeRun, recipe: Recipe, latent: Latent, positive: Conditioning, denoise: float, steps: range
) -> Latent:
    trouble = next((kind for words, kind in run.knobs.troubles.items() if words in positive.text), "")
    limit = run.knobs.vram_batch_limit
    if trouble == "memory" or (limit is not None and latent.batch > limit):
        raise OutOfMemoryError("Allocation on device 0 would exceed allowed memory. (out of memory)")
    if trouble:
        raise RuntimeError(trouble)
    places = latent.places or range(latent.batch)
    pictures = [_picture(recipe, latent, positive, denoise, *index) for index in enumerate(places)]
    for done, _step in enumerate(steps, 1):
        run.check()
        run.sleep(run.knobs.step_delay)
        image = None
        if run.wants_previews:
            image = preview(pictures[0], recipe, done, len(steps), run.knobs.preview_size)
        run.progress(done, len(steps), image)
    return replace(latent, images=pictures)


def _picture(
    recipe: Recipe, latent: Latent, positive: Conditioning, denoise: float, index: int, place: int
) -> Image.Image:
    """``index`` counts in what is sampled now; ``place``, in the whole batch, is what the noise depends on."""
    picture = draw(recipe, latent.width, latent.height, place)
    if positive.control is not None:
        shape = ImageOps.fit(positive.control[0].convert("RGB"), picture.size)
        picture = Image.blend(picture, ImageChops.soft_light(picture, shape), min(1.0, positive.control[1]))
    if not latent.images:
        return picture
    before = latent.images[index % len(latent.images)].resize(picture.size)
    picture = Image.blend(before, picture, min(1.0, denoise))
    if latent.mask:
        picture = Image.composite(picture, before, latent.mask[0].resize(picture.size))
    return picture
