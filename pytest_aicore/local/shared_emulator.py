"""The emulator that carries out the runs of a pytest session, for all its processes.

One process owns it: the only one, or the controller of pytest-xdist. The workers reach it over HTTP. What it answers
besides AI Core's API are the calls of `local/shared_runs.py`, for processes that know its token.
"""

from __future__ import annotations

import json
import secrets
import threading
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.store.plain_records import plain, records_of
from pytest_aicore.http.exchange import Request, Response, empty_response, json_response
from pytest_aicore.local.emulator import local_emulator
from pytest_aicore.workflows.template import template_of
from pytest_aicore.workflows.yaml.source import parse_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.local.choices import LocalChoices
    from pytest_aicore.workflows import Template

SESSION_ROOT: Final = "/__session__/"
SESSION_HEADER: Final = "aicore-session"
RECORDS, WORKFLOWS, SENTENCES = "records", "workflows", "sentences"
"""The calls below `SESSION_ROOT`."""


class SharedEmulator:
    """The emulator that carries out the runs of a session; `close` ends them.

    Args:
        choices: what users have chosen.
        resource_group: in which the runs are.
        workflows: what it publishes from the beginning, by id.

    Attributes:
        emulator: the emulator.
        token: what processes of the session show with calls below `SESSION_ROOT`.

    Raises:
        SettingsError: the chosen engine does not work on this machine.
        EmulatorError: the server for the steps cannot be started.
    """

    def __init__(self, choices: LocalChoices, resource_group: str, workflows: Mapping[str, Template]) -> None:
        self.token = secrets.token_urlsafe(32)
        self._mutex = threading.Lock()
        self._said: dict[str, None] = {}
        self._given_out = 0
        self._group = resource_group
        self._server: Server | None = None
        # With a seed that nobody knows: steps can reach it, and shall not know its credentials.
        self.emulator = local_emulator(choices, self._say, resource_group=resource_group, seed=secrets.randbits(63))
        self.emulator.publish_folder(workflows)
        self._calls: dict[str, Callable[[dict[str, Any]], Response]] = {
            RECORDS: self._records,
            WORKFLOWS: self._publish,
            SENTENCES: self._sentences,
        }

    def answer(self, request: Request) -> Response:
        """Answer a request of a process of the session: to AI Core's API, or below `SESSION_ROOT`.

        Args:
            request: the request.
        """
        if not request.path.startswith(SESSION_ROOT):
            return self.emulator.handle(request)
        call = self._calls.get(request.path.removeprefix(SESSION_ROOT))
        if call is None or not compare_digest(request.headers.get(SESSION_HEADER, "").encode(), self.token.encode()):
            return empty_response(404)
        return call(json.loads(request.body))

    def serve(self) -> str:
        """Serve it on this machine until `close`, and return the URL.

        Raises:
            EmulatorError: no server can be started.
        """
        if self._server is None:
            self._server = _SessionServer(self)
            self._server.start()
        return self._server.url

    def close(self) -> None:
        """End what it still carries out. Calling it again does nothing."""
        self.emulator.close()
        if self._server is not None:
            self._server.stop()

    def _say(self, sentence: str) -> None:
        with self._mutex:
            self._said.setdefault(sentence)

    def _records(self, said: dict[str, Any]) -> Response:
        """Return the records of runs, each once: {"ids": [...]}."""
        with self.emulator.lock:
            group = self.emulator.state.groups[self._group]
            # An execution and its metrics have the same id.
            found = {(table, one.id): one for each in said["ids"] for table, one in records_of(group, each)}
        return json_response(200, {"records": [plain(table, one) for (table, _), one in found.items()]})

    def _publish(self, said: dict[str, Any]) -> Response:
        """Publish a workflow: {"name": ..., "text": ..., "path": ...}; the path is null for one that is in no file."""
        path = None if said["path"] is None else Path(said["path"])
        for document in parse_all(said["text"], said["path"] or "<string>"):
            template = template_of(document, path)
            if template is not None and template.name == said["name"]:
                self.emulator.publish(template)
        return empty_response(204)

    def _sentences(self, said: dict[str, Any]) -> Response:  # noqa: ARG002  all calls have a body
        """Return what the user should know and the API does not show; each sentence is returned once."""
        for incident in self.emulator.take_incidents():
            self._say(incident)
        with self._mutex:
            new = list(self._said)[self._given_out :]
            self._given_out = len(self._said)
        return json_response(200, {"sentences": new})


class _SessionServer(Server):
    """Serves it over HTTP, to programs of this machine.

    Args:
        shared: the emulator of the session.
    """

    def __init__(self, shared: SharedEmulator) -> None:
        super().__init__(shared.emulator, admin=False)
        self._shared = shared

    def respond(self, request: Request, peer: str) -> Response:
        """Answer a request from an address."""
        if request.path.startswith(SESSION_ROOT):
            return self._shared.answer(request)
        return super().respond(request, peer)


__all__ = ["RECORDS", "SENTENCES", "SESSION_HEADER", "SESSION_ROOT", "WORKFLOWS", "SharedEmulator"]
