"""Engines carry executions and deployments out.

There are two kinds. The progress of the scripted engine is part of the state: it changes records itself as virtual time
passes, and a rollback reverts its progress with everything else. A real engine works in threads or processes of its own
and in real time: it *reports* to its `Desk` what happens, when it happens, and a rollback reverts none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pytest_aicore.emulator.store.protocols import Outlook
    from pytest_aicore.emulator.store.records import Configuration, Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.http.exchange import Request, Response
    from pytest_aicore.workflows import Executable


class Engine(Protocol):
    """Carries executions and deployments out.

    The world's lock is held while a method other than `close` is called, so each has to return at once: a real
    engine hands the work over to threads of its own, and does not wait for them.
    """

    def plan(self, group: ResourceGroup, configuration: Configuration, enactment_id: str, *, deployed: bool) -> Outlook:
        """Return what is known in advance about a new execution or deployment; `OpenEnd` if nothing is known.

        Args:
            group: its resource group.
            configuration: its configuration.
            enactment_id: its future id.
            deployed: whether it is a deployment.
        """
        ...

    def begin(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Start an execution or deployment, whose record has the status UNKNOWN.

        A deployment whose configuration was changed is started again, in status PENDING: it replaces what runs.
        """
        ...

    def stop(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Stop an execution or deployment; its status is STOPPING now. Report its end like any other."""
        ...

    def carried(self) -> Collection[str]:
        """Return the ids of all that it still carries out, up to their last report, with or without a record."""
        ...

    def abandon(self, enactment_id: str) -> None:
        """End an execution or deployment whose record is gone: deleted, or reverted by a rollback.

        Report its end all the same: a checkpoint may still contain it. May be called more than once.
        """
        ...

    def polled(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Handle a poll of a client, for an execution or deployment that changes its status by polls."""
        ...

    def server_of(self, deployment_id: str) -> Callable[[Request], Response] | None:
        """Return what answers requests to a deployment that was started here, None if no server of it runs.

        It is called without the world's lock, in the thread of the client's request, by several threads at once. It
        never raises: a server that does not answer is an answer as well, the gateway's.

        Args:
            deployment_id: the id of the deployment.
        """
        ...

    def script_changed(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Apply a new script to an unfinished execution or deployment.

        Raises:
            EmulatorError: it has ended, or this engine does not follow scripts.
        """
        ...

    def close(self) -> None:
        """End everything that it still carries out, and return when all of it has ended.

        Called without the world's lock, because the ends are reported meanwhile. No execution begins after it. It may
        be called more than once.
        """
        ...


class Desk(Protocol):
    """Receives the reports of a real engine, from any thread.

    A report changes the record in the present state and in each checkpoint that contains it, so that no rollback
    restores an execution that has ended as a running one. Reports without any record are dropped.
    """

    def executable_of(self, enactment: Enactment) -> Executable | None:
        """Return its executable, or None if that is no longer published."""
        ...

    def status(
        self,
        enactment_id: str,
        status: str,
        *,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Report a new status. A report of an earlier status is dropped.

        Args:
            enactment_id: the id of the execution or deployment.
            status: `PENDING`, `RUNNING`, `COMPLETED`, `DEAD` or `STOPPED`.
            message: the status message that the API shows.
            details: the status details that the API shows; typical ones for DEAD if left out.

        Raises:
            EmulatorError: unknown status. The test that is running fails as well, whichever thread reports it.
        """
        ...

    def log(self, enactment_id: str, *lines: str, container: str = "main") -> None:
        """Report log lines that were just written."""
        ...

    def metric(self, execution_id: str, name: str, value: float, *, step: int = 0) -> None:
        """Report a value of a metric."""
        ...

    def progress(self, execution_id: str, percent: int) -> None:
        """Report how much of an execution is done; the API shows it in the status details.

        Args:
            execution_id: the id of the execution.
            percent: from 0 to 100.
        """
        ...

    def steps(self, execution_id: str, steps: Sequence[Mapping[str, Any]]) -> None:
        """Report how the steps of an execution ended, for those who read it from the emulator: the API has no place.

        Args:
            execution_id: the id of the execution.
            steps: all of them, as plain data.
        """
        ...

    def output(self, execution_id: str, name: str) -> None:
        """Report that an output artifact was written; one that the executable does not declare is dropped.

        Args:
            execution_id: the id of the execution.
            name: the name in the template.
        """
        ...


class OpenEnd:
    """The outlook of a real engine: neither polls nor virtual time change the status."""

    def counts_polls(self, status: str) -> bool:  # noqa: ARG002  # as in `Outlook`
        """Return False: no number of polls changes the status."""
        return False

    def advances(self, status: str) -> bool:  # noqa: ARG002
        """Return False: it is not known whether the status will change."""
        return False
