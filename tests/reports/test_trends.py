"""`pytest-aicore report`: shards of a session, and sessions over days, from real sessions and from made documents."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli.command_line import main
from pytest_aicore.reports.html.trend_page import trend_page
from pytest_aicore.reports.merging import sessions_of
from pytest_aicore.reports.trends import is_higher_better, trends_of
from tests.hostile import acting
from tests.reports.html_reading import read
from tests.reports.test_html_page import HOSTILE, hostile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.reports.trends import Training

SESSION = """
import os
import pytest

def tutorial(**more):
    return pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"}, **more)

@tutorial(emulated={"metrics": {"accuracy": [0.5, float(os.environ.get("ACCURACY", "0.9"))]}})
def test_accuracy(aicore_execution): aicore_execution.metrics

@tutorial(parameters={"DEPTH": "4"})
@pytest.mark.aicore_script(outcome=os.environ.get("OUTCOME", "COMPLETED"))
def test_depth(aicore_execution): pass

@tutorial(parameters={"DEPTH": "4"}, expect="DEAD")
@pytest.mark.aicore_script(outcome="DEAD")
def test_alarm(aicore_execution): pass
"""


def session(project: pytest.Pytester, name: str, *arguments: str, day: int = 28) -> dict[str, Any]:
    """Run the tests, write their report, and return it; the session was on a day of November."""
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess(f"--aicore-report={name}", "-rN", *arguments)
    path = project.path / name
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key in ("started_at", "ended_at"):
        found[key] = f"2026-11-{day:02}{found[key][10:]}"
    path.write_text(json.dumps(found), encoding="utf-8")
    return found


def report(*arguments: str) -> int:
    """Run the command in this process."""
    return main(["report", *arguments])


# Documents that are made for a test ------------------------------------------------------------------------------------


def a_run(status: str = "COMPLETED", *, test: str = "test_it.py::test_it", failed: bool = False, **more: Any) -> Any:
    """Return a run of one test."""
    failed = failed or status != "COMPLETED"
    return {
        "identity": "1234",
        "workflow": "churn.yaml",
        "workflow_hash": "aaaa",
        "executable": "churn",
        "scenario": "churn",
        "configuration_id": "c",
        "artifacts": {},
        "parameters": {},
        "execution_id": "e1",
        "status": status,
        "history": [{"status": status, "time": "2026-11-01T02:00:00Z"}],
        "duration": 60.0,
        "outputs": [],
        "plans": ["starter"],
        "cost": None,
        "stopped": None,
        "metrics": None,
        "tests": [
            {
                "id": test,
                "expected": "COMPLETED",
                "as_expected": not failed,
                "looked": True,
                "outcome": "failed" if failed else "passed",
                "error": "",
            }
        ],
        "diagnosis": [],
        "failure": None,
        "steps": [],
        "message": "",
        "details": None,
        "log": None,
        "series": {},
        "requests": [],
        **more,
    }


def a_document(*runs: Any, day: int = 28, hour: int = 2, file: str = "", **more: Any) -> dict[str, Any]:
    """Return the report of a session."""
    return {
        "document": "pytest-aicore report",
        "version": 1,
        "mode": "offline",
        "host": None,
        "resource_group": "default",
        "started_at": f"2026-11-{day:02}T{hour:02}:00:00.000000Z",
        "ended_at": f"2026-11-{day:02}T{hour:02}:30:00.000000Z",
        "exit_status": int(any(test["outcome"] == "failed" for run in runs for test in run.get("tests", ()))),
        "runs": list(runs),
        "file": file or f"{day}-{hour}.json",
        **more,
    }


def training_of(*documents: dict[str, Any]) -> Training:
    """Return the only training of sessions."""
    (training,) = trends_of(sessions_of(documents)).trainings
    return training


# Identities -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_known_again_and_so_is_the_content_of_its_file(project: pytest.Pytester) -> None:
    first = session(project, "first.json")
    identities = {run["tests"][0]["id"]: run["identity"] for run in first["runs"]}
    assert len(set(identities.values())) == 3  # what the emulator is told to do is part of a plan
    (hashed,) = {run["workflow_hash"] for run in first["runs"]}
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in (hashed, *identities.values()))
    workflow = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = workflow.read_bytes()
    workflow.write_bytes(text.replace(b"\n", b"\r\n"))
    again = session(project, "again.json")
    assert {run["tests"][0]["id"]: run["identity"] for run in again["runs"]} == identities
    assert {run["workflow_hash"] for run in again["runs"]} == {hashed}
    workflow.write_bytes(text + b"# changed\n")
    changed = session(project, "changed.json")
    assert {run["tests"][0]["id"]: run["identity"] for run in changed["runs"]} == identities
    assert hashed not in {run["workflow_hash"] for run in changed["runs"]}


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_workers_of_xdist_are_one_session(project: pytest.Pytester) -> None:
    alone = session(project, "alone.json")
    workers = session(project, "workers.json", "-p", "xdist", "-n2")
    assert sorted(run["identity"] for run in alone["runs"]) == sorted(run["identity"] for run in workers["runs"])
    assert [each.verdict for each in trends_of(sessions_of([alone | {"file": "a"}, workers | {"file": "b"}])).trainings]


# Shards ---------------------------------------------------------------------------------------------------------------


def test_shards_of_two_machines_are_one_report(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    monkeypatch.setenv("OUTCOME", "DEAD")
    one = session(project, "shards/one.json", "-k", "accuracy")
    session(project, "shards/two.json", "-k", "not accuracy")
    assert one["build"] == "GITHUB_RUN_ID/4711/2"
    capsys.readouterr()
    monkeypatch.chdir(project.path)
    assert report("shards", "--html", "all.html") == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 of 3 training runs failed",
        "  training_workflow_tutorial.yaml DEPTH=4: DEAD: the training program failed: RuntimeError: training failed",
        "all.html written",
    ]
    shown = read(Path("all.html").read_text(encoding="utf-8"))
    assert shown.one("h1").text == "1 of 3 training runs failed"
    assert len(list(shown.all("details", class_="run"))) == 3


@pytest.mark.parametrize(
    ("more", "files"),
    [
        ({"build": "GITHUB_RUN_ID/1"}, 1),
        ({"build": "GITHUB_RUN_ID/2"}, 2),
        ({"build": "GITHUB_RUN_ID/1", "mode": "local"}, 2),
        ({"build": "GITHUB_RUN_ID/1", "runs": [a_run()]}, 2),  # the same test: another Python, not another shard
    ],
    ids=["build", "other-build", "other-world", "same-test"],
)
def test_which_reports_are_shards(more: dict[str, Any], files: int) -> None:
    first = a_document(a_run(), build="GITHUB_RUN_ID/1", hour=2)
    second = a_document(a_run(test="test_it.py::test_other"), hour=9) | more
    assert len(sessions_of([first, second])) == files


def test_shards_without_a_ci_system_have_the_same_time() -> None:
    first, other = a_document(a_run()), a_run(test="test_it.py::test_other")
    assert len(sessions_of([first, a_document(other, hour=2, file="b")])) == 1
    assert len(sessions_of([first, a_document(other, hour=3)])) == 2
    assert len(sessions_of([first, a_document(other, hour=3)], is_one=True)) == 1


def test_a_report_that_is_given_twice_counts_once() -> None:
    (merged,) = sessions_of([a_document(a_run()), a_document(a_run(), file="copy.json")])
    assert len(merged["runs"]) == 1


def test_a_shard_that_failed_makes_the_session_fail() -> None:
    good, bad = a_document(a_run()), a_document(a_run("DEAD", test="test_it.py::test_other"), file="b")
    for order in ([good, bad], [bad, good]):
        trends = trends_of(sessions_of(order))
        assert trends.has_failed
        (training,) = trends.trainings
        assert (training.newest.run.status, training.verdict) == ("DEAD", "failing")
        assert training.flaky == "1 COMPLETED, 1 DEAD"
    empty = a_document(file="c", exit_status=5)
    assert [each["exit_status"] for each in sessions_of([good, empty])] == [0]
    assert [each["exit_status"] for each in sessions_of([good, empty, bad])] == [1]


def test_an_execution_that_two_shards_used_is_one_run() -> None:
    more: Any = {"mode": "live", "host": "https://api.example.org"}
    early = a_run("RUNNING", history=[], duration=3.0)
    late = a_run(test="test_it.py::test_other", metrics={"loss": 1.0})
    (merged,) = sessions_of([a_document(early, **more), a_document(late, file="b", **more)])
    (run,) = merged["runs"]
    assert (run["status"], run["duration"], run["metrics"], len(run["tests"])) == ("COMPLETED", 60.0, {"loss": 1.0}, 2)


# Over days ------------------------------------------------------------------------------------------------------------


def test_the_answer_is_on_the_first_screen(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session(project, "1.json", day=20)
    session(project, "2.json", day=23)
    monkeypatch.setenv("ACCURACY", "0.8")
    session(project, "3.json", day=27)
    capsys.readouterr()
    monkeypatch.chdir(project.path)
    assert report("1.json", "3.json", "2.json", "--html", "page/") == 0
    told = capsys.readouterr().out.splitlines()
    assert [re.sub(r"\d\d:\d\d UTC", "HH:MM UTC", line) for line in told] == [
        "3 sessions, 2026-11-20 to 2026-11-27: 1 of 3 trainings is worse than a week before",
        "  training_workflow_tutorial.yaml test_accuracy: accuracy 0.8, was 0.9 (-0.1, -11.1%) on 2026-11-20 HH:MM UTC",
        "page written",
    ]
    shown = read(Path("page", "index.html").read_text(encoding="utf-8"))
    assert sorted(each.name for each in Path("page").iterdir()) == ["icon.svg", "index.html", "script.js", "style.css"]
    assert shown.one("h1").text == "1 of 3 trainings is worse than a week before"
    assert shown.one("head").one("title").text.startswith("1 of 3 trainings is worse than a week before · emulated · ")
    (worse,) = shown.one("ul", class_="causes").all("li")
    assert worse.one("span", class_="change").text == "accuracy 0.8, was 0.9 (-0.1, -11.1%)"
    assert [each.attributes["class"] for each in worse.one("svg").all("rect")] == ["passed"] * 3
    ids = {each.attributes["id"] for each in shown.all() if "id" in each.attributes}
    assert {each.attributes["href"][1:] for each in shown.all("a")} <= ids


def test_a_failure_is_worse_and_flaky_while_its_file_is_the_same() -> None:
    documents = [a_document(a_run(), day=day) for day in (20, 21, 22)]
    died = training_of(*documents, a_document(a_run("DEAD"), day=27))
    assert (died.verdict, died.flaky) == ("worse", "3 COMPLETED, 1 DEAD")
    assert [each.sentence for each in died.changes] == ["status DEAD, was COMPLETED"]
    changed = training_of(*documents, a_document(a_run("DEAD", workflow_hash="bbbb"), day=27))
    assert (changed.verdict, changed.flaky) == ("worse", "")
    back = training_of(a_document(a_run(), day=20), a_document(a_run("DEAD"), day=21), a_document(a_run(), day=27))
    assert (back.verdict, back.changes[0].sentence) == ("better", "status COMPLETED, was failed")
    refused = training_of(*documents, a_document(a_run(failed=True), day=27))
    assert (refused.verdict, refused.flaky) == ("worse", "")
    assert refused.changes[0].sentence == "status COMPLETED, and a test failed, was COMPLETED"


def test_a_resumed_execution_is_not_flaky() -> None:
    more: Any = {"mode": "live", "host": "https://api.example.org"}
    running = a_run("RUNNING", execution_id="x")
    running["tests"][0].update(outcome="", as_expected=False)
    training = training_of(a_document(running, day=20, **more), a_document(a_run(execution_id="x"), day=21, **more))
    assert training.flaky == ""


@pytest.mark.parametrize(
    ("days", "compared"),
    [((10, 19, 20, 21, 26, 27), 20), ((24, 26, 27), 24), ((19, 27), 19), ((27,), None)],
    ids=["a-week", "less", "more", "nothing"],
)
def test_what_is_compared(days: Sequence[int], compared: int | None) -> None:
    reference = training_of(*(a_document(a_run(), day=day) for day in days)).reference
    assert (reference and reference.date) == (compared and f"2026-11-{compared} 02:00 UTC")


def test_a_failed_run_is_no_reference() -> None:
    training = training_of(
        a_document(a_run(metrics={"loss": 1.0}), day=19),
        a_document(a_run("DEAD", metrics={"loss": 9.0}), day=20),
        a_document(a_run(metrics={"loss": 1.5}), day=27),
    )
    assert [each.sentence for each in training.changes if each.verdict == "worse"] == ["loss 1.5, was 1 (+0.5, +50.0%)"]


@pytest.mark.parametrize(
    ("metric", "before", "now", "verdict"),
    [
        ("accuracy", 0.9, 0.895, "same"),
        ("accuracy", 0.9, 0.8, "worse"),
        ("val/loss", 0.5, 0.6, "worse"),
        ("val/loss", 0.5, 0.4, "better"),
        ("leaves", 8, 16, "changed"),
        ("error", 0, 1, "worse"),
        ("loss", 1.0, float("nan"), "same"),
    ],
)
def test_which_direction_is_worse(metric: str, before: float, now: float, verdict: str) -> None:
    documents = [a_document(a_run(metrics={metric: value}), day=day) for day, value in ((20, before), (27, now))]
    assert training_of(*documents).verdict == verdict


def test_a_gate_knows_the_direction() -> None:
    rule = {"metric": "leaves", "rule": "at_least(-1)", "passed": True, "value": 8.0, "baseline": 8.0, "lowest": 7.0}
    gates = [{"run": {"id": "e1"}, "rules": [rule | {"highest": None}]}]
    documents = [
        a_document(a_run(metrics={"leaves": value}), day=day, gates=gates) for day, value in ((20, 16.0), (27, 8.0))
    ]
    assert training_of(*documents).verdict == "worse"


def test_names_that_say_nothing() -> None:
    names = ("epoch", "leaves", "throughput", "val_f1", "train.mse")
    assert [is_higher_better(name) for name in names] == [None, None, None, True, False]


def test_a_duration_is_worse_if_it_is_much_longer() -> None:
    def verdict(before: float, now: float) -> list[tuple[str, str]]:
        documents = [a_document(a_run(duration=value), day=day) for day, value in ((20, before), (27, now))]
        return [(each.sentence, each.verdict) for each in training_of(*documents).changes]

    assert verdict(600, 780) == [("duration 13 min 00 s, was 10 min 00 s (+3 min 00 s, +30%)", "worse")]
    assert verdict(600, 630)[0][1] == "same"
    assert verdict(0.4, 0.9)[0][1] == "same"  # noise of the machine
    assert verdict(600, 300)[0][1] == "better"


def test_worlds_are_not_compared() -> None:
    trends = trends_of(sessions_of([a_document(a_run(), day=20), a_document(a_run("DEAD"), day=27, mode="local")]))
    assert [each.verdict for each in trends.trainings] == ["failing", "new"]
    later = a_document(a_run(), day=28)
    assert trends_of(sessions_of([a_document(a_run("DEAD"), day=27, mode="local"), later])).has_failed


def test_reports_without_identities_are_compared_by_what_they_have() -> None:
    runs = [a_run(metrics={"loss": loss}) for loss in (1.0, 2.0)]
    for run in runs:
        del run["identity"], run["workflow_hash"]
    assert training_of(a_document(runs[0], day=20), a_document(runs[1], day=27)).verdict == "worse"


def test_the_first_reports_of_this_version_lack_what_later_ones_have(tmp_path: Path) -> None:
    run = a_run()
    for key in ("identity", "workflow_hash", "steps", "message", "details", "log", "series", "requests"):
        del run[key]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(a_document(run)), encoding="utf-8")
    assert report(str(file), f"--html={tmp_path / 'out.html'}") == 0


# Files ----------------------------------------------------------------------------------------------------------------


def written(name: str, content: object) -> str:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return name


ONLY = "Expected what --aicore-report=FILE wrote."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "bad.json cannot be read: No such file or directory."),
        ("{", f"bad.json is damaged, or not a report: it is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)). {ONLY}"),
        ([], f"bad.json is not a report of a session. {ONLY}"),
        ({"document": "other"}, f"bad.json is not a report of a session. {ONLY}"),
        (a_document() | {"version": 2}, "bad.json is a report of version 2, and this pytest-aicore reads version 1. Use the pytest-aicore that wrote it."),
        (a_document() | {"started_at": "soon"}, "bad.json is damaged: started_at is not a time. Write it again with --aicore-report=FILE."),
        (a_document(a_run(status=7)), "bad.json is damaged: runs[0].status is 7. Write it again with --aicore-report=FILE."),  # type: ignore[arg-type]
        (a_document({}), "bad.json is damaged: runs[0].workflow is missing. Write it again with --aicore-report=FILE."),
        (a_document(a_run(), a_run(metrics={"loss": "low"})), 'bad.json is damaged: runs[1].metrics.loss is "low". Write it again with --aicore-report=FILE.'),
        (a_document() | {"runs": None}, "bad.json is damaged: runs is null. Write it again with --aicore-report=FILE."),
    ],
    ids=["missing", "cut", "list", "other", "version", "time", "status", "empty-run", "metric", "no-runs"],
)  # fmt: skip
def test_files_that_are_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: object, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written("good.json", a_document(a_run()))
    if content is not None:
        written("bad.json", content)
    assert report("good.json", "bad.json", "--html=out.html") == 2
    assert capsys.readouterr() == ("", f"pytest-aicore: {said}\n")
    assert not Path("out.html").exists()


def test_folders_and_pages_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert report("empty") == 2
    assert capsys.readouterr().err == (
        "pytest-aicore: empty: the folder has no file *.json. Name what --aicore-report=FILE wrote.\n"
    )
    assert report(written("a.json", a_document(a_run())), "--html=a.json/out.html") == 2
    assert capsys.readouterr().err.startswith("pytest-aicore: a.json/out.html cannot be written: ")


def test_the_real_report_of_a_session_is_as_it_is_read(project: pytest.Pytester) -> None:
    """Also with everything that a page needs."""
    session(project, "report.json", "--aicore-html=report.html")
    assert report(str(project.path / "report.json")) == 0


# Safe and bounded ------------------------------------------------------------------------------------------------------


def test_hostile_texts_stay_texts_in_pages_and_markdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    documents = []
    for day in (20, 27):
        run = a_run(
            "COMPLETED" if day == 20 else "DEAD",
            failure="it died",
            log={"text": "x", "lines": 1, "left_out": 0, "problem": None},
        )
        document = hostile(a_document(run, day=day))
        document["runs"][0]["metrics"] = {HOSTILE: float(day)}
        document["runs"][0]["status"] = run["status"]
        documents.append(document)
    names = [written(f"{number}.json", each) for number, each in enumerate(documents)]
    text = trend_page(trends_of(sessions_of([each | {"file": HOSTILE} for each in documents])))
    shown = read(text)
    tags = [each.tag for each in shown.all()]
    assert (tags.count("script"), tags.count("style"), tags.count("img")) == (1, 1, 0)
    assert not any(name.startswith("on") or name == "style" for each in shown.all() for name in each.attributes)
    assert "{{7*7}}" in shown.text
    assert report(*names, "--markdown") == 1
    markdown = capsys.readouterr().out
    assert acting(markdown) == []
    assert set(re.findall(r"<[^>]*>", markdown)) == {
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<pre>",
        "</pre>",
    }
    assert "hacked&#40;" not in markdown.replace("hacked()", "")


def test_markdown_of_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [
        written(f"{day}.json", a_document(a_run(metrics={"f1": value}), day=day))
        for day, value in ((20, 0.8), (27, 0.6))
    ]
    assert report(*names, "--markdown", "--html=o.html") == 0
    out, err = capsys.readouterr()
    assert err == "o.html written\n"
    assert out.splitlines() == [
        "## ❌ 1 of 1 training is worse than a week before",
        "",
        "2 sessions, 2026-11-20 to 2026-11-27; newest 2026-11-27 02:00 UTC: 1 training run, none failed",
        "",
        "### Worse",
        "",
        "- **churn.yaml test&#95;it**: f1 0.6, was 0.8 (-0.2, -25.0%) on 2026-11-20 02&#58;00 UTC",
        "",
        "### Trainings",
        "",
        "| | training | status | duration | change |",
        "|---|---|---|---|---|",
        "| worse | churn.yaml test&#95;it | COMPLETED | 1 min 00 s | f1 0.6, was 0.8 (-0.2, -25.0%) |",
    ]
