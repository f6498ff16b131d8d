"""What a pytest session has whose trainings really run on this machine. It does not depend on pytest.

Its processes share its runs, and nothing else: one of them, the only one or the controller of pytest-xdist, owns the
emulator that carries them out, and a folder for the ledger and for what runs leave. The clients of tests reach an
emulator of their own process, which is rolled back after each test.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import AicoreError, SettingsError
from pytest_aicore.processes import ThreadLock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.config.options import Settings
    from pytest_aicore.emulator import Emulator
    from pytest_aicore.local.choices import LocalChoices
    from pytest_aicore.local.shared_emulator import SharedEmulator
    from pytest_aicore.local.shared_runs import SharedRuns
    from pytest_aicore.training.service.credentials import Credentials
    from pytest_aicore.workflows import Template


@dataclass(frozen=True)
class Owner:
    """How other processes of the session reach the one that carries its runs out.

    Attributes:
        folder: for the ledger and for what runs leave.
        url: of its server, empty if there is none.
        token: that it wants to be shown.
        service_key: of its emulator, JSON.
        problem: why it cannot carry anything out, None if it can.
    """

    folder: str
    url: str = ""
    token: str = field(default="", repr=False)
    service_key: str = field(default="", repr=False)
    problem: str | None = None

    def data(self) -> dict[str, Any]:
        """Return it as plain data that can be carried to another process."""
        return asdict(self)


class LocalSession:
    """One process of a session whose trainings really run on this machine.

    Args:
        settings: of the session.
        workflows: returns the workflows of the folder, by name.
        tell: gets what the user should know and the API does not show, from any thread.
        news: called when a run that this process carries out has a new status, from any thread.
        owner: the process that carries its runs out; None if that is this one.
    """

    def __init__(
        self,
        settings: Settings,
        workflows: Callable[[], Mapping[str, Template]],
        tell: Callable[[str], None],
        news: Callable[[], None],
        owner: Owner | None = None,
    ) -> None:
        """Take the settings; nothing is started yet."""
        self._settings = settings
        self._workflows = workflows
        self._tell = tell
        self._news = news
        self._owner = owner
        self._at_end = ExitStack()
        self._starting = ThreadLock()
        self._emulator: SharedEmulator | None = None

    @cached_property
    def folder(self) -> Path:
        """The folder of the session, for its ledger and for what runs leave; it is removed in the end."""
        from pytest_aicore.running.own_folder import own_folder, remove_with_owner

        if self._owner is not None:
            if os.name == "posix":
                remove_with_owner(Path(self._owner.folder))  # who writes to the ledger restores it where it was deleted
            return Path(self._owner.folder)
        if os.name != "posix":
            return Path(self._at_end.enter_context(tempfile.TemporaryDirectory(prefix="aicore-run-")))
        return self._at_end.enter_context(own_folder())

    @property
    def ledger(self) -> Path:
        """The file that records what the processes of the session start."""
        return self.folder / "ledger.jsonl"

    def require_usable(self) -> None:
        """Check that trainings can be carried out here, before any test runs.

        Raises:
            SettingsError: the chosen engine does not work on this machine, the file with secrets cannot be read, or no
                temporary folder can be made.
        """
        from pytest_aicore.running.engines.choosing import chosen_engine

        chosen_engine(self._choices.engine, network=self._choices.network)
        try:
            _ = self.folder
        except OSError as error:
            raise SettingsError(
                f"No folder can be made for the runs of this session: {error.strerror or error}. The variable TMPDIR"
                " names the folder for temporary files."
            ) from None

    def make_emulator(self) -> Emulator:
        """Return an emulator in real time for the clients of tests: what they start really runs as well.

        Raises:
            AicoreError: the chosen engine does not work on this machine.
        """
        from pytest_aicore.local.emulator import local_emulator

        # No two emulators of the session give the same ids, which are in URLs.
        choices = replace(self._choices, others=self._outputs)
        group = self._settings.resource_group.value
        return local_emulator(choices, self._tell, resource_group=group, seed=secrets.randbits(63))

    @cached_property
    def _choices(self) -> LocalChoices:
        from pytest_aicore.session.local_choices import choices_of

        return choices_of(self._settings)

    @property
    def _outputs(self) -> Path:
        """Where the runs of the session leave their output artifacts."""
        return self.folder / "outputs"

    # The runs -------------------------------------------------------------------------------------------------------

    def _shared_emulator(self) -> SharedEmulator:
        from pytest_aicore.local.shared_emulator import SharedEmulator

        with self._starting:
            if self._emulator is None:
                group = self._settings.resource_group.value
                choices = replace(self._choices, outputs=self._outputs, news=self._news)
                self._emulator = SharedEmulator(choices, group, self._workflows())
                self._at_end.callback(self._emulator.close)
            return self._emulator

    def serve(self) -> Owner:
        """Serve the runs of this process to others, and return how they reach it."""
        try:
            shared = self._shared_emulator()
            return Owner(str(self.folder), shared.serve(), shared.token, json.dumps(shared.emulator.service_key))
        except AicoreError as error:
            return Owner(str(self.folder), problem=str(error))

    @cached_property
    def shared(self) -> SharedRuns:
        """What carries the runs out.

        Raises:
            AicoreError: the chosen engine does not work on this machine.
        """
        from pytest_aicore.http.loopback import over_loopback
        from pytest_aicore.local.shared_runs import SharedRuns

        if self._owner is None:
            emulator = self._shared_emulator()
            return SharedRuns(emulator.answer, emulator.token)
        self._require(self._owner)
        return SharedRuns(over_loopback(self._owner.url), self._owner.token)

    @property
    def credentials(self) -> Credentials:
        """The credentials of what carries the runs out.

        Raises:
            AicoreError: the chosen engine does not work on this machine.
        """
        from pytest_aicore.training.service.credentials import from_service_key

        if self._owner is None:
            key: object = self._shared_emulator().emulator.service_key
        else:
            self._require(self._owner)
            key = json.loads(self._owner.service_key)
        return from_service_key(key, "this machine")

    def connect(self) -> AIAPIV2Client:
        """Return a new client for runs.

        Raises:
            AicoreError: the chosen engine does not work on this machine, or there is no SDK.
        """
        from pytest_aicore.http.exchange import Transport
        from pytest_aicore.training.service.sdk import make_patient_client

        transport = Transport(self.shared.answer)
        return make_patient_client(self.credentials, self._settings.resource_group.value, transport)

    def publish(self, template: Template) -> None:
        """Publish a workflow for the next run, unless it is one of the folder.

        Args:
            template: the workflow.

        Raises:
            AicoreError: the process that carries runs out does not answer.
        """
        if self._workflows().get(template.name) is not template:
            self.shared.publish(template)

    def hear(self) -> None:
        """Pass on what the user should know of the runs, and nobody has been told yet."""
        if self._emulator is not None or (self._owner is not None and self._owner.problem is None):
            for sentence in self.shared.sentences():
                self._tell(sentence)

    def close(self) -> None:
        """End what this process still carries out; calling it again does nothing."""
        self._at_end.close()

    @staticmethod
    def _require(owner: Owner) -> None:
        if owner.problem is not None:
            raise SettingsError(owner.problem)


__all__ = ["LocalSession", "Owner"]
