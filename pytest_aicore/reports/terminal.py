"""The lines that the plugin prints in pytest's terminal: made of plain data, 80 columns wide, without secrets."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_aicore.config.settings import OFFLINE_HOST
from pytest_aicore.echo import parts_shown, seen_from, shown
from pytest_aicore.errors import AicoreError, did_you_mean, listing
from pytest_aicore.printable import from_terminal, on_one_line, printable
from pytest_aicore.quantities import beyond_plan, duration_text, usage_text
from pytest_aicore.redact import HIDDEN, redact
from pytest_aicore.reports.families import families, table
from pytest_aicore.reports.model import distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pytest_aicore.config.options import Settings
    from pytest_aicore.config.setting import Setting
    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.deployment.diagnosis import Cause as CauseOfSilence
    from pytest_aicore.deployment.serving import Readiness
    from pytest_aicore.reports.deployments import DeploymentReport, DistinctDeployment
    from pytest_aicore.reports.model import RunReport
    from pytest_aicore.training.diagnosis import Cause
    from pytest_aicore.training.finished import LogLine
    from pytest_aicore.training.live.budget import Price
    from pytest_aicore.training.run import Run
    from pytest_aicore.training.watcher import Seen

TITLE = "SAP AI Core"
WIDTH = 80
_LABEL = 15
_LOG_LINES = 10
_REQUESTS = 10
_METRICS = 4
_STEPS = 10
_PATHS = 3


def _nothing_known(run: Run) -> Sequence[Mapping[str, Any]]:
    del run
    return ()


# Header -------------------------------------------------------------------------------------------------------------


def header(settings: Settings) -> list[str]:
    """Return the header of a session: mode, host, resource group and folder, each with its source.

    Args:
        settings: of the session.
    """
    folder = settings.workflows
    group = _sourced(settings.resource_group)
    lines = [
        f"aicore: {_mode(settings)}",
        f"aicore: resource group {group}, workflows {_several(folder.value)} ({_from(folder)})",
    ]
    rest = [
        f"{words} {_sourced(setting)}"
        for words, setting in (
            ("polling interval", settings.poll_interval),
            ("timeout", settings.timeout),
            ("output", settings.output),
            ("report", settings.report),
            ("block network", settings.block_network),
        )
        if not setting.is_default
    ]
    return [on_one_line(line) for line in (*lines, *([f"aicore: {', '.join(rest)}"] if rest else []))]


def _mode(settings: Settings) -> str:
    if settings.local.value:
        return _local(settings)
    if not settings.live.value:
        return f"offline ({_from(settings.live)}), emulator at {OFFLINE_HOST}"
    from pytest_aicore.training.service.credentials import find_credentials, read_service_key

    key = settings.service_key
    try:
        credentials = find_credentials() if key.value is None else read_service_key(key.value, key.source)
    except AicoreError as error:
        # The first test that needs them fails with the whole message.
        return f"LIVE (from {settings.live.source}), no usable credentials: {str(error).splitlines()[0]}"
    source = credentials.source if key.value is None else key.source
    return f"LIVE (from {settings.live.source}), {credentials.host} (from {source})"


def _local(settings: Settings) -> str:
    """Return which engine carries trainings out, and what it cannot hold."""
    from pytest_aicore.running.engines.choosing import chosen_engine

    chosen = settings.local_engine
    try:
        engine = chosen_engine(chosen.value, network=settings.local_network.value)
    except AicoreError as error:
        # The first training ends with the whole message.
        return f"LOCAL (from {settings.local.source}), no engine: {str(error).splitlines()[0]}"
    lacks = f"; {'; '.join(engine.lacks)}" if engine.lacks else ""
    return f"LOCAL (from {settings.local.source}), engine {engine.name} ({_from(chosen)}){lacks}"


def _from(setting: Setting[Any]) -> str:
    return setting.source if setting.is_default else f"from {setting.source}"


def _sourced(setting: Setting[Any]) -> str:
    value = setting.value
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, os.PathLike):
        text = _short(value)
    else:
        text = f"{value:g} s" if isinstance(value, float) else shown(value)
    return f"{text} ({_from(setting)})"


def _several(paths: Sequence[os.PathLike[str]]) -> str:
    """Return the first of several paths, and how many more there are."""
    names = parts_shown([_relative(path) for path in paths])
    more = len(names) - _PATHS
    return ", ".join(names[:_PATHS]) + (f" and {more} more" if more > 0 else "")


def _short(path: os.PathLike[str]) -> str:
    return shown(_relative(path))


def _relative(path: os.PathLike[str]) -> str:
    """Return a path from the current folder if it is below that, and without `..`."""
    relative = seen_from(path)
    return os.path.abspath(path) if relative.startswith("..") else relative  # noqa: PTH100  links stay


# A failed test ------------------------------------------------------------------------------------------------------


def section(
    runs: Sequence[Run],
    incidents: Sequence[str],
    requests: Iterable[Any],
    explain: Callable[[Run], Sequence[Cause]],
    *,
    ask: bool = True,
    hints: Sequence[str] = (),
    steps: Callable[[Run], Sequence[Mapping[str, Any]]] = _nothing_known,
    deployments: Sequence[Deployment] = (),
) -> list[str]:
    """Return the lines of a failed test's section; none if the test did not use AI Core.

    Args:
        runs: the runs that the test used.
        incidents: what the emulator could not answer.
        requests: the emulator's log of the test.
        explain: the likely causes of a run's failure.
        ask: whether AI Core may be asked for what is not known yet.
        hints: what may have bypassed the emulator.
        steps: returns what the steps of a run on this machine took.
        deployments: the deployments that the test used.
    """
    log = list(requests)  # before explaining a run makes more requests
    cut = len(log) == getattr(requests, "maxlen", None)
    parts = [[line for incident in incidents for line in _row("incident", incident)]]
    parts += [[line for hint in hints for line in _row("hint", hint)]]
    parts += [[*_diagnosis(explain(run)), *_run(run, ask, steps(run))] for run in runs]
    parts += [_deployment(each, ask) for each in deployments]
    parts += [_requests(log, cut)]
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines and part else part
    return lines


def hints(started: Sequence[str], unseen: Sequence[str]) -> list[str]:
    """Return hints for a failed test whose requests may have bypassed the emulator.

    Args:
        started: programs that the test started.
        unseen: packages with network code of their own that are loaded.
    """
    remedy = "Give them the URL of the fixture aicore_server."
    found = []
    if started:
        found.append(f"This test started {listing(started)}, and the emulator is not in other processes. {remedy}")
    if unseen:
        found.append(f"{listing(unseen)} may ask for AI Core's hosts in ways that Python cannot watch. {remedy}")
    return found


def unknown_groups(requests: Iterable[Any], known: Collection[str]) -> list[str]:
    """Return a hint for each resource group for which the emulator refused a request because it has none of that name.

    Args:
        requests: the emulator's log of the test.
        known: the names of its resource groups.
    """
    refused = dict.fromkeys(each.resource_group for each in requests if each.status == 403 and each.resource_group)
    return [
        f"The emulator has no resource group {name!r}, so it answered 403 as AI Core does.{did_you_mean(name, known)} "
        f"Write it into the ini as aicore_resource_group = {name}, or add it in the test: "
        f"aicore_emulator.create_resource_group({name!r}). Its resource groups: {listing(sorted(known))}."
        for name in refused
        if name not in known
    ]


def _diagnosis(causes: Iterable[Cause | CauseOfSilence]) -> list[str]:
    """Show the likely causes, the likeliest first, each with its evidence and remedy."""
    lines: list[str] = []
    for cause in causes:
        lines += _row("" if lines else "diagnosis", f"{'or' if lines else 'likely'}: {cause.likely}")
        lines += _row("", f"  seen: {cause.seen}")
        lines += _row("", f"  do: {cause.remedy}")
    return lines


def _run(run: Run, ask: bool, steps: Sequence[Mapping[str, Any]]) -> list[str]:
    training, lines = run.training, []
    watch = training.watch
    if watch is not None:
        status = watch.history[-1].status.value
        expected = "" if run.plan.expect in (None, status) else f", expected {run.plan.expect}"
        lines += _row("execution", f"{watch.execution_id} of {run.plan.workflow}")
        lines += _row("status", f"{status}{expected}")
        if watch.stopped is not None:
            lines += _row("stopped", f"by this session: {watch.stopped}")
    configuration = training.configuration.made
    if configuration is not None:
        lines += _row("configuration", configuration.id)
    for name, artifact in (training.artifacts.made or {}).items():
        lines += _row("artifact", f"{name} {artifact.id} {artifact.url}")
    if watch is None:
        return lines
    lines += _history(watch.history)
    finished = training.made
    for line in run.failure_lines(finished) if finished is not None else ():
        if not line.startswith(" "):  # the last lines of the step stand below
            lines += _row("failed", line)
    execution = watch.execution
    if execution is not None:
        if execution.status_message:
            lines += _row("message", execution.status_message)
        lines += _details(execution.status_details)
        lines += _steps(steps)
        for output in execution.output_artifacts or []:
            lines += _row("output", f"{output.name} {output.id} {output.url}")
    if watch.trouble is not None:
        lines += _row("trouble", str(watch.trouble))
    if finished is not None and (ask or finished.knows_logs):
        lines += _logs(lambda: finished.logs)
    return lines


def _deployment(deployment: Deployment, ask: bool) -> list[str]:
    from pytest_aicore.deployment.deployment import serving_of

    serving = serving_of(deployment)
    watch, cause = serving.stages.watch, serving.cause
    lines = _diagnosis([] if cause is None else [cause])
    if watch is not None:
        lines += _row("deployment", f"{watch.execution_id} of {deployment.plan.workflow}")
        lines += _row("status", watch.history[-1].status.value)
        if watch.execution is not None and watch.execution.deployment_url:
            lines += _row("url", watch.execution.deployment_url)
    configuration = serving.stages.configuration.made
    if configuration is not None:
        lines += _row("configuration", serving.configuration_id)
    for name, artifact in (serving.stages.artifacts.made or {}).items():
        lines += _row("artifact", f"{name} {artifact.id} {artifact.url}")
    if watch is None:
        return lines
    lines += _history(watch.history)
    lines += _row("ready", _readiness(serving.readiness))
    if serving.failure is not None:
        return lines  # the message of the failure has what AI Core says, and the end of the log
    if watch.execution is not None and watch.execution.status_message:
        lines += _row("message", watch.execution.status_message)
    return [*lines, *_logs(serving.known_logs)] if ask else lines


def _readiness(its: Readiness | DeploymentReport) -> str:
    """Return when a deployment came to answer, and how many requests were repeated before."""
    since = "this session resumed it" if its.resumed else "its creation"
    moments = (("running", its.running), ("listening", its.listening), ("first right answer", its.answered))
    known = [f"{what} {duration_text(seconds)}" for what, seconds in moments if seconds is not None]
    text = f"{', '.join(known)} after {since}" if known else "not running yet"
    return f"{text}; {_repeated(its.retried)}" if its.retried else text


def _repeated(number: int) -> str:
    return f"{number} request{'s' if number > 1 else ''} repeated"


def _history(history: Sequence[Seen]) -> list[str]:
    return [_line("" if number else "history", text) for number, text in enumerate(_moments(history))]


def _moments(history: Sequence[Seen]) -> list[str]:
    lines, previous = [], None
    for seen in history:
        after = f"  after {duration_text((seen.time - previous.time).total_seconds())}" if previous else ""
        lines.append(f"{seen.time:%H:%M:%S}  {seen.status.value:<10}{after}".rstrip())
        previous = seen
    return lines


def is_status(value: object) -> bool:
    """Return whether something is a `Status` of the SDK, which need not be imported for that."""
    kind = type(value)
    return kind.__name__ == "Status" and kind.__module__.partition(".")[0] == "ai_api_client_sdk"


def compared(left: object, operator: str, right: object, runs: Iterable[Run]) -> list[str] | None:
    """Return the lines for a failed comparison of a status; None if no status was compared.

    Args:
        left: what was compared.
        operator: as it was written: `is`, `==`, `in` and so on.
        right: with what.
        runs: those that the test used.
    """
    shown = [value for value in (left, right) if is_status(value)]
    if not shown:
        return None
    status: Any = shown[0]
    lines = [f"{_named(left)} {operator} {_named(right)}"]
    other = right if shown[0] is left else left
    if isinstance(other, str) and operator in ("==", "is", "!=", "is not"):
        value = status.value
        lines.append(f"A Status is not a string: compare with Status.{value}, or its value with {value!r}.")
    for run in runs:
        watch = run.training.watch
        if watch is not None and watch.history[-1].status is status:
            lines += [f"execution {watch.execution_id} of {run.plan.workflow}:"]
            lines += [f"  {moment}" for moment in _moments(watch.history)]
            finished = run.training.made
            lines += [f"  {line}" for line in (run.failure_lines(finished) if finished else ())]
    return [on_one_line(line) for line in lines]


def _named(value: Any) -> str:
    if is_status(value):
        return f"Status.{value.value}"
    if isinstance(value, (tuple, list, set, frozenset)):
        return f"({', '.join(_named(each) for each in value)})"
    return repr(value)


def _details(details: object) -> list[str]:
    """Show known shapes of status details in words, anything else as indented names and values."""
    if not details:
        return []
    if not isinstance(details, Mapping):
        return _row("details", str(details))
    lines: list[str] = []
    of_containers: set[str] = set()
    for container in _maps(details, "details"):
        name, code = container.get("container_name", "?"), container.get("exit_code", "?")
        message = str(container.get("message") or "").strip()
        lines += _row(
            "" if lines else "details", f"container {name}, exit code {code}{f': {message}' if message else ''}"
        )
        of_containers.add(message)
        # What the container logged last is not always in the logs of the execution.
        last = [line.strip() for line in redact(str(container.get("last_log_messages") or "")).splitlines()]
        last = [line for line in last if line]
        for line in last[-3:]:
            lines += _row("", f"  {line}")
    for step in _maps(details, "workflow_info"):
        message = str(step.get("message") or "").strip()
        if message and message not in of_containers:  # the node of a pod repeats that of its container
            lines += _row("" if lines else "details", f"workflow: {message}")
    for key, value in details.items():
        if key not in ("details", "workflow_info") or not isinstance(value, list):
            for line in _plain(str(key), value):
                lines += _row("" if lines else "details", line)
    return lines


def _steps(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Show what each step took, first those that failed or need more memory than their plan has."""
    told = [(step, beyond_plan(step["peak_memory"], step["plan"], step["plan_memory"])) for step in steps]
    told.sort(key=lambda each: each[0]["phase"] == "Succeeded" and each[1] is None)
    lines: list[str] = []
    for step, beyond in told[:_STEPS]:
        ended = "" if step["exit_code"] is None else f", exit code {step['exit_code']}"
        took = usage_text(step["seconds"], step["cpu_seconds"], step["peak_memory"])
        lines += _row("" if lines else "steps", f"{step['name']} {step['phase']}{ended}, {took}")
        if beyond is not None:
            lines += _row("", f"  more memory than its resource plan has: {beyond}")
        if step.get("repeat") and step["phase"] != "Succeeded":
            lines += _row("", "  to repeat it by hand:")
            lines.append(_line("", f"  {step['repeat']}"))  # in one line, so that it can be copied
    if len(told) > _STEPS:
        lines += _row("", f"and {len(told) - _STEPS} more")
    return lines


def _maps(details: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = details.get(key)
    return [element for element in found if isinstance(element, Mapping)] if isinstance(found, list) else []


def _plain(name: str, value: object, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping) and value:
        yield f"{indent}{name}:"
        for key, inner in value.items():
            yield from _plain(str(key), inner, depth + 1)
    elif isinstance(value, list) and value:
        yield f"{indent}{name}:"
        for number, inner in enumerate(value, 1):
            yield from _plain(str(number), inner, depth + 1)
    else:
        # As JSON it shows whether its name is that of a secret.
        secret = HIDDEN in redact(json.dumps({name: str(value)}))
        yield f"{indent}{name}: {HIDDEN if secret else value}"


def _logs(ask: Callable[[], list[LogLine]]) -> list[str]:
    try:
        logs = ask()
    except AicoreError as error:
        return _row("logs", f"not available: {error}")
    if not logs:
        return _row("logs", "none")
    # A secret may span lines, so all lines are redacted together; if their number changes, their times are lost.
    texts = redact("\n".join(logs)).split("\n")
    if len(texts) == len(logs):
        texts = [f"{line.timestamp:%H:%M:%S}  {text}" for line, text in zip(logs, texts, strict=True)]
    label = "logs" if len(texts) <= _LOG_LINES else f"logs {_LOG_LINES}/{len(texts)}"
    lines: list[str] = []
    for text in texts[-_LOG_LINES:]:
        lines += _row("" if lines else label, text)
    return lines


def _requests(log: Sequence[Any], cut: bool) -> list[str]:
    """Return the last requests."""
    from pytest_aicore.reports.details import grouped_requests  # with what is known of trainings: not for the header

    grouped = grouped_requests(log)
    lines: list[str] = []
    for number, each in enumerate(grouped):
        more = " or more" if cut and number == 0 else ""
        counted = f"  ({each['times']} times{more})" if each["times"] > 1 else ""
        if number >= len(grouped) - _REQUESTS:
            text = f"{each['status'] or 'no answer'}  {each['method']} {each['path']}{counted}"
            lines += _row("" if lines else "requests", text)
    return lines


def _row(label: str, text: str) -> list[str]:
    """Return a labelled text without secrets, wrapped to the width; wrapped lines are aligned below the text."""
    lines: list[str] = []
    # Redacted before it is wrapped: a part of a secret would not be recognised.
    for part in printable(from_terminal(redact(text))).splitlines() or [""]:
        body = part.lstrip()
        indent = " " * (len(part) - len(body))
        wrapped = textwrap.wrap(
            body, WIDTH - _LABEL, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
        )
        lines += wrapped or [""]
    return [_line(label if number == 0 else "", line) for number, line in enumerate(lines)]


def _line(label: str, text: str) -> str:
    return on_one_line(f"{label:<{_LABEL}}{text}".rstrip())


# The session --------------------------------------------------------------------------------------------------------


def summary(reports: Iterable[RunReport], *, verbose: bool, prices: Mapping[str, Price] | None = None) -> list[str]:
    """Return the lines of the terminal summary: one for each execution, and a table for each family of them.

    Offline there are none, unless the user asked for more.

    Args:
        reports: of all tests.
        verbose: whether the user asked for more.
        prices: of an hour, by resource plan.
    """
    reports = list(reports)
    runs = distinct(reports)
    if not runs or not (verbose or any(run.live or run.local for run, _ in runs)):
        return []
    statuses: dict[str, int] = {}
    for run, _ in runs:
        statuses[str(run.status)] = statuses.get(str(run.status), 0) + 1
    counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    where = "live" if any(run.live for run, _ in runs) else "local" if any(run.local for run, _ in runs) else "emulated"
    total = duration_text(sum(run.seconds or 0 for run, _ in runs))
    whose = "this machine's" if where == "local" else "AI Core's"
    lines = [f"{len(runs)} training run{'s' if len(runs) > 1 else ''}, {where}: {counts}; {total} of {whose} time"]
    workflows = max(len(run.workflow) for run, _ in runs)
    for run, tests in runs:
        took = "" if run.seconds is None else duration_text(run.seconds)
        # An emulated id is not unique: after a rollback the next run has the same.
        run_id = f" {run.id}" if run.live else ""
        users = run.test if tests <= 1 else f"{tests} tests"
        note = ", as expected" if run.expected and run.status != "COMPLETED" else ""
        note += f", stopped by us: {run.stopped}" if run.stopped else ""
        cost = _cost(run, prices) if prices and run.live else ""
        for step in run.steps:
            beyond = beyond_plan(step["peak_memory"], step["plan"], step["plan_memory"])
            note += f"; {step['name']}: {beyond}" if beyond is not None else ""
        metrics = _metrics(run) if run.live or run.local else ""
        lines.append(f"{run.status:<9}{run_id} {took:>10}{cost}  {run.workflow:<{workflows}}  {users}{metrics}{note}")
    for family in families(reports):
        seconds = ["" if run.seconds is None else duration_text(run.seconds) for run in family.runs]
        lines += ["", f"{family.test.rpartition('::')[2]}, {family.workflow}:", *table(family, seconds, WIDTH)]
    return [on_one_line(line) for line in lines]


def deployments_summary(
    deployments: Sequence[DistinctDeployment], *, verbose: bool, prices: Mapping[str, Price] | None = None
) -> list[str]:
    """Return the lines about deployments: one for each. Offline there are none, unless the user asked for more.

    Args:
        deployments: each once.
        verbose: whether the user asked for more.
        prices: of an hour, by resource plan.
    """
    known = [each for each in deployments if each.deployment.id is not None]
    if not known or not (verbose or any(its.live or its.local for its, _ in known)):
        return []
    first = known[0].deployment
    where = "live" if first.live else "local" if first.local else "emulated"
    lines = [f"{len(known)} deployment{'s' if len(known) > 1 else ''}, {where}"]
    workflows = max(len(its.workflow) for its, _ in known)
    for its, tests in known:
        took = "" if its.seconds is None else duration_text(its.seconds)
        users = its.test if len(tests) == 1 else f"{len(tests)} tests"
        cost = _cost(its, prices) if prices and its.live else ""
        note = f"; answered after {duration_text(its.answered)}" if its.answered is not None else ""
        note += f", {_repeated(its.retried)}" if its.retried else ""
        note += "; resumed" if its.resumed else ""
        note += f"; stopped by us: {its.stopped}" if its.stopped else ""
        note += f"; likely: {its.diagnosis[0]['likely']}" if its.diagnosis else ""
        # An emulated id is not unique: after a rollback the next deployment has the same.
        its_id = f" {its.id}" if its.live else ""
        lines.append(f"{its.status:<9}{its_id} {took:>10}{cost}  {its.workflow:<{workflows}}  {users}{note}")
    return [on_one_line(line) for line in lines]


def gates_summary(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines about quality gates that were compared: how many passed, and each with its rules.

    Args:
        gates: of all tests, as their reports carry them.
    """
    compared = [gate for gate in gates if gate["outcome"] in ("passed", "failed", "missing")]
    if not compared:
        return []
    failed = sum(gate["outcome"] != "passed" for gate in compared)
    lines = [f"{len(compared)} quality gate{'s' if len(compared) > 1 else ''}: {len(compared) - failed} passed"]
    lines[0] += f", {failed} failed" if failed else ""
    for gate in compared:
        lines.append(gate_text(gate, f"  {gate['test'].rpartition('::')[2]}"))
        lines += [f"        {note}" for note in gate.get("chance", ())]
    return [on_one_line(line) for line in lines]


def gate_text(gate: Mapping[str, Any], test: str = "") -> str:
    """Return what became of a quality gate, in one line.

    Args:
        gate: as the reports carry it.
        test: its test, where that is not known otherwise.
    """
    rules = "; ".join(_rule(rule) for rule in gate["rules"])
    if gate["outcome"] == "missing":
        rules = "no baseline that can be compared"
    return on_one_line(f"{gate['outcome']:<7} {gate['baseline']}{test}{f': {rules}' if rules else ''}")


def _rule(rule: Mapping[str, Any]) -> str:
    if rule["problem"] is not None:
        return f"{rule['metric']} cannot be compared"
    worse = "" if rule["passed"] else " failed:"
    return f"{rule['metric']}{worse} {rule['value']:.4g} (baseline {rule['baseline']:.4g})"


def _metrics(run: RunReport) -> str:
    """Return the last values of the metrics that tests have used, so that whoever trains sees what came of it."""
    shown = [f"{name} {value:.4g}" for name, value in sorted((run.metrics or {}).items())]
    further = f", and {len(shown) - _METRICS} more" if len(shown) > _METRICS else ""
    return f"; {', '.join(shown[:_METRICS])}{further}" if shown else ""


def _cost(run: RunReport | DeploymentReport, prices: Mapping[str, Price]) -> str:
    """Return what a run cost by the table of prices, `?` where that is unknown."""
    from pytest_aicore.training.live.budget import estimate

    cost = None if run.seconds is None else estimate(run.plans, run.seconds, prices)
    return f"  {'?':>11}" if cost is None else f"  ~{f'{cost.amount:.2f} {cost.currency}'.rstrip():>10}"
