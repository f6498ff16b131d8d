"""Engines: who carries executions and deployments out.

There are two kinds. One whose progress belongs to the world, as that of the scripted engine does: it changes records
itself as the world's time passes, and a rollback takes its progress back with everything else. And one that really
works, in threads or processes of its own and in real time: it *reports* to its `Desk` what happens, when it happens,
and a rollback takes back nothing of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_aicore.emulator.store.protocols import Outlook
    from pytest_aicore.emulator.store.records import Configuration, Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.workflows import Executable


class Engine(Protocol):
    """Carries executions and deployments out.

    The world's lock is held while a method other than `close` is called, so each has to return at once: an engine that
    really works hands the work over to threads of its own, and does not wait for them here.
    """

    def plan(self, group: ResourceGroup, configuration: Configuration, enactment_id: str, *, deployed: bool) -> Outlook:
        """Return what can be said beforehand about one that will begin; `OpenEnd` where that is nothing.

        Args:
            group: where it will be.
            configuration: what it will execute or deploy.
            enactment_id: the id that it will have.
            deployed: whether it is a deployment.
        """
        ...

    def begin(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Begin with one that is recorded now, in status UNKNOWN.

        A deployment that got another configuration begins once more, in status PENDING: what runs of it is replaced.
        """
        ...

    def stop(self, group: ResourceGroup, enactment: Enactment) -> None:
        """End one that somebody has stopped: its status is STOPPING now. Its end is to be reported like any other."""
        ...

    def carried(self) -> Collection[str]:
        """Return the ids of those that it really works on, up to their last report, whoever holds a record of them."""
        ...

    def abandon(self, enactment_id: str) -> None:
        """End one whose record is gone: deleted, or taken back by a rollback.

        Its end is to be reported all the same: a checkpoint may still hold it. This may be said more than once.
        """
        ...

    def looked_at(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Take note that a client has looked at one that goes by looks."""
        ...

    def rethink(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Take note that a test has said something else about one that is under way.

        Raises:
            EmulatorError: that cannot be changed any more, or this engine is not told how things go.
        """
        ...

    def close(self) -> None:
        """End everything that it still carries out, and return when nothing works any more.

        Called without the world's lock, because the ends are reported meanwhile. No execution begins after it. It may
        be called more than once.
        """
        ...


class Desk(Protocol):
    """Where an engine that really works reports what happens, from any thread.

    What is reported reaches the record in the world and in each checkpoint that holds it, so that no rollback brings
    back what has ended. What nobody holds any more is nobody's business: reports about it are dropped.
    """

    def executable_of(self, enactment: Enactment) -> Executable | None:
        """Return what it executes or deploys, or None where that is not published any more."""
        ...

    def status(
        self,
        enactment_id: str,
        status: str,
        *,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Report that it has come into a status. A status that it has left already is dropped.

        Args:
            enactment_id: which execution or deployment.
            status: `PENDING`, `RUNNING`, `COMPLETED`, `DEAD` or `STOPPED`.
            message: what the API shows beside it.
            details: what the API shows of its containers; of one that is DEAD what is usual when left out.

        Raises:
            EmulatorError: unknown status. The test that is running fails as well, whichever thread reports it.
        """
        ...

    def log(self, enactment_id: str, *lines: str, container: str = "main") -> None:
        """Report lines that it has just written."""
        ...

    def metric(self, execution_id: str, name: str, value: float, *, step: int = 0) -> None:
        """Report a value of a metric."""
        ...

    def output(self, execution_id: str, name: str) -> None:
        """Report that an output artifact is there; one that the executable does not declare is dropped.

        Args:
            execution_id: whose it is.
            name: as the template declares it.
        """
        ...


class OpenEnd:
    """An outlook that promises nothing: neither looks nor the world's time lead on."""

    def goes_by_looks(self, status: str) -> bool:  # noqa: ARG002  # as `Outlook` has it
        """Tell whether it leaves a status after so many looks: never."""
        return False

    def goes_on(self, status: str) -> bool:  # noqa: ARG002
        """Tell whether it leaves a status by itself, as far as anybody knows: no."""
        return False
