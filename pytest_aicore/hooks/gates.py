"""Quality gates in a pytest session: which baseline a test means, in which world, and what became of its gates."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.baselines.document import Baseline, Document, parse
from pytest_aicore.baselines.gate import set_gate
from pytest_aicore.baselines.origin import Origin
from pytest_aicore.baselines.verdict import Verdict, changes_table, not_repeated, same_seed, table
from pytest_aicore.errors import AicoreError, BaselineError, GateError, did_you_mean, listing, our_message
from pytest_aicore.hooks import failing_plainly
from pytest_aicore.hooks.context import hiding_of
from pytest_aicore.hooks.verdicts import await_with_body
from pytest_aicore.hooks.workflow_files import WRITTEN, write_lines
from pytest_aicore.reports.model import CARRIED_GATES, encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from pytest_aicore.baselines.gate import Subject
    from pytest_aicore.baselines.rules import Rule
    from pytest_aicore.baselines.values import Values
    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.session.session import Session
    from pytest_aicore.training.run import Run

__tracebackhide__ = our_message

PLUGIN_NAME = "aicore-gates"


class Gates:
    """The hooks: each test has a gate of its own, and its report what became of it.

    Args:
        config: of pytest.
        session: which world it is in.
        runs: returns the runs that a test has used.
    """

    def __init__(self, config: pytest.Config, session: Session, runs: Callable[[pytest.Item], Iterable[Run]]) -> None:
        self.config = config
        self.session = session
        self.settings = session.settings
        self.root = config.rootpath
        self.written: dict[tuple[Path, str | None], Baseline] = {}
        self.seen: list[tuple[Origin, dict[str, float]]] = []
        self._runs = runs
        self._test: TestGate | None = None
        self._outer = set_gate(None)  # of a session in whose test this one runs

    def follow(self, item: pytest.Item) -> TestGate:
        """Let a test compare with baselines from now on, and return its gate.

        Args:
            item: the test that is running.
        """
        if self._test is None or self._test.item is not item:
            self._test = TestGate(self, item)
        set_gate(self._test)
        return self._test

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Set the gate for the time of a test."""
        self._test = None
        self.follow(item)
        try:
            return (yield)
        finally:
            self._test = None
            set_gate(self._outer)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add what became of the gates to the last report of a test: pytest-xdist carries it."""
        report = yield
        test = self._test
        if test is None or test.item is not item:
            return report
        if call.when == "call":
            test.is_over = True
        if call.when == "teardown" and test.results:
            from pytest_aicore.reports.terminal import gate_text

            results = encodable(hiding_of(self.config).redact.data(test.results))
            setattr(report, CARRIED_GATES, results)
            report.user_properties += [("aicore_gate", gate_text(each)) for each in results]
        return report

    def pytest_unconfigure(self) -> None:
        """Leave nothing to sessions that follow in this process."""
        set_gate(self._outer)

    def runs_of(self, item: pytest.Item) -> list[Run]:
        """Return the runs that a test has used and that have ended."""
        return [run for run in self._runs(item) if run.training.made is not None]

    def shown(self, file: Path) -> str:
        """Return a file as messages and reports name it: relative to the root of the project."""
        return file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else str(file)


class TestGate:
    """Compares for one test.

    Args:
        gates: of the session.
        item: the test.
    """

    __test__ = False

    def __init__(self, gates: Gates, item: pytest.Item) -> None:
        self.item = item
        self.is_over = False
        self.results: list[dict[str, Any]] = []
        self.gates = gates
        self._deployments: list[Deployment] = []
        self._redact = hiding_of(gates.config).redact.data

    def note(self, deployment: Deployment) -> None:
        """Note that the test has used a deployment, which values of the test may come from.

        Args:
            deployment: which.
        """
        self._deployments.append(deployment)

    def named(self, file: Path) -> str:
        """Return the baseline of this test as messages and reports name it.

        Args:
            file: which holds it.
        """
        shown, parameter_set = self.gates.shown(file), self.parameter_set
        return shown if parameter_set is None else f"{shown}[{parameter_set}]"

    @property
    def parameter_set(self) -> str | None:
        """The id of the test's parameter set, None without one."""
        callspec = getattr(self.item, "callspec", None)
        return None if callspec is None else str(callspec.id)

    @property
    def _update_command(self) -> str:
        """The command that updates the baseline of this test."""
        return f"pytest {self.gates.settings.real_option} --aicore-update {shlex.quote(self.item.nodeid)}"

    def compare(self, subject: Subject, path: str | os.PathLike[str], rules: Mapping[str, Rule]) -> None:
        """Compare with a baseline, or have it updated once the body of the test has passed.

        Raises:
            GateError: a rule does not hold.
            BaselineError: there is no such baseline, or it cannot be used or updated.
            ContractError: the file would be outside of the project, or cannot be read.
        """
        __tracebackhide__ = True
        from pytest_aicore.workflows.contracts.goldens import read_golden

        file = Path(os.path.normpath(self.item.path.parent / path))
        shown = self.gates.shown(file)
        document = parse(read_golden(file, self.gates.root, "baseline"), shown)
        settings = self.gates.settings
        named = self.named(file)
        if not self.gates.session.trains:
            self._leave_out(named)
        origin = self._origin(subject)
        if settings.update.value:
            self._update(subject, rules, file, origin)
            return
        baseline = document.get(self.parameter_set)
        if baseline is None:
            self._note(named, "missing")
            raise BaselineError(self._missing(file, shown, document))
        self._require_same_executable(named, baseline.origin, origin)
        verdict = self._verdict(named, subject, rules, baseline, origin)
        self.results.append({"test": self.item.nodeid, **verdict.data()})
        if not verdict.passed:
            raise GateError(f"{verdict.text}\nIf the new values are correct: {self._update_command}")

    def _note(self, named: str, outcome: str) -> None:
        self.results.append({"test": self.item.nodeid, "baseline": named, "outcome": outcome, "rules": []})

    def _leave_out(self, named: str) -> None:
        """Skip the test: nothing may pass, and nothing may be written, where nothing was trained."""
        __tracebackhide__ = True
        live = self.gates.session.live
        why = "the server of this rehearsal plays scripts" if live else "nothing is trained in the emulated world"
        remedy = "pytest-aicore serve --local" if live else "--aicore-local or --aicore-live"
        if self.gates.settings.update.value:
            raise BaselineError(
                f"--aicore-update does not write the baseline '{named}': {why}. Train with {remedy}, or deselect this"
                " test."
            )
        self._note(named, "skipped")
        pytest.skip(f"baseline '{named}' was not compared: {why}; {remedy} trains")

    def _origin(self, subject: Subject) -> Origin:
        settings = self.gates.settings
        found = subject.origin
        if found is None:
            trained = [run.training.origin for run in self.gates.runs_of(self.item)]
            used = {origin.id: origin for origin in [each.origin for each in self._deployments] or trained}
            found = next(iter(used.values())) if len(used) == 1 else Origin()
        found = found.cleaned(self._redact)
        return replace(found, world="live" if settings.live.value else "local")

    def _verdict(
        self, named: str, subject: Subject, rules: Mapping[str, Rule], baseline: Baseline, origin: Origin
    ) -> Verdict:
        rows = subject.rows(rules, baseline)
        differ = any(row.differs for row in rows)
        chance, repeatable = same_seed(rows, baseline.origin, origin, self._commit() if differ else None)
        values = {row.name: row.value for row in rows if row.value is not None}
        for other, its_values in self.gates.seen:
            differing = [name for name in values if its_values.get(name, values[name]) != values[name]]
            if origin.seeds and other.id != origin.id and origin.has_inputs_of(other) and differing:
                chance.append(not_repeated(differing, origin, other))
                repeatable = False
                break
        self.gates.seen.append((origin, values))
        return Verdict(named, rows, baseline.origin, origin, chance, repeatable)

    def _require_same_executable(self, named: str, before: Origin, now: Origin) -> None:
        if None not in (before.executable, now.executable) and before.executable != now.executable:
            self._note(named, "missing")
            raise BaselineError(
                f"The baseline '{named}' is of the executable {before.executable!r} ({before}), and this run is of"
                f" {now.executable!r} ({now}). Give each a baseline of its own, or update this one:"
                f" {self._update_command}"
            )

    def _missing(self, file: Path, shown: str, document: Document) -> str:
        update = f"To accept the values of this run: {self._update_command}"
        if document.single is None and not document.sets:
            beside = sorted(each.name for each in file.parent.glob("*.json")) if file.parent.is_dir() else []
            return f"The baseline does not exist: '{shown}'.{did_you_mean(file.name, beside)}\n{update}"
        wanted, known = self.parameter_set, [*document.sets]
        has = listing(known, "none")
        if wanted is None:
            return f"The baseline '{shown}' is of a parametrized test ({has}), and this one is not.\n{update}"
        hint = did_you_mean(wanted, known)
        return f"The baseline '{shown}' has no parameter set {wanted!r}.{hint} It has: {has}.\n{update}"

    # Updates --------------------------------------------------------------------------------------------------------

    def _update(self, subject: Subject, rules: Mapping[str, Rule], file: Path, origin: Origin) -> None:
        if self.is_over:
            raise BaselineError("--aicore-update: a baseline is written when the body of a test has passed, not later.")
        steps = {rule.at for rule in rules.values() if isinstance(rule.at, int)}
        origin = origin.made_in(str(origin.world), f"{datetime.now(timezone.utc):%Y-%m-%d}", self._commit())
        values = {name: _kept(each, steps) for name, each in subject.values.items()}
        answers = subject.answers if subject.keeps_answers else None
        baseline = Baseline(values, origin, subject.golden, self._redact(answers))
        lacking = subject.lacking(rules)
        if lacking:
            head = "--aicore-update: not every rule has a value, so nothing is written."
            raise GateError("\n".join([head, *table(lacking)]))
        await_with_body(self.item, _Update(self, subject, rules, file, baseline))

    def _commit(self) -> str | None:
        from pytest_aicore.workflows.contracts.revision import open_revision

        try:
            return open_revision("HEAD", self.gates.root).commit
        except AicoreError:
            return None


@contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Let no other process update a baseline meanwhile: each keeps what others have written for their tests.

    The lock is not beside the baseline, where it would be committed. Where nothing can be locked, this goes on without.

    Args:
        file: of the baseline.

    Raises:
        RunError: another process holds it for too long.
    """
    from pytest_aicore.training.live.locks import held
    from pytest_aicore.workflows.cache import cache_folder

    name = sha256(os.path.realpath(file).encode()).hexdigest()[:16]
    with ExitStack() as exits:
        with suppress(OSError):
            exits.enter_context(held((cache_folder() or Path(tempfile.gettempdir())) / "locks" / f"{name}.lock"))
        yield


def _kept(values: Values, steps: set[int]) -> Values:
    """Return what a baseline keeps of a metric: of its steps only those that a rule names."""
    return replace(values, steps={step: value for step, value in values.steps.items() if step in steps}, labels=())


class _Update:
    """An update of a baseline that happens when the body of its test has passed.

    Args:
        test: whose baseline it is.
        subject: what was compared.
        rules: by what.
        file: which holds the baseline.
        baseline: the new one.
    """

    def __init__(
        self, test: TestGate, subject: Subject, rules: Mapping[str, Rule], file: Path, baseline: Baseline
    ) -> None:
        self._test = test
        self._gates = test.gates
        self._subject = subject
        self._rules = rules
        self._file = file
        self._baseline = baseline

    def finish(self) -> None:
        """Show the changes, then write them."""
        with failing_plainly(), alone_with(self._file):
            self._write()

    def _write(self) -> None:
        from pytest_aicore.workflows.contracts.goldens import read_golden, write_golden

        gates, parameter_set, named = self._gates, self._test.parameter_set, self._test.named(self._file)
        document = parse(read_golden(self._file, gates.root, "baseline"), gates.shown(self._file))
        before, new = document.get(parameter_set), self._baseline
        key = (self._file, parameter_set)
        if key in gates.written:
            new = self._together(named, gates.written[key])
        gates.written[key] = new
        note = {"test": self._test.item.nodeid, "baseline": named, "rules": [], "run": new.origin.data()}
        if before is not None and new.is_same_as(before):
            write_lines(gates.config, [f"--aicore-update: baseline '{named}' is up to date"])
            self._test.results.append({**note, "outcome": "unchanged"})
            return
        write_lines(gates.config, self._lines(named, before, new))
        document.put(parameter_set, new)
        write_golden(self._file, gates.root, document.text(), "baseline")
        gates.config.stash[WRITTEN].append(self._file)
        self._test.results.append({**note, "outcome": "updated"})

    def _together(self, named: str, earlier: Baseline) -> Baseline:
        """Return the baseline with what another gate has kept of the same run."""
        new = self._baseline
        both = set(new.values) & set(earlier.values)
        differing = [name for name in both if new.values[name].last != earlier.values[name].last]
        if new.origin.id != earlier.origin.id or differing:
            raise BaselineError(
                f"--aicore-update: two runs of this session are to be the baseline '{named}': {earlier.origin}; and"
                f" {new.origin}. Give each test a baseline of its own, or make them parameter sets of one test."
            )
        return new.with_those_of(earlier)

    def _lines(self, named: str, before: Baseline | None, new: Baseline) -> list[str]:
        lines = [f"--aicore-update: baseline '{named}'", f"  now:    {new.origin}"]
        if before is None:
            return [*lines, *changes_table(new.values, {})]
        lines.append(f"  before: {before.origin}")
        rest = {name: values for name, values in new.values.items() if name not in self._rules}
        gone = {name: values for name, values in before.values.items() if name not in self._rules}
        return [*lines, *table(self._subject.rows(self._rules, before)), *changes_table(rest, gone)]


__all__ = ["PLUGIN_NAME", "Gates", "TestGate"]
