"""A row of the table of faults, and what can happen beside the faults themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blender_comfyui.generation.choices import SERVERS_FIRST
from tests import graphs
from tests.fault_proxy.proxy import Fault, StreamFault

if TYPE_CHECKING:
    from .fault_scene import Scene

NEW, OLD = "0.27.0", "0.3.64"
Outcome = tuple[type[Exception], ...]
DELIVERED: Outcome = ()
Act = Callable[["Scene"], None]


@dataclass(frozen=True)
class Row:
    """`faults` and `stream` as Script takes them. `before` acts before the job is submitted; `during` while its first
    node is held, which goes on afterwards. `expects` names the errors that may end it; without one the pictures come.
    """

    group: str
    name: str
    faults: Mapping[str, Fault | Sequence[Fault]] = field(default_factory=dict)
    expects: Outcome = DELIVERED
    stream: StreamFault | None = None
    streams: int | None = None
    before: Act | None = None
    during: Act | None = None
    graph: Callable[[], Any] = graphs.two_saves
    cancels: bool = False
    level: str = NEW

    def __str__(self) -> str:
        old = " on 0.3.64" if self.level == OLD else ""
        return f"{self.group}: {self.name}{old}"


# What happens beside the faults


def until_spent(scene: Scene) -> None:
    """Hold the run until all that was to go wrong has gone wrong."""
    scene.proxy.wait_for(lambda: scene.script.spent or scene.job.state.is_terminal)


def until_ended(scene: Scene) -> None:
    """Hold the run for ever: something else ends the job."""
    scene.job.wait(scene.limit)


def until_looked(scene: Scene) -> None:
    """Hold the run until we have asked the server where it is."""
    scene.proxy.wait_for(lambda: scene.proxy.seen["GET /queue"] > 0 or scene.job.state.is_terminal)


def cancel(scene: Scene) -> None:
    scene.job.cancel()
    scene.job.wait(scene.limit)


def refuse_for_a_while(scene: Scene) -> None:
    scene.proxy.refuse()
    scene.proxy.wait_for(lambda: bool(scene.job.waiting_for))
    scene.proxy.listen()


def refuse(scene: Scene) -> None:
    scene.proxy.refuse()


def refuse_for_good(scene: Scene) -> None:
    scene.proxy.refuse()
    scene.job.wait(scene.limit)


def restart(scene: Scene) -> None:
    scene.server.stop()
    scene.server.start()


def kill(scene: Scene) -> None:
    scene.server.stop()
    scene.job.wait(scene.limit)
    scene.server.start()


def occupy(scene: Scene) -> None:
    """Somebody else's prompt runs, and ours has to wait in the queue."""
    scene.server.hold()
    scene.post_foreign()
    scene.server.wait_held()


def delete_ours(scene: Scene) -> None:
    scene.proxy.wait_for(lambda: scene.job.state == "queued")
    scene.server.site.queue.delete(scene.job.id)
    scene.job.wait(scene.limit)


def leave_a_file(scene: Scene) -> None:
    """Somebody else's picture is on the server, under a name that the foreign messages say."""
    scene.server.wait_finished(scene.post_foreign())


def drop(close_frame: bool) -> Act:
    return lambda scene: scene.proxy.drop_streams(close_frame)


def with_servers_choice() -> tuple[str, dict[str, Any]]:
    """A workflow for which the server is asked what it offers."""
    return "sd_basic", {"checkpoint": SERVERS_FIRST, "steps": 2, "width": 64, "height": 64}


def only_over_the_socket() -> graphs.Graph:
    graph = graphs.empty_save()
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    return graph
