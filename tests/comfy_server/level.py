"""What differs between the server releases whose exchanges were recorded."""

from __future__ import annotations

from dataclasses import dataclass

OLD = "0.3.64"
NEW = "0.27.0"


@dataclass(frozen=True)
class Level:
    """One ComfyUI release, as a client can tell it apart."""

    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))

    @property
    def has_jobs(self) -> bool:
        return self.numbers >= (0, 5)

    @property
    def has_job_cancel(self) -> bool:
        return self.numbers >= (0, 26)

    @property
    def is_strict(self) -> bool:
        """Canonical prompt ids, named missing nodes and cycles, checked combos of the second form, create_time."""
        return self.numbers >= (0, 25)

    @property
    def features(self) -> dict[str, object]:
        flags: dict[str, object] = {"supports_preview_metadata": True, "max_upload_size": 104857600}
        if self.is_strict:
            flags |= {"extension": {"manager": {"supports_v4": True}}, "node_replacements": True, "assets": False}
        return flags

    def system(self, port: int) -> dict[str, object]:
        """The ``system`` part of /system_stats."""
        memory = 25276510208
        system: dict[str, object] = {
            "os": "linux" if self.is_strict else "posix",
            "ram_total": memory,
            "ram_free": memory - 2**31,
            "comfyui_version": self.version,
            "required_frontend_version": "1.45.20" if self.is_strict else "1.27.10",
            "installed_templates_version": "0.1.95",
            "required_templates_version": "0.11.1" if self.is_strict else "0.1.95",
        }
        if self.is_strict:
            package = {"name": "comfyui-frontend-package", "installed": "1.45.20", "required": "1.45.20"}
            system["comfy_package_versions"] = [package]
        system |= {"python_version": "3.12.1 (main)", "pytorch_version": "2.15.0+cu132", "embedded_python": False}
        if self.is_strict:
            system["deploy_environment"] = "local-git"
        return system | {"argv": ["main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(port)]}
