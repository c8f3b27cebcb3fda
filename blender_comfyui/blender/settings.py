"""What the preferences say, as frozen values. Knows their names, not their class, and never the network."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import AddonPreferences

from ..comfy.address import ServerAddress
from ..comfy.credentials import Credentials, secrets_of
from ..comfy.errors import InvalidCredentials

# "bl_ext.user_default.blender_comfyui": Blender's key of this extension, whatever repository it came from.
PACKAGE = __package__.rpartition(".")[0]
API_KEY_VARIABLE = "COMFYUI_API_KEY"


@dataclass(frozen=True)
class ServerSettings:
    """Which server, and how to log in there; two that compare equal share one Session."""

    address: ServerAddress
    credentials: Credentials


def preferences() -> AddonPreferences:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def server_settings() -> ServerSettings:
    """Read the preferences; raise InvalidAddress or InvalidCredentials with a sentence for the person."""
    chosen = preferences()
    return ServerSettings(_address(chosen), _credentials(chosen).with_account(chosen.account_key))


def bind_secrets() -> None:
    """Remember for which host the secrets were entered: they are sent to no other."""
    chosen = preferences()
    chosen.secrets_host = _host_name(chosen)


def secrets_are_elsewheres() -> bool:
    """Whether there are secrets, entered for another host than the present one."""
    chosen = preferences()
    return bool(_own_secret(chosen) or chosen.account_key) and chosen.secrets_host != _host_name(chosen)


def secrets() -> frozenset[str]:
    """Return all that the preferences and the environment hold and that may be in no text, in use or not."""
    chosen = preferences()
    entered = [chosen.token, chosen.api_key, chosen.account_key, chosen.password]
    entered += [os.environ.get(API_KEY_VARIABLE, ""), *(header.value for header in chosen.headers)]
    found = {secret for value in entered for secret in secrets_of(value.strip())}
    with contextlib.suppress(ValueError):  # they cannot be sent as they are
        found |= _credentials(chosen).secrets
    return frozenset(found)


def user_path(name: str) -> Path:
    """Return where `user_folder` is, or will be; touches no disk."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name))


def user_folder(name: str) -> Path:
    """Return a folder of the extension's own (made if need be), for all that belongs to no .blend.

    Where it cannot be made Blender says "", which would be the folder that it was started in.
    """
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True) or user_path(name))


def output_folder() -> Path:
    """Return where results go: by default beside the .blend, and in the user folder while that is unsaved."""
    chosen = preferences().output_folder.strip()
    if not chosen or (chosen.startswith("//") and not bpy.data.filepath):
        return user_folder("outputs")
    return Path(bpy.path.abspath(chosen)).absolute()


def names_more_than_a_host(text: str) -> bool:
    """Whether this is a URL or has a port, rather than a bare name or address (IPv6 ones have many colons)."""
    text = text.strip()
    return "/" in text or "[" in text or text.count(":") == 1


def _address(chosen: AddonPreferences) -> ServerAddress:
    host = chosen.host.strip()
    address = ServerAddress.parse(host)  # a sentence about a bad host shows what was typed
    if names_more_than_a_host(host):
        return address
    host = f"[{address.host}]" if ":" in address.host else address.host
    return ServerAddress.parse(f"{chosen.scheme.lower()}://{host}:{chosen.port}/{chosen.prefix.strip('/ ')}")


def _host_name(chosen: AddonPreferences) -> str:
    return chosen.host.strip().lower()


def _own_secret(chosen: AddonPreferences) -> str:
    """What was entered as secret for the chosen way to log in, '' where nothing was."""
    match chosen.authentication:
        case "BEARER":
            return chosen.token
        case "API_KEY":
            return chosen.api_key
        case "BASIC":
            return chosen.password
        case "HEADERS":
            return "".join(header.value for header in chosen.headers)
        case _:
            return ""


def _credentials(chosen: AddonPreferences) -> Credentials:
    if secrets_are_elsewheres():
        raise InvalidCredentials(
            f"The login was entered for {chosen.secrets_host}, so it is not sent to {_host_name(chosen)}. "
            "Enter it again in the preferences, or choose there to use it here too."
        )
    environment = os.environ.get(API_KEY_VARIABLE, "")
    match chosen.authentication:
        case "BEARER":
            return Credentials.bearer(chosen.token or environment)
        case "API_KEY":
            return Credentials.api_key(chosen.api_key or environment)
        case "BASIC":
            return Credentials.basic(chosen.user, chosen.password)
        case "HEADERS":
            return Credentials.free({header.name: header.value for header in chosen.headers})
        case _:
            return Credentials.none()
