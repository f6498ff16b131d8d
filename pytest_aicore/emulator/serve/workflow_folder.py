"""A workflows folder whose templates are published, and published again when they change, as by AI Core's Git sync."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_aicore.errors import WorkflowError, listing
from pytest_aicore.service_facts import YAML_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.workflows import Template

INTERVAL_SECONDS = 0.25

Sight = dict[str, tuple[int, int, int]]
"""By file name what changes when the file is written."""


class WatchedFolder:
    """Publishes the templates of a folder on an emulator, and follows changes of the folder.

    A template that cannot be read does not keep others from being published, and its last readable version stays
    published. That a template whose file was deleted is withdrawn is assumed.

    Args:
        emulator: publishes the templates.
        folder: the workflows folder.
        tell: gets a message for every event that the user should know.
    """

    def __init__(self, emulator: Emulator, folder: Path, tell: Callable[[str], None]) -> None:
        self._emulator = emulator
        self._folder = folder
        self._tell = tell
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._published: dict[str, str] = {}
        """File names by executable id."""
        self._seen: Sight = {}
        self._told = ""

    def start(self) -> None:
        """Publish all templates, and watch the folder until `stop`."""
        self._seen = self._sight()
        self.synchronise()
        self._thread = threading.Thread(target=self._watch, name="pytest-aicore-workflows", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def synchronise(self) -> None:
        """Publish changed templates, withdraw deleted ones, report unreadable ones."""
        templates, broken, told = self._read()
        if told and told != self._told:
            kept = sorted(each for each, name in self._published.items() if name in broken)
            stays = f"\nStill published as before: {listing(kept)}." if kept else ""
            self._tell(f"{told}{stays}")
        self._told = told
        again: list[str] = []
        new: list[str] = []
        for executable_id, template in templates.items():
            before = self._emulator.state.published.get(executable_id)
            self._emulator.publish(template)
            if before is None or before.executable != template.executable:
                (new if before is None else again).append(executable_id)
        gone = [each for each, name in self._published.items() if each not in templates and name not in broken]
        for executable_id in gone:
            self._emulator.withdraw(executable_id)
            del self._published[executable_id]
        first = self._thread is None
        self._published |= {each: template.path.name for each, template in templates.items() if template.path}
        for what, which in (("Published", () if first else new), ("Published again", again), ("Withdrew", gone)):
            if which:
                self._tell(f"{what}: {listing(which)}.")

    def _read(self) -> tuple[Mapping[str, Template], set[str], str]:
        """Return the readable templates, the unreadable files, and a message about those."""
        from pytest_aicore.workflows import read_folder, read_template  # brings the YAML library

        try:
            return read_folder(self._folder), set(), ""
        except WorkflowError as error:
            told = str(error)
        templates: dict[str, Template] = {}
        broken: set[str] = set()
        for name in self._sight():
            with suppress(WorkflowError):
                template = read_template(self._folder / name)
                templates.setdefault(template.name, template)
                continue
            broken.add(name)
        return templates, broken, told

    def _watch(self) -> None:
        changed = False
        while not self._stopping.wait(INTERVAL_SECONDS):
            sight = self._sight()
            if sight != self._seen:
                self._seen, changed = sight, True  # wait until the writer has finished
            elif changed:
                changed = False
                self.synchronise()

    def _sight(self) -> Sight:
        sight: Sight = {}
        try:
            for path in sorted(self._folder.iterdir()):
                if path.suffix.lower() in YAML_SUFFIXES and not path.name.startswith("."):
                    status = path.stat()
                    sight[path.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            pass  # a file or the folder was deleted meanwhile; the next scan sees the present files
        return sight
