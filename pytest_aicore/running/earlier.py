"""What the steps of the last run of a workflow left, so that another run need not repeat all of them."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import SettingsError, did_you_mean, listing
from pytest_aicore.running.copying import fingerprint, remove, share
from pytest_aicore.running.pods import Ended, Stored
from pytest_aicore.running.walking.nodes import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pytest_aicore.running.pods import Pod, Pods

_FILE: Final = "steps.json"


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the steps of a run left.

    Attributes:
        name: of the run.
        ended_at: when it ended.
        steps: how each step ended that succeeded, by its title.
        others: why nothing can be taken from each other step, by its title.
        parameters: a digest of the value of each parameter that was given, by name.
        fingerprints: of each artifact that was kept, by its place.
    """

    name: str
    ended_at: datetime
    steps: Mapping[str, Ended] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[Path, str] = field(default_factory=dict)

    @property
    def titles(self) -> list[str]:
        """The titles of all its steps."""
        return [*self.steps, *self.others]


def read_last_run(folder: Path) -> LastRun | None:
    """Return what the last run of a workflow left, None if nothing is known of one.

    Args:
        folder: where it is kept.
    """
    try:
        content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return LastRun(
            content["name"],
            datetime.fromisoformat(content["ended_at"]),
            {title: _ended(each, folder) for title, each in content["steps"].items()},
            dict(content["others"]),
            dict(content["parameters"]),
            {folder / path: mark for each in content["steps"].values() for path, _, mark in each["artifacts"].values()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # damaged: as if there were none
        return None


def keep_run(run: LastRun, folder: Path, secrets: Collection[str]) -> None:
    """Keep what the steps of a run left, in the place of the run before.

    Args:
        run: the run.
        folder: for it alone; its parent is made.
        secrets: values that are not written: nothing can be taken from a step that left one.

    Raises:
        OSError: it cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        others, steps = dict(run.others), {}
        for number, (title, ended) in enumerate(run.steps.items()):
            texts = [ended.result or "", *ended.parameters.values()]
            if any(secret in text for secret in secrets for text in texts):
                others[title] = "what it left contains a secret, which is not kept"
            else:
                steps[title] = _plain(ended, new, str(number))
        content = {
            "name": run.name,
            "ended_at": run.ended_at.isoformat(),
            "steps": steps,
            "others": others,
            "parameters": dict(run.parameters),
        }
        (new / _FILE).write_text(json.dumps(content), encoding="utf-8")
        remove(folder)
        new.rename(folder)
    finally:
        with suppress(OSError):
            remove(new)


def _plain(ended: Ended, folder: Path, name: str) -> dict[str, Any]:
    artifacts = {}
    for artifact, stored in ended.artifacts.items():
        place = folder / name / artifact / stored.path.name
        place.parent.mkdir(parents=True)
        share(stored.path, place)
        artifacts[artifact] = [str(place.relative_to(folder)), stored.archive, fingerprint(place)]
    return {"result": ended.result, "parameters": dict(ended.parameters), "artifacts": artifacts}


def _ended(content: dict[str, Any], folder: Path) -> Ended:
    artifacts = {name: Stored(folder / path, archive) for name, (path, archive, _) in content["artifacts"].items()}
    if not all(each.path.exists() for each in artifacts.values()):
        raise ValueError("an artifact is missing")
    return Ended("Succeeded", result=content["result"], parameters=content["parameters"], artifacts=artifacts)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which steps are carried out again.

    Attributes:
        step: the title of a step, or its own name.
        further: whether those that begin after it are carried out as well.
    """

    step: str
    further: bool

    @property
    def option(self) -> str:
        """As it stands on the command line."""
        return f"{'--from' if self.further else '--only'} {self.step}"

    def names(self, title: str) -> bool:
        """Return whether a title is that of the step, of one of its attempts or items, or of a step below it.

        Args:
            title: of a step.
        """
        return re.search(rf"(?:^|\.){re.escape(self.step)}(?:[.(\[]|$)", title) is not None


class PodsOfRun:
    """Runs pods, and remembers what they left; those that are not chosen get what the last run left.

    Args:
        pods: what runs them.
        run: the name of the run.
        parameters: the values of the parameters that were given.
        choice: which are chosen, None for all.
        last: the last run, None without one.
        say: gets a sentence about each step that is taken from there.
        over: ends the run, with a message, where nothing more can be done.

    Attributes:
        chosen: how the chosen ones ended.
    """

    def __init__(
        self,
        pods: Pods,
        run: str,
        parameters: Mapping[str, str],
        choice: Choice | None,
        last: LastRun | None,
        say: Callable[[str], None],
        over: Callable[[str], None],
    ) -> None:
        self._pods = pods
        self._run = run
        self._parameters = {name: sha256(value.encode()).hexdigest() for name, value in parameters.items()}
        self._choice = choice
        self._last = last
        self._say = say
        self._over = over
        self._lock = Lock()
        self._has_begun = False
        self._steps: dict[str, Ended] = {}
        self._others: dict[str, str] = {}
        self.chosen: list[Ended] = []

    def require(self) -> None:
        """Refuse a choice that the last run cannot serve, before anything starts.

        Raises:
            SettingsError: there was none, or it had no such step.
        """
        choice, last = self._choice, self._last
        if choice is None:
            return
        if last is None:
            raise SettingsError(
                f"{choice.option}: nothing is known of an earlier run of this workflow, from which the outputs of the "
                "other steps could be taken. Run it once without this option."
            )
        if not any(map(choice.names, last.titles)):
            hint = did_you_mean(choice.step, last.titles)
            raise SettingsError(
                f"{choice.option}: the last run, {last.name}, had no such step.{hint} It had: {listing(last.titles)}."
            )
        names = sorted(self._parameters.keys() | last.parameters.keys())
        others = [name for name in names if self._parameters.get(name) != last.parameters.get(name)]
        if others:
            self._say(f"{choice.option}: the last run, {last.name}, was given other values for {listing(others)}")

    def start(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Start a pod, or take what it left.

        Args:
            pod: the pod.
            ended: gets how it ended.
        """
        title = title_of(pod.node, self._run)
        if self._is_chosen(title):
            self._pods.start(pod, lambda how: ended(self._remembered(title, how)))
            return
        how = self._taken(title)
        ended(self._remembered(title, how, is_chosen=False))

    def stop(self, name: str, message: str | None = None) -> None:
        """End a pod.

        Args:
            name: its name.
            message: with which it is then Failed.
        """
        self._pods.stop(name, message)

    def left(self, now: datetime) -> LastRun:
        """Return what the steps left.

        Args:
            now: when the run ended.
        """
        with self._lock:
            return LastRun(self._run, now, dict(self._steps), dict(self._others), self._parameters)

    def _is_chosen(self, title: str) -> bool:
        if self._choice is None:
            return True
        is_named = self._choice.names(title)
        with self._lock:
            self._has_begun = self._has_begun or is_named
            return is_named or (self._choice.further and self._has_begun)

    def _taken(self, title: str) -> Ended:
        option = "" if self._choice is None else self._choice.option
        last = self._last
        if last is None or title not in last.steps:
            if self._has_begun:
                message = f"ended after {self._choice.step if self._choice else title} ({option})"
                self._over(message)
                return Ended("Failed", message)
            known = {} if last is None else last.others
            reason = known.get(title, "the last run had no such step")
            return Ended("Error", f"not carried out ({option}), and nothing can be taken of it: {reason}")
        changed = _changed(last, title)
        if changed:
            reason = f"its artifact {listing(changed)} was changed in the outputs of the run {last.name}"
            return Ended("Error", f"not carried out ({option}), and nothing can be taken of it: {reason}")
        self._say(
            f"{title} is not carried out ({option}): what it left in the run {last.name}, "
            f"{last.ended_at.astimezone():%Y-%m-%d %H:%M:%S}, is taken"
        )
        return last.steps[title]

    def _remembered(self, title: str, how: Ended, *, is_chosen: bool = True) -> Ended:
        with self._lock:
            if is_chosen:
                self.chosen.append(how)
            if how.phase == "Succeeded":
                self._steps[title] = how
            else:
                self._others[title] = f"it has {how.phase.lower()}: {how.message}" if is_chosen else how.message
        return how


def _changed(last: LastRun, title: str) -> list[str]:
    """Return the artifacts of a step to which somebody has written: they share their files with the run's outputs."""
    artifacts = last.steps[title].artifacts
    return [name for name, each in artifacts.items() if fingerprint(each.path) != last.fingerprints[each.path]]


__all__ = ["Choice", "LastRun", "PodsOfRun", "keep_run", "read_last_run"]
