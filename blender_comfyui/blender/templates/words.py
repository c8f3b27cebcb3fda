"""What the browser says of a template. No bpy here."""

from ...comfy.offers import Template

NONE_OFFERED = (
    "This server offers no templates. They come with the package comfyui-workflow-templates and with some node packs. "
    "Install that package where ComfyUI runs, or import a workflow from a file."
)
NONE_FOUND = "No template has all these words. Try fewer, or another category."
_GIGABYTE = 1e9


def note(template: Template) -> str:
    """Return the one thing that matters before it is opened, in two or three words; often ''."""
    if template.is_open is False:
        return "Paid service"
    return f"{size(template)} of models" if template.size else ""


def description(template: Template) -> str:
    """Return all that is known of it, a line each."""
    lines = [template.title or template.name]
    if template.description:
        lines += [template.description]
    if template.models:
        lines += [f"Models: {', '.join(template.models)}"]
    if template.size:
        lines += [f"They take {size(template)}"]
    if template.is_open is False:
        lines += ["It uses a service that costs money"]
    if template.needs_version:
        lines += [f"Needs ComfyUI {template.needs_version} or newer"]
    if template.module:
        lines += [f"From the node pack {template.module}"]
    return "\n".join(lines)


def size(template: Template) -> str:
    """Return what its models take on the server's disk, such as “20.8 GB”."""
    gigabytes = template.size / _GIGABYTE
    return f"{gigabytes:,.0f} GB" if gigabytes >= 100 else f"{max(gigabytes, 0.1):.1f} GB"


def counted(start: int, shown: int, total: int) -> str:
    """Return which ones are shown: “13–24 of 644”."""
    if total <= shown:
        return f"{total:,} template{'' if total == 1 else 's'}"
    return f"{start + 1:,}–{start + shown:,} of {total:,}"
