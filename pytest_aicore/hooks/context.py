"""What the hooks have in common: the settings of a pytest session, what its tests share, what a test is marked with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.hooks import HIDING_PLUGIN, SETTINGS, environment_at_start, ini_value
from pytest_aicore.processes import processors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_aicore.config.markers import MarkerUse
    from pytest_aicore.config.options import Settings
    from pytest_aicore.hooks.secrets import Hiding
    from pytest_aicore.reports.deployments import DeploymentReport
    from pytest_aicore.session.local_session import Owner
    from pytest_aicore.session.session import Session
    from pytest_aicore.training.live.runs import EndOfDeployment, Live, LiveOptions

_SESSION: pytest.StashKey[Session] = pytest.StashKey()
LIVE_PLUGIN = "aicore-live"
OWNER_INPUT = "aicore_owner"
"""What a worker of pytest-xdist is given: how it reaches the process that carries its runs out."""


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings of this session.

    Raises:
        SettingsError: one of them cannot be used.
    """
    if SETTINGS not in config.stash:
        from pytest_aicore.config.settings import Given, read_settings

        root = config.rootpath
        config.stash[SETTINGS] = read_settings(
            Given(
                option=lambda dest: getattr(config.option, dest, None),
                environment=os.environ,
                ini=lambda name: ini_value(config, name),
                directory=config.invocation_params.dir,
                ini_directory=config.inipath.parent if config.inipath else root,
                root=root,
            )
        )
    return config.stash[SETTINGS]


# What the tests share -----------------------------------------------------------------------------------------------


def session_of(config: pytest.Config) -> Session:
    """Return what the tests of this pytest session have in common."""
    if _SESSION not in config.stash:
        from pytest_aicore.session.session import Session

        session = Session(
            settings_of(config),
            lambda session: make_live(config, session),
            environment_at_start(config),
            _owner(config),
        )
        config.stash[_SESSION] = session
        hiding_of(config).know(session.secrets)
    return config.stash[_SESSION]


def hiding_of(config: pytest.Config) -> Hiding:
    """Return what hides the secrets of this session; it begins if it has not yet."""
    hiding: Hiding | None = config.pluginmanager.get_plugin(HIDING_PLUGIN)
    if hiding is None:
        from pytest_aicore.hooks.secrets import Hiding

        hiding = Hiding(config, environment_at_start(config))
        config.pluginmanager.register(hiding, HIDING_PLUGIN)
    return hiding


def _owner(config: pytest.Config) -> Owner | None:
    """Return the process that carries the runs of this worker of pytest-xdist out on this machine, None in others."""
    given = getattr(config, "workerinput", {}).get(OWNER_INPUT)
    if given is None:
        return None
    from pytest_aicore.session.local_session import Owner

    return Owner(**given)


def real_options(settings: Settings) -> LiveOptions:
    """Return the settings of runs that really happen."""
    from pytest_aicore.session.session import LOCAL_POLL_SECONDS
    from pytest_aicore.training.live.runs import LiveOptions

    interval, most = settings.poll_interval.value, settings.max_parallel
    if settings.local.value:
        # There is nothing to resume or keep: what is carried out on this machine ends with its session.
        return LiveOptions(
            resource_group=settings.resource_group.value,
            interval=min(interval, LOCAL_POLL_SECONDS),
            max_parallel=processors() if most.is_default else most.value,
            budget=None,
            reuse=False,
            keep=False,
            resumes=False,
        )
    return LiveOptions(
        resource_group=settings.resource_group.value,
        interval=interval,
        max_parallel=most.value,
        budget=settings.budget.value,
        reuse=settings.reuse.value,
        keep=settings.keep.value,
        resumes=settings.resumes,
        prices=settings.prices.value,
    )


def make_live(config: pytest.Config, session: Session) -> Live:
    """Return what starts and watches runs that really happen.

    Args:
        config: of pytest.
        session: of ours.
    """
    from pytest_aicore.training.live.runs import Live

    live_session = config.pluginmanager.get_plugin(LIVE_PLUGIN)
    local = session.local_session if session.local else None
    return Live(
        real_options(session.settings),
        _ledger_file(config) if local is None else local.ledger,
        live_session.id if live_session else "",
        lambda: session.credentials if local is None else local.credentials,
        session.connect_patiently,
        None if local is None else lambda plan: local.publish(plan.template),
        is_worker=hasattr(config, "workerinput"),
        store=lambda: session.store,
    )


def ends_of_deployments(config: pytest.Config, reports: Iterable[DeploymentReport]) -> dict[str, EndOfDeployment]:
    """Return how long deployments of the real service have run, and why they were stopped, by their ids.

    Args:
        config: of pytest.
        reports: of the deployments of the session.
    """
    if not any(each.live for each in reports):
        return {}
    return session_of(config).real_runs.ends_of_deployments()


def _ledger_file(config: pytest.Config) -> Path:
    """Return where a live session keeps its ledger; nothing is made before there is something to write."""
    named = settings_of(config).ledger.value
    if named is not None:
        return named
    folder = config.getini("cache_dir") if config.pluginmanager.has_plugin("cacheprovider") else ".pytest_cache"
    return config.rootpath / str(folder) / "aicore" / "ledger.jsonl"


# A test -------------------------------------------------------------------------------------------------------------


def place_of(item: pytest.Item) -> str:
    """Return `file:line` of a test."""
    path, line, _ = item.location
    return path if line is None else f"{path}:{line + 1}"


def marked(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of a test's `aicore` markers, the nearest overriding the others field by field.

    Raises:
        SettingsError: one of them cannot be read.
    """
    from pytest_aicore.config.markers import merge_markers

    uses = [use for level in marker_levels(item, "aicore") for use in level]
    return merge_markers(uses, place_of(item))


def deployed(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of a test's `aicore_deployment` markers, the nearest overriding the others field by field.

    Raises:
        SettingsError: one of them cannot be read.
    """
    from pytest_aicore.config.markers import aicore_deployment, merge_markers

    uses = [use for level in marker_levels(item, "aicore_deployment") for use in level]
    return merge_markers(uses, place_of(item), "aicore_deployment", aicore_deployment)


def parameter_values(item: pytest.Item) -> dict[str, Any]:
    """Return the values of a test's parameter set by argument, as `parametrize` and parametrized fixtures give them."""
    return dict(getattr(getattr(item, "callspec", None), "params", {}))


def family_of(item: pytest.Item) -> str:
    """Return the id of a test without its parameter set."""
    name = getattr(item, "originalname", None)
    return item.nodeid if name is None or item.parent is None else f"{item.parent.nodeid}::{name}"


def is_varied(item: pytest.Item) -> bool:
    """Return whether parameter sets of a test give values in its `aicore` markers (`from_param`)."""
    from pytest_aicore.config.parameter_sets import varies

    return any(varies((mark.args, mark.kwargs)) for mark in item.iter_markers("aicore"))


def marker_levels(item: pytest.Item, name: str) -> Iterator[list[MarkerUse]]:
    """Return the markers of a name: those of the module first, those of the test's own parameter set last.

    Raises:
        SettingsError: one of them names an argument that the test does not have (`from_param`).
    """
    from pytest_aicore.config.markers import MarkerUse
    from pytest_aicore.config.parameter_sets import filled

    given, place = parameter_values(item), place_of(item)
    for node in item.listchain():
        own = [mark for mark in node.own_markers if mark.name == name]
        # The marks of a parameter set come after the decorators; decorators are kept from the nearest to the
        # farthest; and a class has the marks of its bases before its own.
        parameter_set = getattr(getattr(node, "callspec", None), "marks", ())
        of_set = [mark for mark in own if any(mark is other for other in parameter_set)]
        decorators = [mark for mark in own if not any(mark is other for other in of_set)]
        if not isinstance(node, pytest.Class):
            decorators.reverse()
        for level in (decorators, of_set):
            if level:
                yield [MarkerUse(filled(mark.args, given, place), filled(mark.kwargs, given, place)) for mark in level]
