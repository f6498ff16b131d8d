"""The deployments of a session: identical plans share one, which is stopped when no remaining test needs it."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from pytest_aicore.deployment.from_run import RunArtifact
from pytest_aicore.deployment.maker import DeploymentMaker
from pytest_aicore.deployment.serving import Serving
from pytest_aicore.errors import AicoreError
from pytest_aicore.training.live.ledger import NoRecord
from pytest_aicore.training.run import OneByOne, Training
from pytest_aicore.training.service.deployment_api import DeploymentApi
from pytest_aicore.training.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.deployment.maker import Playing
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.live.runs import Live
    from pytest_aicore.workflows import Template


NET = "24h"
"""The time to live of a deployment on the real service that has none of its own: longer than a session, and not for
ever, if neither its end nor `pytest-aicore sweep` stops it."""


@dataclass(frozen=True)
class Surroundings:
    """What deployments need of the session.

    Attributes:
        connect: returns a new client.
        clock: measures the time, and waits.
        interval: the polling interval in seconds.
        kept: returns a context in which what is created for tests that share it is made, for a serving template.
        playing: what answers where no server runs, None where one does.
        live: records what costs money, None where nothing does.
    """

    connect: Callable[[], AIAPIV2Client]
    clock: Clock
    interval: float
    kept: Callable[[Template], AbstractContextManager[object]]
    playing: Playing | None
    live: Live | None = None


class Deployments:
    """The deployments that tests of this process ask for.

    Args:
        around: what they need of the session.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._shared: dict[str, Serving] = {}
        self._own: list[Serving] = []
        self._needed: dict[str, set[str]] = {}
        self._others: set[str] | None = None
        self._made = 0

    def need(self, keys: Mapping[str, Iterable[str]], others: Iterable[str]) -> None:
        """Note which tests will need which deployments.

        Args:
            keys: ids of tests, by the key of a shared deployment.
            others: the tests that may deploy anything in their body.
        """
        self._needed = {key: set(tests) for key, tests in keys.items()}
        self._others = set(others)

    def get(self, plan: DeploymentPlan, key: str, user: str, *, own: bool) -> Serving:
        """Return the deployment of a plan; it is not created before somebody requires that it answers.

        Args:
            plan: what is deployed, with the artifacts of the test's own training.
            key: of the shared deployment.
            user: the test that asks.
            own: whether the test must not share it.
        """
        serving = None if own else self._shared.get(key)
        if serving is None or not self._may_be_used(serving, user):
            serving = self._new(plan, f"{key} {uuid4().hex}" if own else key, user, shared=not own)
            if own:
                self._own.append(serving)
            else:
                self._shared[key] = serving
        return serving

    def _may_be_used(self, serving: Serving, user: str) -> bool:
        """Return whether a shared deployment still runs for a test: another process may have given it up."""
        live, entry = self._around.live, serving.entry
        return live is None or entry is None or live.uses(entry, user)

    def _new(self, plan: DeploymentPlan, key: str, user: str, *, shared: bool) -> Serving:
        around, live = self._around, self._around.live
        api = DeploymentApi(around.connect, plan.ttl, None if live is None else NET)
        watcher = Watcher(api, around.clock, around.interval)
        kept = partial(around.kept, plan.template) if shared else nullcontext

        def maker_of(plan: DeploymentPlan) -> DeploymentMaker:
            mark = None if live is None else live.mark(key)
            return DeploymentMaker(plan, api, around.clock, around.playing, mark)

        if live is not None:
            live.follow(api)
        trained = {name: url.id for name, url in plan.artifacts.items() if isinstance(url, RunArtifact)}
        record = NoRecord if live is None else partial(live.deployment_record, plan, key, user, trained)
        self._made += 1
        stages = Training(plan, maker_of(plan), api, around.clock, OneByOne(watcher), kept, record, self._made)
        refusal = None if live is None else live.why_spent
        return Serving(plan, stages, maker_of, api, watcher, around.clock, around.interval, refusal)

    def release(self, test: str) -> None:
        """Stop what no remaining test needs, after a test has ended.

        Args:
            test: its id.
        """
        for key, tests in self._needed.items():
            tests.discard(test)
            if not tests and key in self._shared:
                self._stop(self._shared.pop(key))
        if self._others is not None:
            self._others.discard(test)
            for key in list(self._shared) if not self._others else ():
                if key not in self._needed:
                    self._stop(self._shared.pop(key))

    def give_back(self, servings: Iterable[Serving]) -> None:
        """Stop the deployments that a test has for itself.

        Args:
            servings: those that it has used.
        """
        for serving in servings:
            if serving in self._own:
                self._own.remove(serving)
                self._stop(serving)

    def end(self) -> None:
        """Stop all of them; what costs money the end of the session stops, by its ledger."""
        if self._around.live is not None:
            return
        for serving in (*self._own, *self._shared.values()):
            self._stop(serving)
        self._own.clear()
        self._shared.clear()

    def _stop(self, serving: Serving) -> None:
        if self._around.live is not None:
            if serving.entry is not None:
                self._around.live.give_up(serving.entry)
            return
        with suppress(AicoreError):  # where nothing really runs nothing is left
            serving.stop()


__all__ = ["Deployments"]
