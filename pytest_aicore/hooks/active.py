"""What the hooks of `plugin` do in a session that uses the plugin.

Apart from `plugin`, so that other sessions do not load it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.echo import MISPLACED, is_misplaced
from pytest_aicore.errors import AicoreError, SettingsError
from pytest_aicore.hooks import EMULATED_ONLY, SETTINGS, environment_at_start
from pytest_aicore.hooks.context import ends_of_deployments, hiding_of, session_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.config.options import Settings

_SET_UP = {
    "aicore_class_environment": ("_unittest_setUpClass_fixture_", "_xunit_setup_class_fixture_"),
    "aicore_module_environment": ("_xunit_setup_module_fixture_",),
}
"""The fixtures that pytest makes of functions, by the fixture that these functions may need."""
_MISREAD: pytest.StashKey[str | None] = pytest.StashKey()


def start(config: pytest.Config) -> None:
    """Read the settings and register the hooks that they ask for.

    Args:
        config: of pytest; at least one setting is set.

    Raises:
        pytest.UsageError: a setting has a value that cannot be used.
    """
    from pytest_aicore.hooks.rootdir import misread

    if any(is_misplaced(path.partition("::")[0]) for path in config.args):
        raise pytest.UsageError(MISPLACED)  # pytest repeats the paths that it does not find
    config.stash[_MISREAD] = project = misread(config)
    try:
        settings = settings_of(config)
    except SettingsError as error:
        # The value may be valid in the ini file that was not read.
        raise pytest.UsageError("\n".join(filter(None, [project, str(error)]))) from None
    if project is not None and settings.live.value:
        raise pytest.UsageError(
            f"{project}\nA live session costs money, and the limits in the project's ini file would be ignored: nothing"
            " was started."
        )
    session = session_of(config)
    if settings.local.value and not config.option.collectonly:
        try:
            session.local_session.require_usable()
        except AicoreError as error:
            raise pytest.UsageError(str(error)) from None
    if settings.check.value or settings.update.value:
        from pytest_aicore.hooks.workflow_items import begin as begin_checks

        begin_checks(config, settings)
    if settings.real_option is not None and not config.option.collectonly:
        from pytest_aicore.hooks.live import LiveSession

        LiveSession.register(config)
    output = settings.output.value
    if output is not None:
        from pytest_aicore.hooks.output_file import OutputFile

        OutputFile.register(config, output)
    if settings.report.value is not None or settings.html.value is not None:
        from pytest_aicore.hooks.report_files import ReportFiles

        ReportFiles.register(config, settings)


def header(config: pytest.Config) -> list[str]:
    """Return the lines of pytest's header: mode, host, resource group and folder, each with its source."""
    from pytest_aicore.reports.terminal import header as lines_of

    project = config.stash.get(_MISREAD, None)
    return [*lines_of(settings_of(config)), *([f"aicore: {project}"] if project is not None else [])]


def block_network(config: pytest.Config) -> None:
    """Block the network, if that is asked for, before test modules are imported."""
    settings = config.stash[SETTINGS]
    if not settings.block_network.value or settings.live.value or config.option.collectonly:
        return
    # The controller of pytest-xdist imports no test modules.
    if hasattr(config, "workerinput") or not getattr(config.option, "tx", None):
        from pytest_aicore.hooks.isolation import isolation_of

        isolation_of(config).session.open()


def begin(config: pytest.Config, items: Sequence[pytest.Item], ours: Sequence[pytest.Item]) -> None:
    """Skip what the mode does not allow, and register what isolates tests if there is a test that needs it.

    Args:
        config: of pytest.
        items: all that were collected.
        ours: those that use the plugin.
    """
    settings = settings_of(config)
    for item in ours:
        _set_environment_first(item)
        reason = _skipped(item, settings)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))
    if ours:
        hiding_of(config).rename(items)
    if (ours or settings.live.value or settings.block_network.value) and not config.option.collectonly:
        from pytest_aicore.hooks.isolation import isolation_of

        isolation_of(config)
        if any(_deploys(item) for item in ours):
            from pytest_aicore.hooks.deployments import DeploymentHooks

            DeploymentHooks.register(config)


def _set_environment_first(item: pytest.Item) -> None:
    """Have the environment of a class or module set before its `setUpClass` or `setup_module` runs.

    pytest makes fixtures of these functions that every test uses, and sets such fixtures up before those that
    `usefixtures` names.
    """
    names: list[str] = getattr(item, "fixturenames", [])
    for environment, functions in _SET_UP.items():
        if environment in names:
            place = next((at for at, name in enumerate(names) if name.startswith(functions)), len(names))
            if place < names.index(environment):
                names.remove(environment)
                names.insert(place, environment)


def _deploys(item: pytest.Item) -> bool:
    return not {"aicore_deployment", "aicore_deploy"}.isdisjoint(getattr(item, "fixturenames", ()))


def _skipped(item: pytest.Item, settings: Settings) -> str | None:
    live, local, option = settings.live.value, settings.local.value, settings.real_option
    if not live and item.get_closest_marker("aicore_live"):
        return "aicore_live: needs --aicore-live"
    if not local and item.get_closest_marker("aicore_local"):
        return "aicore_local: needs --aicore-local"
    if live and item.get_closest_marker("aicore_offline"):
        return "aicore_offline: not under --aicore-live"
    if option is not None and item.get_closest_marker("aicore_script"):
        return f"aicore_script: skipped under {option}: this marker controls the emulator only"
    if option is not None and "aicore_emulator" in getattr(item, "fixturenames", ()):
        return EMULATED_ONLY.format(option=option)
    return None


def summarize(terminalreporter: pytest.TerminalReporter, config: pytest.Config, carrying: Sequence[Any]) -> None:
    """List the runs of the session.

    Args:
        terminalreporter: of pytest.
        config: of pytest.
        carrying: the reports of tests that had runs.
    """
    from pytest_aicore.reports.colours import of_summary
    from pytest_aicore.reports.deployments import deployments_in, distinct_deployments
    from pytest_aicore.reports.model import gates_in, reports_in
    from pytest_aicore.reports.terminal import TITLE, deployments_summary, gates_summary, summary

    runs = [run for report in carrying for run in reports_in(report)]
    deployed = [each for report in carrying for each in deployments_in(report)]
    verbose, prices = config.get_verbosity() > 0, settings_of(config).prices.value
    lines = summary(runs, verbose=verbose, prices=prices)
    distinct = distinct_deployments(deployed, ends_of_deployments(config, deployed))
    lines += deployments_summary(distinct, verbose=verbose, prices=prices)
    gates = [gate for report in carrying for gate in gates_in(report)]
    lines += gates_summary(gates)
    if lines:
        terminalreporter.section(TITLE)
        paint = config.get_terminal_writer().markup
        for line in lines:
            terminalreporter.line(of_summary(line, paint))
    file = environment_at_start(config).get("GITHUB_STEP_SUMMARY")
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist: its reports reach the controller
    if file and (runs or gates) and not is_worker and settings_of(config).job_summary.value:
        from pytest_aicore.hooks.job_summary import append_summary

        has_failed = any(terminalreporter.stats.get(each) for each in ("failed", "error"))
        problem = append_summary(file, runs, gates, settings_of(config), has_failed=has_failed)
        if problem is not None:
            terminalreporter.line(problem)
