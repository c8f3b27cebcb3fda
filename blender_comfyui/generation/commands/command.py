"""What every verb is given: the words, what is around it, a session, and somewhere to say things."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...workflow.node_types import NodeTypes
from ..history import History
from ..session import Session
from ..stock import Stock
from ..tasks.book import FILE, TaskBook
from .console import Console
from .exit_codes import CommandError, ExitCode
from .interrupts import Interrupts
from .surroundings import ChosenServer, Surroundings, choose_server, default_environment
from .workflows import Loaded, Source, load, read_object_info


@dataclass
class Command:
    """One command while it runs; a context that ends its session. The session is made when it is first wanted."""

    options: argparse.Namespace
    surroundings: Surroundings
    console: Console
    interrupts: Interrupts
    environment: Mapping[str, str] = field(default_factory=default_environment)

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *error: object) -> None:
        if "session" in self.__dict__:
            self.session.close()
        if "history" in self.__dict__:
            self.history.close()

    @cached_property
    def server(self) -> ChosenServer:
        """Where it goes. Raises InvalidAddress, InvalidCredentials, CommandError."""
        chosen = choose_server(self.options.server, self.options.login, self.surroundings, self.environment)
        self.console.protect(chosen.credentials.secrets)
        return chosen

    @cached_property
    def session(self) -> Session:
        """A session with that server; nothing is sent yet. Raises as `server` does."""
        book = self.surroundings.task_book or TaskBook(self.data / FILE)
        return Session(self.server.address, self.data, credentials=self.server.credentials, task_book=book)

    @cached_property
    def history(self) -> History:
        """What was made, for whoever asks no server."""
        return History(self.data)

    @property
    def data(self) -> Path:
        """The folder of the history."""
        named: Path | None = self.options.data
        return named.absolute() if named is not None else self.surroundings.data

    def output_folder(self) -> Path:
        """Make the folder of the results, and return it: a job by itself would wait until there is one.

        Raises CommandError.
        """
        named: Path | None = self.options.output
        folder = (named or self.surroundings.output).absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            sentence = f"The folder {folder} cannot be made: {error.strerror}. Name another one with --output."
            raise CommandError(sentence, ExitCode.DISK) from None
        if not os.access(folder, os.W_OK):
            sentence = f"The folder {folder} cannot be written to. Name another one with --output."
            raise CommandError(sentence, ExitCode.DISK)
        return folder

    @cached_property
    def node_types(self) -> NodeTypes:
        """The server's node classes, or those of --object-info. Raises ComfyError and WorkflowError."""
        named: Path | None = getattr(self.options, "object_info", None)
        return read_object_info(named) if named is not None else self.stock.node_types

    @cached_property
    def stock(self) -> Stock:
        """What the server has, read once. Raises ComfyError and NotNodeTypes."""
        return self.session.stock.read()

    def load(self, source: Source) -> Loaded:
        """Read what somebody named. Raises WorkflowError and ComfyError."""
        return load(source, lambda: self.node_types, self.surroundings.library)

    @property
    def facts(self) -> dict[str, object]:
        """What the JSON of a verb that asks a server begins with."""
        return {"server": str(self.server.address)}
