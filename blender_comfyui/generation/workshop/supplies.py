"""What the workshop needs of one server, and knows of it. For the workshop's thread alone, but for `abort` and `stale`.

Node classes are kept until somebody says that they may have changed, and while the server is away.
"""

from __future__ import annotations

import logging
import time

from ...comfy.address import ServerAddress
from ...comfy.client import ComfyClient
from ...comfy.credentials import Credentials
from ...comfy.errors import ComfyError, FileMissing
from ...comfy.offers import Template
from ...comfy.transport import Timeouts
from ...workflow.errors import NotNodeTypes
from ...workflow.node_types import NodeTypes
from .questions import Definitions

log = logging.getLogger(__name__)

PICTURE_PATIENCE = 15.0  # seconds for one picture; official ones have up to 2 MB


class Supplies:
    """One server; its routes raise ComfyError."""

    def __init__(self, address: ServerAddress, credentials: Credentials | None, timeouts: Timeouts) -> None:
        self.client = ComfyClient(address, credentials, timeouts)
        patience = min(timeouts.total, PICTURE_PATIENCE)
        brief = Timeouts(min(timeouts.connect, patience), min(timeouts.read, patience), patience)
        self._pictures = ComfyClient(address, credentials, brief)
        self.server = str(address)
        self.stale = False  # set by whoever hears that the server was away
        self._definitions: Definitions | None = None
        self._templates: dict[tuple[str, str], Template] = {}

    def abort(self) -> None:
        """End what is under way, from any thread. Returns at once."""
        self.client.abort()
        self._pictures.abort()

    def close(self) -> None:
        self.client.close()
        self._pictures.close()

    def definitions(self, anew: bool = False) -> Definitions:
        """Raises NotNodeTypes, too."""
        if self._definitions is None or self.stale or anew:
            self.stale = False
            try:
                self._definitions = self._read_definitions()
            except (ComfyError, NotNodeTypes):
                self.stale = True
                raise
        return self._definitions

    @property
    def last_definitions(self) -> Definitions | None:
        """As they were when they were last read."""
        return self._definitions

    def templates(self) -> tuple[Template, ...]:
        templates = self.client.templates()
        self._templates = {(template.name, template.module): template for template in templates}
        return templates

    def template(self, name: str, module: str) -> Template:
        """One that the server lists. Raises FileMissing."""
        if (name, module) not in self._templates:
            self.templates()
        if (name, module) not in self._templates:
            raise FileMissing(f"The server no longer has the template “{name}”. Read the list anew.")
        return self._templates[name, module]

    def thumbnail(self, template: Template) -> bytes | None:
        """Its encoded picture, None where there is none; TimedOut soon, as whoever clicks on it waits for this."""
        return self._pictures.template_thumbnail(template)

    def _read_definitions(self) -> Definitions:
        read = time.monotonic()
        node_types = NodeTypes.from_object_info(self.client.object_info())
        if not node_types:
            raise NotNodeTypes(f"{self.server} names no node classes. Look at its console.")
        try:
            replacements = self.client.node_replacements()
        except ComfyError:  # an extra: without it everything else works
            log.info("no node replacements of %s", self.server, exc_info=True)
            replacements = {}
        return Definitions(self.server, node_types, replacements, read)
