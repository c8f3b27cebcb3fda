"""ComfyUI's routes, one method each. What travels is JSON; what comes back is checked.

Facts about the routes: measured on ComfyUI 0.3.64, 0.25.0 and 0.27.0.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from . import answers, models, offers
from .address import ServerAddress
from .credentials import Credentials
from .errors import ComfyError, FileBroken, FileMissing, NotAComfyServer, ServerFault, TooOld, UploadRefused
from .failures import invalid_prompt, node_problems
from .form_data import FileForm
from .redaction import Redactor
from .transport import Answer, Timeouts, Transport

MAX_FILE_BYTES = 16 * 1024**3
_SURELY_TAKEN = 50 * 1024 * 1024  # bytes of an upload that every server takes unless told otherwise: 100 MB is usual
MAX_LARGE_JSON = 32 * 1024 * 1024  # bytes, of what holds all nodes, or whole prompts

P = ParamSpec("P")
R = TypeVar("R")


def _keeps_secrets(
    route: Callable[Concatenate[ComfyClient, P], R],
) -> Callable[Concatenate[ComfyClient, P], R]:
    """Whatever answers may say back what we sent, in a message or a page: no error takes a secret along."""

    @functools.wraps(route)
    def call(client: ComfyClient, /, *arguments: P.args, **options: P.kwargs) -> R:
        try:
            return route(client, *arguments, **options)
        except ComfyError as error:
            client.hide_secrets(error)
            raise

    return call


class ComfyClient:
    """A thread-safe client of one server. Every call has a timeout and raises the errors of `errors`."""

    def __init__(
        self,
        address: ServerAddress,
        credentials: Credentials | None = None,
        timeouts: Timeouts = Timeouts(),
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self.address = address
        self._max_file_bytes = max_file_bytes
        credentials = credentials or Credentials.none()
        self._transport = Transport(address, credentials, timeouts)
        self._account_key = credentials.account_key
        self._redactor = Redactor(credentials.secrets)

    def abort(self) -> None:
        """End every call that is under way, from any thread, and let no other begin. Returns at once."""
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def hide_secrets(self, error: Exception) -> None:
        """Take the credentials out of what `error` says."""
        if isinstance(error, ComfyError):
            error.hide(self._redactor.hide_secrets)
        elif any(isinstance(said, str) for said in error.args):
            error.args = tuple(
                self._redactor.hide_secrets(said) if isinstance(said, str) else said for said in error.args
            )

    @_keeps_secrets
    def system_stats(self) -> answers.SystemStats:
        """Version and devices; raises NotAComfyServer where something else answers."""
        answer = self._transport.exchange("GET", "/system_stats")
        if answer.status != 200:
            raise NotAComfyServer(
                f"Something answers at {self.address}, but it is not ComfyUI. Check host, port and path prefix.",
                details=f"/system_stats: {answer.status}",
            )
        return answers.system_stats(self._json(answer))

    @_keeps_secrets
    def object_info(self, class_type: str = "") -> Mapping[str, object]:
        """Definitions of all node classes (about 1 MB), or of one; an unknown class gives {}."""
        path = f"/object_info/{quote(class_type, safe='')}" if class_type else "/object_info"
        data = self._get(path, MAX_LARGE_JSON)
        return data if isinstance(data, Mapping) else {}

    @_keeps_secrets
    def node_replacements(self) -> Mapping[str, object]:
        """What the server offers in place of classes that it has no more, by class; {} where it is too old to say."""
        data = self._get_if_there("/node_replacements")
        return data if isinstance(data, Mapping) else {}

    @_keeps_secrets
    def models(self) -> models.Models | None:
        """The models in the folders that we know, by folder; None where the server does not list them."""
        known = models.listed(self._get_if_there("/models"))
        asked = {folder: models.asked_as(folder, known) for folder in models.FOLDERS}
        # without the endings of its files, which a prompt does not want
        paths = {"embeddings": "/embeddings"} | {
            folder: f"/models/{quote(name, safe='')}" for folder, name in asked.items() if folder != "embeddings"
        }
        found = {folder: models.listed(self._get_if_there(paths[folder])) for folder, name in asked.items() if name}
        return models.Models(found) if found else None

    @_keeps_secrets
    def saved_workflows(self, folder: str = "workflows") -> tuple[offers.SavedWorkflow, ...]:
        """What people saved in this folder on the server; none where there is no such folder."""
        query = urlencode({"dir": folder, "recurse": "true", "full_info": "true"})
        return offers.saved_workflows(self._get_if_there(f"/userdata?{query}"))

    @_keeps_secrets
    def saved_workflow(self, path: str, folder: str = "workflows") -> bytes:
        """One of `saved_workflows`, as it is. Raises FileMissing."""
        safe = offers.is_safe_path(path)
        escaped = quote(f"{folder}/{path}".replace("%", "%25"), safe="")  # the server takes a % for one more escape
        return self._offered(f"/userdata/{escaped}" if safe else "", path)

    @_keeps_secrets
    def templates(self) -> tuple[offers.Template, ...]:
        """The official collection, then what the server's node packs bring; none where the server has none."""
        official = offers.official_templates(self._get_if_there("/templates/index.json"))
        return official + offers.pack_templates(self._get_if_there("/workflow_templates"))

    @_keeps_secrets
    def template(self, template: offers.Template) -> bytes:
        """The workflow of a template, as it is. Raises FileMissing."""
        return self._offered(template.route, template.title or template.name)

    @_keeps_secrets
    def template_thumbnail(self, template: offers.Template) -> bytes | None:
        """Its encoded picture, None where there is none."""
        path = template.thumbnail_route
        answer = self._transport.exchange("GET", path, max_bytes=MAX_LARGE_JSON) if path else None
        is_picture = answer is not None and answer.status == 200 and not answer.content_type.startswith("text/")
        return answer.body if answer is not None and is_picture else None

    @_keeps_secrets
    def queue(self) -> answers.Queue:
        return answers.queue(self._get("/queue", MAX_LARGE_JSON))

    @_keeps_secrets
    def history(self, prompt_id: str) -> answers.HistoryEntry | None:
        """None while the prompt has not ended, and when the server does not know it."""
        return answers.history_entry(self._get(f"/history/{quote(prompt_id, safe='')}", MAX_LARGE_JSON), prompt_id)

    @_keeps_secrets
    def past_prompts(self, newest: int = 64) -> tuple[answers.PastPrompt, ...]:
        """The last prompts of the server's history, oldest first, whoever sent them."""
        return answers.past_prompts(self._get(f"/history?max_items={newest}", MAX_LARGE_JSON))

    @_keeps_secrets
    def past_prompt(self, prompt_id: str) -> answers.PastPrompt | None:
        found = answers.past_prompts(self._get(f"/history/{quote(prompt_id, safe='')}", MAX_LARGE_JSON))
        return next((past for past in found if past.prompt_id == prompt_id), None)

    @_keeps_secrets
    def queue_prompt(
        self,
        prompt: Mapping[str, object],
        *,
        prompt_id: str,
        client_id: str,
        outputs: Sequence[str] = (),
        pays: bool = False,
    ) -> answers.Accepted:
        """POST /prompt under our own id (a canonical lower-case UUID). `outputs`: run only these output nodes. `pays`:
        it has partner nodes, which get the account's key; 0.3.64 shows that in its queue.

        Raises InvalidPrompt. After TimedOut or CannotConnect with ``sent``, or a transient ServerFault, the prompt
        may have been accepted all the same: look before sending it again, for a repeated id runs twice.
        """
        body: dict[str, object] = {"prompt": prompt, "client_id": client_id, "prompt_id": prompt_id}
        if outputs:
            body["partial_execution_targets"] = list(outputs)
        if pays and self._account_key:
            body["extra_data"] = {"api_key_comfy_org": self._account_key}
        answer = self._transport.exchange("POST", "/prompt", body=body)
        if answer.status == 400:
            raise invalid_prompt(self._json(answer), prompt)
        data = self._json(self._expect(answer, "/prompt"))
        if not isinstance(data, Mapping) or not isinstance(data.get("prompt_id"), str):
            raise ServerFault(
                "The server's answer to the prompt makes no sense. Check the address, or the proxy before the server.",
                details=str(data)[:500],
            )
        if data["prompt_id"] != prompt_id:
            with contextlib.suppress(ComfyError):  # it is ours all the same, and nobody would fetch it
                self._withdraw(data["prompt_id"], client_id)
            raise TooOld(
                f"The ComfyUI at {self.address} is too old: it does not take the ids of our jobs. Update it.",
                details=str(data)[:500],
            )
        number, problems = data.get("number"), node_problems(data.get("node_errors"), prompt)
        return answers.Accepted(
            prompt_id,
            number if isinstance(number, int | float) else 0,
            tuple(problem.hidden(self._redactor.hide_secrets) for problem in problems),
        )

    @_keeps_secrets
    def cancel_job(self, prompt_id: str) -> bool | None:
        """Cancel one prompt, queued or running (since 0.26). None where the server has no such route."""
        path = f"/api/jobs/{quote(prompt_id, safe='')}/cancel"
        answer = self._transport.exchange("POST", path)
        if answer.status in (404, 405):
            return None
        data = self._json(self._expect(answer, path))
        return isinstance(data, Mapping) and data.get("cancelled") is True

    @_keeps_secrets
    def interrupt(self, prompt_id: str) -> None:
        """Stop this prompt if it is the one that runs. Never without an id: that would stop other people's."""
        self._expect(self._transport.exchange("POST", "/interrupt", body={"prompt_id": prompt_id}), "/interrupt")

    @_keeps_secrets
    def delete_queued(self, prompt_id: str) -> None:
        """Take this prompt out of the queue if it still waits there."""
        self._expect(self._transport.exchange("POST", "/queue", body={"delete": [prompt_id]}), "/queue")

    @_keeps_secrets
    def free(self) -> None:
        """Have models and cached results leave the server's memory before its next prompt."""
        self._expect(
            self._transport.exchange("POST", "/free", body={"unload_models": True, "free_memory": True}), "/free"
        )

    @_keeps_secrets
    def upload(
        self, path: Path, file_name: str, subfolder: str = "", should_stop: Callable[[], bool] = lambda: False
    ) -> str:
        """Put a file into the server's input folder; return its name there, which is another one where other bytes
        have this name already. The same bytes are kept once.

        Raises UploadRefused, Interrupted when `should_stop` says so, OSError where the file cannot be read.
        """
        form = FileForm(path, file_name, {"type": "input", "subfolder": subfolder})
        if form.file_size > _SURELY_TAKEN:
            self._refuse_too_large(form)  # told afterwards, it would look like a connection that broke
        answer = self._transport.upload("/upload/image", form, should_stop=should_stop)
        if answer.status == 413:
            raise _too_large_for(form, "")
        data = self._json(self._expect(answer, "/upload/image"))
        name = answers.uploaded_name(data)
        if not name:
            raise ServerFault(
                f"The server's answer to the upload of “{file_name}” makes no sense. Check the address, or the proxy "
                "before the server.",
                details=str(data)[:500],
            )
        return name

    def _refuse_too_large(self, form: FileForm) -> None:
        limit = answers.upload_limit(self._get_if_there("/features"))
        if limit is not None and form.file_size > limit:
            raise _too_large_for(form, f" It takes up to {limit / 2**20:.0f} MB.")

    @_keeps_secrets
    def download(
        self,
        file: answers.ServerFile,
        target: Path,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Stream an output into `target`, which is written from its start.

        Raises FileMissing where the server has it no more, FileBroken where a web page or a cut body came.
        """
        params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        status, content_type = self._transport.download(
            "/view", params, target, max_bytes=self._max_file_bytes, should_stop=should_stop
        )
        if status in (400, 404):
            raise FileMissing(f"The server no longer has the file “{file.filename}”. Run the generation again.")
        if status != 200:
            raise ServerFault(f"The server did not give the file “{file.filename}” ({status}).", status=status)
        if content_type.startswith("text/html") and not file.filename.lower().endswith((".html", ".htm")):
            raise FileBroken(f"A web page came instead of the file “{file.filename}”. Try again.")

    def _withdraw(self, prompt_id: str, client_id: str) -> None:
        """Take out of the queue what the server took under an id of its own: but only what came from us indeed."""
        if answers.is_waiting_for(self._get("/queue", MAX_LARGE_JSON), prompt_id, client_id):
            self.delete_queued(prompt_id)

    def _get(self, path: str, max_bytes: int) -> object:
        return self._json(self._expect(self._transport.exchange("GET", path, max_bytes=max_bytes), path))

    def _get_if_there(self, path: str) -> object:
        """None where the server does not know the path."""
        answer = self._transport.exchange("GET", path, max_bytes=MAX_LARGE_JSON)
        return None if answer.status == 404 else self._json(self._expect(answer, path))

    def _offered(self, path: str, name: str) -> bytes:
        """The bytes of a workflow on the server; '' is a path that nobody may ask for."""
        answer = self._transport.exchange("GET", path, max_bytes=MAX_LARGE_JSON) if path else None
        if answer is None or answer.status in (400, 404):
            raise FileMissing(f"The server no longer has the workflow “{name}”. Read the list anew.")
        self._expect(answer, path)
        if answer.content_type.startswith("text/html"):
            raise FileBroken(f"A web page came instead of the workflow “{name}”. Check the address.")
        return answer.body

    def _expect(self, answer: Answer, path: str) -> Answer:
        if answer.status == 200:
            return answer
        raise ServerFault(
            f"{self.address} does not answer {path} as ComfyUI does ({answer.status}). Check the address.",
            details=answer.body[:500].decode("utf-8", "replace"),
            status=answer.status,
        )

    def _json(self, answer: Answer) -> object:
        if answer.content_type.startswith("text/html"):
            raise NotAComfyServer(
                f"{self.address} answers with a web page, so it is not ComfyUI, or a log-in stands before it. "
                "Check host, port and authentication.",
                details=answer.body[:500].decode("utf-8", "replace"),
            )
        return answer.json()


def _too_large_for(form: FileForm, limit: str) -> UploadRefused:
    size = -(-form.file_size // 2**20)
    return UploadRefused(
        f"The file “{form.file_name}” has {size} MB, which the server does not take.{limit} Make it smaller, or start "
        f"ComfyUI with --max-upload-size {size + 1}."
    )
