"""The entry point: options, ini values, markers and hooks.

Every pytest run of the environment loads this module, and pytest loads the modules of plugins slowly, in proportion to
their code. So the hooks only decide whether the session uses the plugin; what they do then is in `hooks/active.py`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.own_bytecode import end_own_bytecode, use_own_bytecode

use_own_bytecode()

from pytest_aicore.config.options import DEFAULT_WORKFLOWS, OPTIONS, SECRET_VARIABLES  # noqa: E402
from pytest_aicore.hooks import (  # noqa: E402
    ENVIRONMENT,
    HIDING_PLUGIN,
    SETTINGS,
    environment_at_start,
    ini_value,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pytest_aicore.config.options import Option
    from pytest_aicore.hooks.secrets import Hiding

_ARGUMENTS: pytest.StashKey[Sequence[str]] = pytest.StashKey()
_NO_SECRETS_SHOWN = pytest.hookimpl(wrapper=True, tryfirst=True)

MARKERS = (
    (
        "aicore(workflow=None, *, artifacts=None, parameters=None, expect='COMPLETED', timeout=None, fresh=False,"
        " name=None, emulated=None): the training run of a test: workflow file or executable id, URL of each input"
        " artifact, value of each parameter, expected final status (None: any), seconds until it must have ended,"
        " whether the test gets a run of its own, name of its configuration, what the emulator plays for it. Nearer"
        " markers override those of class and module field by field."
    ),
    (
        "aicore_deployment(workflow=None, *, artifacts=None, parameters=None, predict=None, ready=None, ttl=None,"
        " timeout=None, fresh=False, name=None, emulated=None): the deployment of a test: serving template or"
        " executable id, URL of each input artifact (from_run(output): of the test's own training), value of each"
        " parameter, path of predictions, what a right answer is, after which time AI Core deletes it, seconds until it"
        " must be ready, whether the test gets a deployment of its own, name of its configuration, what the emulator"
        " answers for it."
    ),
    (
        "aicore_script(*, executable=None, execution=None, times=None, outcome=None, unknown=None, pending=None,"
        " running=None, stopping=None, polls=None, stuck_in=None, logs=None, metrics=None, progress=None,"
        " status_details=None, status_message=None, outputs=None, omit_outputs=None, symptom=None):"
        " how the emulator treats this test's runs; the arguments of Emulator.script. Offline only."
    ),
    "aicore_local: run this test only where trainings really run on this machine (--aicore-local).",
    "aicore_live: run this test only against the real SAP AI Core (--aicore-live).",
    "aicore_offline: run this test only against the emulator.",
    "aicore_check: the items `path::check` that --aicore-check makes of workflow YAML files have this marker.",
    "aicore_contract: the items `path::contract` that --aicore-check makes of workflow YAML files have this marker.",
)
ITEM_MARKERS = ("aicore_check", "aicore_contract")
"""The markers of the items of workflow YAML files, which start no training."""

# pytest 8.4 and newer know numbers in ini files; from pytest 9 on a TOML file may hold a bare one.
_INI_TYPES: dict[str, Any] = {
    "string": "string",
    "number": "float" if pytest.version_tuple >= (9,) else "string",
    "bool": "bool",
    "linelist": "linelist",
}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare options and ini values, and register the fixtures, so that `-p no:aicore` switches them off as well."""
    use_own_bytecode()  # also in the second session of a process
    # Not by `pytest_plugins`: pytest reads the entry points of all installed distributions for each of its names.
    pluginmanager.import_plugin("pytest_aicore.fixtures")
    config = pluginmanager.get_plugin("pytestconfig")
    if config is not None:
        # Before pytest refuses an argument or a test changes the environment.
        config.stash[ENVIRONMENT] = dict(os.environ)
        config.stash[_ARGUMENTS] = config.invocation_params.args
        # Made first, so done last: other plugins warn when they clean up.
        config.add_cleanup(lambda: _end_session(config))
    group = parser.getgroup("aicore", "SAP AI Core")
    for option in OPTIONS:
        if option.flag is not None:
            # Not given is None; an invalid value is reported later, with its source.
            how: dict[str, Any] = {"metavar": option.metavar} if option.metavar else {"action": "store_true"}
            group.addoption(option.flag, dest=option.dest, default=None, help=option.help, **how)
        if option.ini is not None:
            parser.addini(option.ini, option.help, type=_INI_TYPES[option.ini_type], default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, if anything is set, read the settings, which reports mistakes in them at once."""
    _hide_if_needed(config)  # the conftests have been loaded meanwhile
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.option.help or config.option.version or not any(_is_set(option, config) for option in OPTIONS):
        return
    from pytest_aicore.hooks.active import start

    start(config)


def _hide_if_needed(config: pytest.Config) -> Hiding | None:
    """Return what hides secrets in this session, None if the environment has none (yet).

    It may get some later, for example from a `.env` file that a conftest loads. The first test that uses the plugin
    starts hiding as well.
    """
    if any(map(os.environ.get, SECRET_VARIABLES)):
        from pytest_aicore.hooks.context import hiding_of

        return hiding_of(config)
    return None


def _end_session(config: pytest.Config) -> None:
    refused = sys.exc_info()[1]
    if isinstance(refused, pytest.UsageError):  # an unknown argument, which pytest repeats; no hook is called
        _clean_exception(config, refused)
    hiding = config.pluginmanager.get_plugin(HIDING_PLUGIN)
    if hiding is not None:
        hiding.end()
    end_own_bytecode()


@_NO_SECRETS_SHOWN
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, None, None]:
    """Remove secrets from the error of a conftest that cannot be imported: it is shown before there is a session."""
    early_config.stash[_ARGUMENTS] = list(args)
    _hide_if_needed(early_config)
    try:
        return (yield)
    except Exception as error:
        # A ConftestImportFailure has what was raised as its cause, and as (type, it, traceback) in pytest 8.0.
        _, cause, _ = getattr(error, "excinfo", (None, error, None))
        _clean_exception(early_config, getattr(error, "cause", cause))
        raise


@_NO_SECRETS_SHOWN
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | pytest.ExitCode | None, Any]:
    """Remove secrets from a usage error or an internal one: it is shown after the session has ended."""
    try:
        return (yield)
    except Exception as error:
        _clean_exception(config, error)
        raise


@_NO_SECRETS_SHOWN
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Remove secrets from errors of collection, when it is not known yet whether the session uses the plugin."""
    report = yield
    if not report.passed:
        from pytest_aicore.hooks.context import hiding_of

        hiding_of(collector.config).clean(report)
    return report


@_NO_SECRETS_SHOWN
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remove secrets from a report if a fixture or a test put some into an environment that had none."""
    report = yield
    if report.longrepr is not None or report.sections:
        hiding = _hide_if_needed(item.config)
        if hiding is not None:
            hiding.clean(report)
    return report


def _clean_exception(config: pytest.Config, error: BaseException) -> None:
    from pytest_aicore.hooks.secrets import clean_exception

    clean_exception(error, environment_at_start(config), config.stash.get(_ARGUMENTS, ()))


def _is_set(option: Option, config: pytest.Config) -> bool:
    """Return whether an option is set, also to an invalid value."""
    if option.flag is not None and getattr(config.option, option.dest, None) is not None:
        return True
    if option.environment is not None and os.environ.get(option.environment, "").strip():
        return True
    try:
        return option.ini is not None and ini_value(config, option.ini) not in (None, "", [])
    except ValueError:
        return True


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Return mode, host, resource group and folder, each with its source."""
    if not (SETTINGS in config.stash or config.get_verbosity() > 0 or (config.rootpath / DEFAULT_WORKFLOWS).is_dir()):
        return []  # the project does not use AI Core, as far as can be seen
    from pytest_aicore.hooks.active import header

    return header(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Block the network, if that is asked for, before test modules are imported."""
    if SETTINGS in session.config.stash:
        from pytest_aicore.hooks.active import block_network

        block_network(session.config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Skip what the mode does not allow, and prepare the session if a test uses the plugin."""
    ours = [item for item in items if uses_aicore(item)]
    if ours or SETTINGS in config.stash:
        from pytest_aicore.hooks.active import begin

        begin(config, items, ours)


def uses_aicore(item: pytest.Item) -> bool:
    """Return whether a test uses a fixture of ours, or has a marker of ours."""
    fixtures = getattr(item, "fixturenames", ())
    return any(name.startswith("aicore_") for name in fixtures) or any(
        mark.name.startswith("aicore") and mark.name not in ITEM_MARKERS for mark in item.iter_markers()
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have the sections of failed tests coloured, if there are any and the terminal has colours."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.hasmarkup:
        return
    failed = (report for outcome in ("failed", "error") for report in reporter.stats.get(outcome, ()))
    # `reports.terminal.TITLE`
    if any(title == "SAP AI Core" for report in failed for title, _ in getattr(report, "sections", ())):
        from pytest_aicore.hooks.colours import Colours

        session.config.pluginmanager.register(Colours(), "aicore-colours")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the runs of the session. They come from reports, which pytest-xdist carries here."""
    carrying = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if any(getattr(report, name, None) for name in ("aicore_runs", "aicore_gates", "aicore_deployments"))
    ]
    if carrying:
        from pytest_aicore.hooks.active import summarize

        summarize(terminalreporter, config, carrying)
