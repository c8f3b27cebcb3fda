"""The server as a test holds it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from . import control
from .app import make_app
from .execution import Executor
from .folders import Folders
from .knobs import Journal, Knobs, RecordedRequest
from .level import NEW, Level
from .messages import Messenger
from .prompt_queue import PromptQueue
from .provisions import provide
from .site import Site
from .stock import stock

_QUIET = logging.getLogger("comfy_server.http")
_QUIET.disabled = True


class ComfyServer(Knobs):
    """A ComfyUI server on 127.0.0.1, in threads of this process.

    ``level`` is the release it speaks like; ``prefix`` stands before every path, as behind a proxy; ``data_dir``
    gets the folders input, output, temp and user (default: a temporary one, removed by ``close``). ``object_info``
    is a file with a real server's answer: its classes are there as well, as far as they can run here. All other
    keywords are fields of Knobs, which are attributes of the server as well. ``start`` and ``stop`` may follow
    each other: the port and the files stay, queue and history are lost.
    """

    def __init__(
        self,
        level: str = NEW,
        *,
        port: int = 0,
        prefix: str = "",
        data_dir: Path | None = None,
        checkpoints: tuple[str, ...] | None = None,
        object_info: Path | None = None,
        **knobs: Any,
    ) -> None:
        self.level = Level(level)
        super().__init__(**knobs)
        if object_info is not None:
            self.node_types = stock(object_info)
        if checkpoints is not None:
            self.checkpoints = checkpoints
        self.journal = Journal()
        self.prefix = ("/" + prefix.strip("/")) if prefix.strip("/") else ""
        self.port = port
        self._own_dir = Path(tempfile.mkdtemp(prefix="comfy-server-")) if data_dir is None else None
        self.folders = Folders(data_dir or self._own_dir or Path())
        self._running: _Running | None = None

    # ---- life

    def start(self) -> ComfyServer:
        """Returns once it listens; raises OSError when the port is taken."""
        if self._running is not None:
            raise RuntimeError("already started")
        self.folders.empty_temp()
        self._running = _Running(self)
        self.port = self._running.port
        return self

    def stop(self) -> None:
        """Ends it like a killed process: connections break off without close frames, a prompt ends nowhere."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            self.journal.touch()

    def close(self) -> None:
        self.stop()
        if self._own_dir is not None:
            shutil.rmtree(self._own_dir, ignore_errors=True)

    def __enter__(self) -> ComfyServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    # ---- knobs

    @property
    def site(self) -> Site:
        if self._running is None:
            raise RuntimeError("not started")
        return self._running.site

    @property
    def knobs(self) -> Knobs:
        return self

    def hold(self) -> None:
        """From now on execution waits before each node and each sampler step."""
        self.gate.set()

    def release(self) -> None:
        self.gate.clear()

    def step(self, count: int = 1) -> None:
        """Lets ``count`` nodes or sampler steps through the held gate."""
        self.gate.step(count)

    def wait_held(self, timeout: float = 10.0) -> None:
        """Until execution stands before the gate."""
        self.gate.wait_reached(timeout)

    def provide(self, prompt: dict[str, Any]) -> None:
        """Puts every model that a prompt names into its folder, and a small file for each that it loads."""
        provide(prompt, self, self.folders)

    def drop_sockets(self, close_frame: bool = False) -> None:
        """Ends all websockets, with a close frame or by breaking the connection."""
        running = self._running
        if running is not None:
            running.call(running.site.messenger.drop(close_frame))

    def silence(self) -> None:
        """The websockets open now stay open, but nothing comes from them any more, not even pongs."""
        self.site.messenger.silent |= set(self.site.messenger.open)

    # ---- what has happened

    @property
    def posts(self) -> int:
        return self.journal.posts

    @property
    def executions(self) -> dict[str, int]:
        """Prompt id -> how often its execution began."""
        return dict(self.journal.executions)

    @property
    def requests(self) -> list[RecordedRequest]:
        return list(self.journal.requests)

    @property
    def websockets_open(self) -> int:
        return len(self._running.site.messenger.open) if self._running else 0

    @property
    def history(self) -> dict[str, Any]:
        return self.site.queue.past(None, -1)

    def wait_for(self, holds: Any, timeout: float = 10.0) -> None:
        """Waits until ``holds()`` is true; raises TimeoutError."""
        self.journal.wait_for(holds, timeout)

    def wait_finished(self, prompt_id: str, timeout: float = 10.0) -> None:
        """Until the prompt's execution has ended, however, and its history entry is there."""
        self.wait_for(lambda: self.journal.finished[prompt_id] > 0, timeout)


class _Running:
    """From one start to the next stop: the loop in its thread, the execution in another."""

    def __init__(self, server: ComfyServer) -> None:
        self._loop = asyncio.new_event_loop()
        self._listener = self._listen(server.port)
        self.port: int = self._listener.getsockname()[1]
        self.site = self._make_site(server)
        self._runner = web.AppRunner(
            make_app(self.site, control.routes(server)), access_log=None, logger=_QUIET, handle_signals=False
        )
        self._thread = threading.Thread(target=self._work, name="comfy-server", daemon=True)
        self._thread.start()
        self.call(self._open())
        self.site.executor.start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return listener

    def _make_site(self, server: ComfyServer) -> Site:
        messenger = Messenger(self._loop)
        queue = PromptQueue(lambda: messenger.send("status", self.site.status()))
        executor = Executor(queue, messenger, server.folders, server, server.journal, server.level)
        return Site(
            server.level, server, server.folders, server.journal, messenger, queue, executor, server.prefix,
            self.port,
        )  # fmt: skip

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self) -> None:
        self._publisher = self._loop.create_task(self.site.messenger.publish())
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def stop(self) -> None:
        self.call(self._break_off())
        self.site.executor.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _break_off(self) -> None:
        for site in list(self._runner.sites):
            await site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
