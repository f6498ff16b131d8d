"""The hooks of a session with deployments: each is stopped as soon as no remaining test needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import AicoreError
from pytest_aicore.hooks.context import deployed, marked, place_of, session_of

if TYPE_CHECKING:
    from collections.abc import Generator

PLUGIN_NAME = "aicore-deployments"


class DeploymentHooks:
    """The hooks."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Register the hooks, once."""
        if not config.pluginmanager.has_plugin(PLUGIN_NAME):
            config.pluginmanager.register(cls(config), PLUGIN_NAME)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Note which tests need which deployment; a worker of pytest-xdist does not know which of them it will run."""
        if not self._is_worker:
            needed: dict[str, list[str]] = {}
            for item in session.items:
                key = self._key(item)
                if key is not None:
                    needed.setdefault(key, []).append(item.nodeid)
            others = [each.nodeid for each in session.items if "aicore_deploy" in getattr(each, "fixturenames", ())]
            session_of(self._config).deployments.need(needed, others)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Stop what no remaining test needs."""
        result = yield
        session_of(self._config).deployments.release(item.nodeid)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Stop all that still run."""
        session_of(self._config).deployments.end()

    def _key(self, item: pytest.Item) -> str | None:
        """Return the key of the deployment that a test's markers ask for, None if there is none to share."""
        if "aicore_deployment" not in getattr(item, "fixturenames", ()):
            return None
        session, place = session_of(self._config), place_of(item)
        try:
            asked = deployed(item)
            template = session.workflow(asked.get("workflow"), place, near=item.path, deployable=True)
            plan = session.deployment_plan(template, asked, place)
            trained = None
            if plan.trained:
                arguments = marked(item)
                workflow = session.workflow(arguments.get("workflow"), place, near=item.path)
                trained = session.plan(workflow, arguments, place)
            return session.deployment_key(plan, trained)
        except AicoreError:
            return None  # the test reports the error when it runs
