"""Any line whatever in a ledger: reading it raises nothing, loses no good line, and what was skipped is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_aicore.cli import sweep as sweeping
from pytest_aicore.training.live.ledger import EXECUTION, Entry, FileLedger
from pytest_aicore.training.live.ledger_lines import DamagedLineError, read_line
from pytest_aicore.training.service.credentials import from_service_key

if TYPE_CHECKING:
    from pathlib import Path

FACTS: dict[str, Any] = {"host": "https://h", "resource_group": "default", "workflow": "w.yaml", "time": 1000.0}
GOOD: list[dict[str, Any]] = [
    {
        "event": "opened",
        "session": "s",
        "process": "s-1",
        "host": "https://h",
        "resource_group": "default",
        "time": 1.0,
    },
    {"event": "run", "run": "r", "session": "s", "key": "k", "place": "test_it.py:1", "scenario": "c", **FACTS},
    {"event": "checked", "session": "s", "executable": "x", "found": None},
    {"event": "intends", "run": "r", "stage": "artifacts", "process": "s-1", "time": 1001.0},
    {"event": "made", "run": "r", "stage": "artifacts", "result": {"data": {"id": "a1", "url": "ai://default/data"}}},
    {"event": "intends", "run": "r", "stage": "configuration", "process": "s-1", "time": 1001.5, "name": "n"},
    {"event": "made", "run": "r", "stage": "configuration", "result": {"id": "c1"}},
    {
        "event": "intends",
        "run": "r",
        "stage": "execution",
        "process": "s-1",
        "time": 1002.0,
        "configuration": "c1",
        "others": [],
    },
    {"event": "made", "run": "r", "stage": "execution", "result": {"id": "e1"}},
    {"event": "running", "run": "r", "time": 1003.0},
]
"""A ledger of the first version that wrote one; its lines have no ids of their own."""
OTHER: list[dict[str, Any]] = [
    {"event": "failed", "run": "r", "stage": "execution", "why": "no", "in_doubt": True},
    {"event": "ended", "run": "r", "status": "COMPLETED", "seconds": 4.0},
    {"event": "stops", "run": "r", "reason": "because", "why": "it was stopped."},
    {"event": "stopping", "run": "r", "time": 1.0, "executions": ["e1"], "why": "because"},
    {"event": "lost", "run": "r"},
    {"event": "kept", "run": "r"},
    {"event": "gone", "run": "r"},
    {"event": "adopted", "run": "r", "session": "t"},
    {"event": "wanted", "run": "r", "tests": ["t"]},
    {"event": "unwanted", "run": "r"},
    {"event": "waits", "run": "r", "process": "s-1", "time": 1.0},
    {"event": "done", "session": "s", "tests": ["t"]},
    {"event": "closed", "session": "s"},
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([10**400, -1, 1e300, "..", "a/b", "\ud800", "\0", "x" * 5000, "e1\n::error::"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged_lines(draw: st.DrawFn) -> bytes:
    """A line of a ledger, of which something is another value, or missing; it is about another run or session."""
    line: dict[str, Any] = dict(draw(st.sampled_from([*GOOD, *OTHER])))
    line |= {name: f"other-{line[name]}" for name in ("run", "session") if name in line}
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(sorted(line)))
        if draw(st.booleans()):
            line.pop(name)
        elif name not in ("run", "session") or draw(st.booleans()):
            value = draw(json_values)
            line[name] = value if value not in ("r", "s") else None
        if not line:
            break
    return json.dumps(line).encode()


any_lines = st.one_of(
    damaged_lines(),
    st.binary(max_size=60).filter(lambda line: b"\n" not in line),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b'{"event": 1e400}', b"\xff\xfe", b"\0" * 9]),
)


def is_damaged(line: bytes) -> bool:
    """Tell whether a line that is not blank cannot be read."""
    try:
        return bool(line.strip()) and not read_line(line)
    except DamagedLineError:
        return True


class NothingRuns:
    """A service on which nothing runs."""

    def __init__(self, _: object) -> None:
        pass

    def service_now(self) -> float | None:
        """Return nothing: the service does not tell its time."""
        return None

    def unfinished(self) -> list[Any]:
        """Return nothing."""
        return []

    def executions_of(self, _: str) -> list[str]:
        """Return no execution."""
        return []

    def stop(self, _: str) -> None:
        """Do as asked."""


class FastClock:
    """A clock whose sleepers do not wait."""

    def __init__(self) -> None:
        self.moment = 2000.0

    def now(self) -> float:
        """Return the time."""
        return self.moment

    def monotonic(self) -> float:
        """Return the time."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += seconds


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), any_lines), max_size=6))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_line_harms_no_other_and_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    inserted: list[tuple[int, bytes]],
) -> None:
    lines = [json.dumps(line).encode() for line in GOOD]
    for index, line in sorted(inserted, key=lambda each: each[0], reverse=True):
        lines.insert(index, line)
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    ledger = FileLedger(file, "next")
    ledger.refresh()
    entry = ledger.entries["r"]
    assert (entry.execution_id, entry.configuration_id, entry.running_since) == ("e1", "c1", 1003.0)
    assert entry.stages["artifacts"].result == {"data": {"id": "a1", "url": "ai://default/data"}}
    assert entry in ledger.leftover("https://h", "default")
    damaged = sum(map(is_damaged, lines))
    runs = sum(b'"run"' in line and not is_damaged(line) and read_line(line)["event"] == "run" for line in lines)
    damaged += runs - len(ledger.entries)  # of the same id
    said = [problem for problem in ledger.problems if " cannot be read and " in problem]
    number = f"{damaged} line" if damaged == 1 else f"{damaged} lines"
    assert [each.split(" of the ledger ")[0] for each in said] == ([number] if damaged else [])

    for api in ("TrainingApi", "DeploymentApi"):
        monkeypatch.setattr(sweeping, api, NothingRuns)
    monkeypatch.setattr(sweeping, "RealClock", FastClock)
    key = {"clientid": "c", "clientsecret": "s", "url": "https://t", "serviceurls": {"AI_API_URL": "https://h"}}
    monkeypatch.setattr(sweeping, "_credentials", lambda _: from_service_key(key, "test"))
    for older_than in (None, "0s"):
        status = sweeping.sweep(
            ledger_file=file, service_key=None, resource_group=None, older_than=older_than, dry_run=False
        )
        assert status in (0, 1)
        text = capsys.readouterr().out
        assert "e1 of w.yaml, started 16m40s ago by test_it.py:1: is being stopped" in text or older_than
        assert damaged == 0 or " cannot be read and " in text


def read(tmp_path: Path, *lines: dict[str, Any] | bytes) -> FileLedger:
    """Return a ledger of some lines."""
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(
        b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines) + b"\n"
    )
    ledger = FileLedger(file, "next")
    ledger.refresh()
    return ledger


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'"opened"', "not a JSON object"),
        (b'["event"]', "not a JSON object"),
        (b'{"event": "melted"}', "unknown event"),
        (b'{"event": ["run"]}', "unknown event"),
        (b"{}", "unknown event"),
        (b'{"event": "running", "run": "r", "time": 1e400}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": NaN}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": -0.1}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": true}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": "1"}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": 253402300800}', "running: invalid time"),
        (b'{"event": "running", "run": "r", "time": 1' + b"0" * 400 + b"}", "running: invalid time"),
        (b'{"event": "running", "run": "../r", "time": 1}', "running: invalid run"),
        (b'{"event": "running", "run": "", "time": 1}', "running: invalid run"),
        (b'{"event": "running", "time": 1}', "running: invalid run"),
        (b'{"event": "lost", "run": "r", "id": 5}', "lost: invalid id"),
        (b'{"event": "closed", "session": "a/b"}', "closed: invalid session"),
        (b'{"event": "closed", "session": "\\u0000"}', "closed: invalid session"),
        (b'{"event": "made", "run": "r", "stage": "execution", "result": {}}', "made: invalid result"),
        (b'{"event": "made", "run": "r", "stage": "execution", "result": "e1"}', "made: invalid result"),
        (b'{"event": "made", "run": "r", "stage": "execution", "result": {"id": ".."}}', "made: invalid result"),
        (b'{"event": "made", "run": "r", "stage": "execution", "result": {"id": "a/b"}}', "made: invalid result"),
        (b'{"event": "made", "run": "r", "stage": "execution", "result": {"id": true}}', "made: invalid result"),
        (b'{"event": "made", "run": "r", "stage": "artifacts", "result": {"data": 1}}', "made: invalid result"),
        (
            b'{"event": "made", "run": "r", "stage": "artifacts", "result": {"data": {"id": "a"}}}',
            "made: invalid result",
        ),
        (b'{"event": "made", "run": "r", "stage": "end", "result": {"id": "a"}}', "made: invalid stage"),
        (
            b'{"event": "failed", "run": "r", "stage": "execution", "why": "w", "in_doubt": 1}',
            "failed: invalid in_doubt",
        ),
        (b'{"event": "wanted", "run": "r", "tests": "t"}', "wanted: invalid tests"),
        (b'{"event": "wanted", "run": "r", "tests": [1]}', "wanted: invalid tests"),
        (json.dumps({**GOOD[1], "host": "https://h\n"}).encode(), "run: invalid host"),
        (json.dumps({**GOOD[1], "resource_group": "gr\u00fcn"}).encode(), "run: invalid resource_group"),
        (json.dumps({**GOOD[1], "key": None}).encode(), "run: invalid key"),
    ],
)
def test_damaged_line_says_where_and_why(tmp_path: Path, line: bytes, why: str) -> None:
    ledger = read(tmp_path, b"", GOOD[1], line)
    assert ledger.entries["r"] == read(tmp_path, GOOD[1]).entries["r"]
    ledger = read(tmp_path, b"", GOOD[1], line)
    assert ledger.problems == [f"1 line of the ledger {ledger.file} cannot be read and was skipped; line 3: {why}."]


@pytest.mark.parametrize("moment", [0, 0.0, 253402300799])
def test_first_and_last_moment(moment: float) -> None:
    assert read_line(json.dumps({"event": "running", "run": "r", "time": moment}).encode())["time"] == moment


def test_ids_of_ai_core_may_be_numbers(tmp_path: Path) -> None:
    made = {"event": "made", "run": "r", "stage": "execution", "result": {"id": 5}}
    assert read(tmp_path, GOOD[1], made).entries["r"].execution_id == "5"


def test_several_damaged_lines_are_counted(tmp_path: Path) -> None:
    ledger = read(tmp_path, b"a", GOOD[1], b"b")
    (problem,) = ledger.problems
    assert problem == f"2 lines of the ledger {ledger.file} cannot be read and were skipped; line 1: not JSON."


def test_line_that_is_cut_off_is_read_when_its_end_comes(tmp_path: Path) -> None:
    ledger = read(tmp_path, GOOD[1])
    line = json.dumps(GOOD[9]).encode()
    with ledger.file.open("ab") as file:
        file.write(line[:20])
        file.flush()
        ledger.refresh()
        assert ledger.problems == [
            f"1 line of the ledger {ledger.file} cannot be read and was skipped; line 2: cut off."
        ]
        file.write(line[20:] + b"\n")
    ledger.refresh()
    assert ledger.problems == []
    assert ledger.entries["r"].running_since == 1003.0


def test_last_line_needs_no_end(tmp_path: Path) -> None:
    """Some editors take it."""
    ledger = read(tmp_path, GOOD[1])
    with ledger.file.open("ab") as file:
        file.write(json.dumps(GOOD[9]).encode())
    ledger.refresh()
    assert ledger.entries["r"].running_since == 1003.0
    ledger.record("lost", run="r")
    assert (ledger.entries["r"].lost, ledger.problems) == (True, [])
    other = FileLedger(ledger.file, "other")
    other.refresh()
    assert (other.entries, other.problems) == (ledger.entries, [])


def test_events_before_their_run_are_not_lost(tmp_path: Path) -> None:
    mixed = read(tmp_path, *(line for line in reversed(GOOD)))
    assert mixed.problems == []
    expected = read(tmp_path, *GOOD).entries["r"]
    assert mixed.entries["r"] == expected


def test_events_whose_run_is_missing_are_said(tmp_path: Path) -> None:
    ledger = read(tmp_path, *GOOD[2:], {"event": "lost", "run": "q"})
    (problem,) = ledger.problems
    assert problem == (
        f"the ledger {ledger.file} has events of 2 runs whose first line is missing, among them the executions e1."
        " `pytest-aicore sweep --older-than T` finds what still runs by its name."
    )


def test_run_that_is_told_twice_is_the_first(tmp_path: Path) -> None:
    ledger = read(tmp_path, *GOOD, {**GOOD[1], "session": "thief", "host": "https://elsewhere"})
    assert ledger.entries["r"] == read(tmp_path, *GOOD).entries["r"]
    assert ledger.entries["r"].session == "s"


def test_half_a_character_can_be_printed(tmp_path: Path) -> None:
    ledger = read(tmp_path, {**GOOD[1], "workflow": "w\ud800.yaml"})
    assert ledger.entries["r"].facts["workflow"] == "w?.yaml"


def test_digits_beyond_what_python_reads_are_damage(tmp_path: Path) -> None:
    line = b'{"event": "running", "run": "r", "time": ' + b"1" * 5000 + b"}"
    (problem,) = read(tmp_path, GOOD[1], line).problems
    assert problem.endswith((" line 2: not JSON.", " line 2: running: invalid time."))  # older ones read any number


def test_fresh_entry_is_of_nobody() -> None:
    entry = Entry("r", "s", "k", {})
    assert not entry.is_open
    assert not entry.has_begun
    assert not entry.owns_configuration
    assert (entry.execution_id, entry.configuration_id) == (None, None)


def test_entry_whose_execution_is_about_to_be_started() -> None:
    entry = Entry("r", "s", "k", {})
    entry.take("intends", read_line(json.dumps(GOOD[7]).encode()))
    assert entry.is_open
    assert entry.has_begun
    assert entry.owns_configuration
    assert (entry.execution_id, entry.configuration_id) == (None, "c1")
    assert entry.stages[EXECUTION].intent["others"] == []
