"""What a process of a pytest session asks the emulator that carries out the runs of all its processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.store.plain_records import record_from
from pytest_aicore.emulator.world.engine import OpenEnd
from pytest_aicore.errors import RunError
from pytest_aicore.http.exchange import Request
from pytest_aicore.local.shared_emulator import RECORDS, SENTENCES, SESSION_HEADER, SESSION_ROOT, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_aicore.emulator.store.plain_records import RunRecord
    from pytest_aicore.http.exchange import Response
    from pytest_aicore.workflows import Template


class SharedRuns:
    """The calls of a process of the session.

    Args:
        answer: answers requests: the emulator's own method, or a function that sends them to the process that owns it.
        token: of the session.
    """

    def __init__(self, answer: Callable[[Request], Response], token: str) -> None:
        self.answer = answer
        self._token = token

    def publish(self, template: Template) -> None:
        """Publish a workflow that is not one of the workflows folder.

        Args:
            template: the workflow.

        Raises:
            RunError: the process that owns the emulator does not answer.
        """
        path = None if template.path is None else str(template.path)
        self._call(WORKFLOWS, {"name": template.name, "text": template.document.text, "path": path})

    def records(self, identifiers: Collection[str]) -> list[tuple[str, RunRecord]]:
        """Return the records of runs, each with the name of its table.

        Args:
            identifiers: of artifacts, configurations and executions. With an execution comes what it logged and left.

        Raises:
            RunError: the process that owns the emulator does not answer.
        """
        found = self._call(RECORDS, {"ids": list(identifiers)})["records"]
        return [record_from(each, OpenEnd()) for each in found]

    def sentences(self) -> list[str]:
        """Return what the user should know and no process of the session has been told yet.

        Raises:
            RunError: the process that owns the emulator does not answer.
        """
        return list(self._call(SENTENCES, {})["sentences"])

    def _call(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(said).encode()
        response = self.answer(Request("POST", f"{SESSION_ROOT}{name}", {SESSION_HEADER: self._token}, body))
        if response.failure is not None or response.status >= 300:
            raise RunError(
                "the process of this session that carries the trainings out does not answer"
                f" ({response.failure or response.status}): it may have ended."
            )
        content: dict[str, Any] = json.loads(response.body) if response.body else {}
        return content


__all__ = ["SharedRuns"]
