"""What a page shows of a report, in the order of importance: the templates only lay it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.quantities import beyond_plan, duration_text, usage_text
from pytest_aicore.reports.html.log_view import LogView, log_view
from pytest_aicore.reports.html.metric_view import MetricView, metric_views
from pytest_aicore.reports.html.moments import moment, moment_text
from pytest_aicore.reports.html.source_view import SourceView, source_view
from pytest_aicore.reports.html.timeline import Timeline, timeline_of
from pytest_aicore.service_facts import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WORLDS: Final = {"offline": "emulated", "local": "local", "live": "live"}
"""What the page calls the modes of the document."""
PAGE_LOGS: Final = 20_000_000
"""Characters of all logs of a page; those of failed runs come first."""
_ORDER: Final = ("failed", "running", "stopped", "expected", "prepared", "passed")
_SHOWN_VALUE: Final = 40
_SHOWN_LINE: Final = 200


@dataclass(frozen=True)
class Cause:
    """Why runs failed, as far as anybody can tell.

    Attributes:
        likely: the sentence.
        seen: the evidence, empty without one.
        remedy: what to do, empty if nobody knows.
    """

    likely: str
    seen: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class RunView:
    """A run on the page.

    Attributes:
        data: of the run, as the document has it.
        anchor: its name in the address of the page.
        state: `failed`, `running`, `stopped`, `expected` (it ended as a test wants, not COMPLETED), `prepared` (nothing
            was started) or `passed`.
        label: what tells it from other runs of its workflow.
        log: None if it is not known.
        metrics: with their baselines.
        gates: the comparisons with baselines.
    """

    data: Mapping[str, Any]
    anchor: str
    state: str
    label: str
    log: LogView | None = None
    metrics: Sequence[MetricView] = ()
    gates: Sequence[Mapping[str, Any]] = ()

    @property
    def workflow(self) -> str:
        """The file of the workflow, or the id of the executable."""
        return str(self.data["workflow"])

    @property
    def status(self) -> str:
        """The last status; in words what happened if there is none."""
        return str(self.data["status"] or ("not started" if self.state == "failed" else "prepared"))

    @property
    def took(self) -> str:
        """How long it took."""
        return "" if self.data["duration"] is None else duration_text(self.data["duration"])

    @property
    def cost(self) -> str:
        """What it cost, empty if that is not known."""
        return _money([self.data.get("cost")])

    @cached_property
    def tests(self) -> list[Mapping[str, Any]]:
        """The tests that used it, those that failed first."""
        return sorted(self.data["tests"], key=lambda test: test.get("outcome") != "failed")

    @cached_property
    def causes(self) -> list[Cause]:
        """Why it failed, the likeliest first; none if it did not."""
        if self.state != "failed":
            return []
        told = [Cause(each["likely"], each.get("seen", ""), each.get("remedy", "")) for each in self.data["diagnosis"]]
        return told or [Cause(self._said)]

    @property
    def _said(self) -> str:
        error = next((test["error"] for test in self.tests if test.get("error")), "")
        for text in (self.data["failure"], self.data.get("message"), error):
            if text:
                return first_line(str(text))
        return f"it ended {self.status}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What its steps took, in words."""
        return [
            {
                **step,
                "is_bad": step["phase"] != "Succeeded",
                "took": usage_text(step["seconds"], step["cpu_seconds"], step["peak_memory"]),
                "beyond": beyond_plan(step["peak_memory"], step["plan"], step["plan_memory"]),
            }
            for step in self.data["steps"]
        ]

    @property
    def history(self) -> list[tuple[str, str, str]]:
        """Status, time and how long after the one before, of each status."""
        found, before = [], None
        for seen in self.data["history"]:
            time = moment(seen["time"])
            after = "" if before is None or time <= before else f"after {duration_text(round(time - before, 1))}"
            found.append((str(seen["status"]), moment_text(seen["time"]), after))
            before = time
        return found

    @property
    def details(self) -> list[tuple[int, str, str]]:
        """The status details as lines: depth, name and value."""
        return list(_lines(self.data.get("details")))

    @property
    def markdown(self) -> str:
        """A failure as Markdown, to be pasted into an issue."""
        lines = [f"### {self.workflow}: {self.status}"]
        lines += [f"- {cause.likely}" + (f" ({cause.seen})" if cause.seen else "") for cause in self.causes]
        lines += [f"- what to do: {cause.remedy}" for cause in self.causes if cause.remedy]
        if self.data["execution_id"]:
            lines.append(f"- execution `{self.data['execution_id']}`")
        lines += [f"- `{test['id']}`" for test in self.tests if test.get("outcome") == "failed"]
        lines += [f"- {name} = `{value}`" for name, value in self.data["parameters"].items()]
        if self.log is not None and self.log.end:
            fence = "```"
            while fence in self.log.end:
                fence += "`"
            lines += ["", fence, self.log.end, fence]
        return "\n".join(lines)


@dataclass(frozen=True)
class FailureGroup:
    """Runs that failed for the same likely cause.

    Attributes:
        cause: the likeliest.
        runs: those that have it.
    """

    cause: Cause
    runs: Sequence[RunView]

    @property
    def error(self) -> str:
        """The line of the first run's log that tells the error, empty if the cause has it already."""
        log = self.runs[0].log
        line = cut(log.error.partition("  ")[2].strip(), _SHOWN_LINE) if log is not None else ""
        return "" if line in f"{self.cause.likely}\n{self.cause.seen}" else line


@dataclass(frozen=True)
class View:
    """The page of a report.

    Attributes:
        data: the document.
        runs: in the order of importance.
        timeline: of all runs.
    """

    data: Mapping[str, Any]
    runs: Sequence[RunView]
    timeline: Timeline
    by_state: Mapping[str, Sequence[RunView]] = field(default_factory=dict)

    @property
    def world(self) -> str:
        """The mode of the document: `offline`, `local` or `live`."""
        return str(self.data["mode"])

    @property
    def world_name(self) -> str:
        """The world as readers know it."""
        return WORLDS.get(self.world, self.world)

    @property
    def host(self) -> str:
        """Where the runs were, without the scheme."""
        if self.world == "local":
            return "this machine"
        return str(self.data["host"] or "no service was asked").removeprefix("https://")

    @property
    def verdict(self) -> str:
        """`failed`, `running` or `passed`."""
        if self.by_state.get("failed") or self.data.get("exit_status") not in (0, 5, None):
            return "failed"
        return "running" if self.by_state.get("running") else "passed"

    @property
    def headline(self) -> str:
        """What became of the session, in a few words."""
        runs, failed = len(self.runs), len(self.by_state.get("failed", ()))
        noun = "training run" if runs == 1 else "training runs"
        if failed:
            return f"{failed} of {runs} {noun} failed"
        if not runs:
            return "No training runs"
        if self.by_state.get("running"):
            return f"{len(self.by_state['running'])} of {runs} {noun} still running"
        return f"{runs} {noun}, none failed" if self.verdict == "passed" else f"{runs} {noun}; the session failed"

    @property
    def title(self) -> str:
        """The title of the page: verdict, world and host."""
        return f"{self.headline} · {self.world_name} · {self.host}"

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many runs have each status, the most frequent first."""
        return Counter(run.status for run in self.runs).most_common()

    @property
    def session_took(self) -> str:
        """How long the session took."""
        return duration_text(round(moment(self.data["ended_at"]) - moment(self.data["started_at"]), 1))

    @property
    def runs_took(self) -> str:
        """How long the runs took together, and whose time that is."""
        whose = {"live": "AI Core's time", "local": "this machine's time"}.get(self.world, "virtual time")
        return f"{duration_text(round(sum(run.data['duration'] or 0 for run in self.runs), 1))} of {whose}"

    @property
    def cost(self) -> str:
        """What the runs cost together, empty if no price is known."""
        return _money(run.data.get("cost") for run in self.runs)

    @property
    def without_price(self) -> int:
        """How many live runs have no price, where others have one."""
        priced = [run.data.get("cost") is not None for run in self.runs if run.data["duration"] is not None]
        return len(priced) - sum(priced) if any(priced) else 0

    @property
    def began(self) -> str:
        """When the session began."""
        return moment_text(self.data["started_at"], with_date=True)

    @property
    def failures(self) -> list[FailureGroup]:
        """The runs that failed, by their likeliest cause, the most frequent first."""
        groups: dict[str, list[RunView]] = {}
        for run in self.by_state.get("failed", ()):
            groups.setdefault(run.causes[0].likely, []).append(run)
        found = [FailureGroup(runs[0].causes[0], runs) for runs in groups.values()]
        return sorted(found, key=lambda group: -len(group.runs))

    @cached_property
    def sources(self) -> list[SourceView]:
        """The workflow files, those first in which something was found."""
        found = [source_view(each, number) for number, each in enumerate(self.data.get("workflows", ()), 1)]
        return sorted(found, key=lambda each: not each.findings)

    @cached_property
    def source_anchors(self) -> dict[str, str]:
        """Where the file of each workflow is on the page."""
        return {each.name: each.anchor for each in self.sources}

    @property
    def families(self) -> list[dict[str, Any]]:
        """The runs of one test that differ in their inputs, as tables."""
        return [_table(family) for family in self.data.get("families", ())]


def view_of(document: Mapping[str, Any]) -> View:
    """Return what the page of a document shows.

    Args:
        document: of `reports.document.document_of`.
    """
    numbered = list(enumerate(document["runs"], 1))
    varying = _varying(document["runs"])
    ranked = sorted(
        ((_state(run), number, run) for number, run in numbered), key=lambda each: (_ORDER.index(each[0]), each[1])
    )
    gates: dict[str, list[Mapping[str, Any]]] = {}
    for gate in document.get("gates", ()):
        gates.setdefault(str((gate.get("run") or {}).get("id")), []).append(gate)
    left, runs = PAGE_LOGS, []
    used: set[str] = set()
    for state, number, run in ranked:
        log = log_view(run.get("log"), left, has_failed=state in ("failed", "expected"))
        left -= log.size if log is not None else 0
        own = gates.get(str(run["execution_id"]), [])
        anchor = f"run-{run['execution_id'] or number}"
        if anchor in used:  # an emulated id is not unique
            anchor = f"{anchor}-{number}"
        used.add(anchor)
        runs.append(
            RunView(
                data=run,
                anchor=anchor,
                state=state,
                label=_label(run, varying[run["workflow"]]),
                log=log,
                metrics=metric_views(run, own),
                gates=own,
            )
        )
    by_state = {state: [run for run in runs if run.state == state] for state in _ORDER}
    until = None if document["mode"] == "offline" else document["ended_at"]
    return View(document, runs, timeline_of(runs, until), by_state)


def first_line(text: str) -> str:
    """Return the first line of a text that has something in it.

    Args:
        text: of any number of lines.
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _state(run: Mapping[str, Any]) -> str:
    tests = run["tests"]
    outcomes = [test.get("outcome") for test in tests]
    if "failed" in outcomes:
        return "failed"
    was_wanted = any(test["as_expected"] for test in tests)
    # A test that passed has seen how the run ended, and wanted it so.
    was_wanted |= "passed" in outcomes and any(test.get("looked") for test in tests)
    if run["failure"] and not was_wanted:
        return "failed"
    if run["execution_id"] is None:
        return "prepared"
    if run["status"] not in FINAL_STATUSES:
        return "expected" if run["failure"] else "running"
    if run.get("stopped"):
        return "stopped"
    if run["status"] == "COMPLETED":
        return "passed"
    return "expected" if was_wanted else "failed"


def _inputs(run: Mapping[str, Any]) -> dict[str, str]:
    return {**run["parameters"], **{name: each["url"] for name, each in run["artifacts"].items()}}


def _varying(runs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the names of the inputs in which the runs of each workflow differ.

    A parameter that was not given has its default; an artifact that was not given is a run that never started.
    """
    of_workflow: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        of_workflow.setdefault(run["workflow"], []).append(run)
    found = {}
    for workflow, its in of_workflow.items():
        parameters = dict.fromkeys(name for run in its for name in run["parameters"])
        artifacts = dict.fromkeys(name for run in its for name in run["artifacts"])
        found[workflow] = [name for name in parameters if len({run["parameters"].get(name) for run in its}) > 1]
        found[workflow] += [
            name
            for name in artifacts
            if len({run["artifacts"][name]["url"] for run in its if name in run["artifacts"]}) > 1
        ]
    return found


def _label(run: Mapping[str, Any], names: Sequence[str]) -> str:
    inputs = _inputs(run)
    values = [f"{name}={cut(inputs[name])}" for name in names if name in inputs]
    test = run["tests"][0]["id"].rpartition("::")[2] if run["tests"] else ""
    return ", ".join(values) or test


def cut(text: str, most: int = _SHOWN_VALUE) -> str:
    """Return a text that is not longer than a number of characters.

    Args:
        text: the text.
        most: the number.
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _money(costs: Iterable[Mapping[str, Any] | None]) -> str:
    """Return sums of money, one for each currency."""
    sums: Counter[str] = Counter()
    for cost in costs:
        if cost is not None:
            sums[str(cost["currency"])] += cost["amount"]
    return " + ".join(f"~{amount:.2f} {currency}".rstrip() for currency, amount in sums.items())


def _lines(value: object, depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Yield data of any shape as lines: depth, name and value."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value, 1) if isinstance(value, list) else ()
    for name, inner in items:
        if isinstance(inner, (Mapping, list)) and inner:
            yield depth, str(name), ""
            yield from _lines(inner, depth + 1)
        else:
            yield depth, str(name), "" if inner is None else str(inner)


def _table(family: Mapping[str, Any]) -> dict[str, Any]:
    """Return a family as a table whose last rows differ from the first in what stands in bold."""
    metrics = sorted({name for run in family["runs"] for name in run["metrics"] or {}})
    best = {
        name: {"highest": max(values), "lowest": min(values)}
        for name in metrics
        if (values := [run["metrics"][name] for run in family["runs"] if name in (run["metrics"] or {})])
    }
    rows = [
        {
            "id": run["execution_id"],
            "inputs": [cut(str("" if run.get(name) is None else run[name])) for name in family["varying"]],
            "status": run["status"],
            "took": "" if run["duration"] is None else duration_text(run["duration"]),
            "values": [(run["metrics"] or {}).get(name) for name in metrics],
        }
        for run in family["runs"]
    ]
    return {
        "test": family["test"].rpartition("::")[2],
        "workflow": family["workflow"],
        "varying": family["varying"],
        "metrics": metrics,
        "rows": rows,
        "best": best,
    }
