"""The page of a report, read without a browser: from real sessions, and from documents that try to break it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.reports.html import page, write_page
from tests.hostile import EVERYTHING, acting
from tests.reports.html_reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reports.html_reading import Element

SESSION = """
import pytest

def tutorial(**more):
    return pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"}, **more)

@tutorial(emulated={"metrics": {"loss": [0.9, 0.5, 0.25]}, "logs": ["epoch 1", "epoch 2"]})
def test_good(aicore_execution): pass

@tutorial(parameters={"DEPTH": "4"})
@pytest.mark.aicore_script(symptom="out of memory", logs=["epoch 1", "RuntimeError: CUDA out of memory", "bye"])
def test_dead(aicore_execution): pass

@tutorial(parameters={"DEPTH": "5"}, expect="DEAD")
@pytest.mark.aicore_script(outcome="DEAD", logs=["it is no more"])
def test_alarm(aicore_execution): pass

@tutorial(parameters={"DEPTH": "6"})
def test_disappointed(aicore_execution):
    assert aicore_execution.metrics == {"loss": 0}, "the model is too bad"

@pytest.mark.aicore("training_workflow_tutorial.yaml")
def test_incomplete(aicore_execution): pass
"""


@pytest.fixture
def shown(project: pytest.Pytester) -> Element:
    """The page of a session in which everything happens."""
    project.makepyfile(test_it=SESSION)
    result = project.runpytest_inprocess("--aicore-html=out/report.html")
    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines([f"aicore: {project.path / 'out' / 'report.html'} written."])
    assert [each.name for each in (project.path / "out").iterdir()] == ["report.html"]
    return read((project.path / "out" / "report.html").read_text(encoding="utf-8"))


def runs_of_workflows(shown: Element) -> list[Element]:
    """Return the runs of a page; what looks like them are the workflow files."""
    return [each for each in shown.all(class_="run") if not each.has("class_", "source")]


def runs_of(shown: Element) -> dict[str, Element]:
    """Return each run of a page by its test."""
    runs = runs_of_workflows(shown)
    return {run.one("ul", class_="plain").one("code").text.rpartition("::")[2]: run for run in runs}


def test_page_of_a_session(shown: Element) -> None:
    assert shown.one("head").one("title").text == "3 of 5 training runs failed · emulated · api.ai.aicore.invalid"
    assert shown.one("h1").text == "3 of 5 training runs failed"
    assert [each.text for each in shown.one(class_="facts").all("span")][:4] == [
        "2 DEAD",
        "2 COMPLETED",
        "1 not started",
        "3 min 00 s of virtual time",
    ]
    causes = [each.text for each in shown.one(class_="causes").all(class_="likely")]
    assert causes[0] == "the GPU ran out of memory"
    assert "the model is too bad" in causes[1]
    assert "cannot run yet" in causes[2]
    runs = runs_of(shown)
    assert list(runs) == ["test_dead", "test_disappointed", "test_incomplete", "test_alarm", "test_good"]
    assert {test: run.attributes["class"].split()[1] for test, run in runs.items()} == {
        "test_dead": "failed",
        "test_disappointed": "failed",
        "test_incomplete": "failed",
        "test_alarm": "expected",
        "test_good": "passed",
    }


def test_what_a_run_shows(shown: Element) -> None:
    runs = runs_of(shown)
    dead, good = runs["test_dead"], runs["test_good"]
    body = next(each for each in dead.all("div") if each.attributes.get("id", "").startswith("run-"))
    assert body.attributes["id"] == f"run-{next(iter(body.all('code'))).text}"
    assert dead.one("mark").text.endswith("RuntimeError: CUDA out of memory")
    assert next(each for each in dead.all("a") if each.text == "to the error").attributes["href"] == (
        f"#{dead.one('mark').attributes['id']}"
    )
    assert [list(row.all("td"))[1].text for row in next(dead.all("table", class_="plain")).all("tr")] == [
        "UNKNOWN",
        "PENDING",
        "RUNNING",
        "DEAD",
    ]
    assert "POST /v2/lm/executions" in dead.text
    markdown = dead.one(class_="copy").one("pre").raw
    assert markdown.splitlines()[:2] == [
        "### training_workflow_tutorial.yaml: DEAD",
        "- the GPU ran out of memory (RuntimeError: CUDA out of memory)",
    ]
    assert "RuntimeError: CUDA out of memory\n" in markdown
    (log,) = good.all("pre", class_="log")
    assert [line.split("  ", 1)[1] for line in log.raw.splitlines()][1:] == ["epoch 1", "epoch 2"]
    row = list(good.one("table", class_="metrics").all("tr"))[1]
    assert [row.one("th").text, next(row.all("td")).text] == ["loss", "0.25"]
    assert row.one("svg").attributes["aria-label"] == "loss from step 0 to 2: 0.25 to 0.9"
    assert len(row.one("polyline").attributes["points"].split()) == 3


def test_timeline(shown: Element) -> None:
    rows = list(shown.one(class_="timeline").all("a"))
    assert len(rows) == 4  # one was never started
    anchors = {each.attributes["id"] for each in shown.all("div") if "id" in each.attributes}
    assert {each.attributes["href"][1:] for each in rows} <= anchors
    kinds = [[each.attributes["class"] for each in row.all("rect")] for row in rows]
    assert sorted(kinds) == [
        ["waiting", "expected"],
        ["waiting", "failed"],
        ["waiting", "failed"],
        ["waiting", "passed"],
    ]


def test_the_line_of_the_error_stands_at_the_top(project: pytest.Pytester) -> None:
    """Also where the diagnosis only says that the program failed; not again where it quotes that line."""
    project.makepyfile(
        test_it="""
import pytest

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
@pytest.mark.aicore_script(outcome="DEAD", logs=["usage: train.py", "train.py: error: invalid value: 'fast'", "bye"])
def test_it(aicore_execution): pass
"""
    )
    project.runpytest_inprocess("--aicore-html=report.html").assert_outcomes(failed=1)
    causes = read((project.path / "report.html").read_text(encoding="utf-8")).one("ul", class_="causes")
    assert causes.one(class_="line").text == "train.py: error: invalid value: 'fast'"


def test_workflow_files_have_the_lines_marked_in_which_something_was_found(project: pytest.Pytester) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    file.write_text(file.read_text().replace("globalName: text-model-tutorial", ""))
    line = file.read_text().splitlines().index("          - name: text-model-tutorial") + 1
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess("--aicore-html=report.html")
    shown = read((project.path / "report.html").read_text(encoding="utf-8"))
    source = shown.one("details", class_="source")
    assert source.one("summary").text == "training_workflow_tutorial.yaml 1 finding"
    (finding,) = source.one("ul").all("li")
    assert finding.text.startswith(f"error line {line} The output artifact `text-model-tutorial` has no globalName")
    (mark,) = source.all("mark")
    assert (mark.attributes["id"], mark.raw) == (
        f"workflow-1-{line}",
        f"{line:>4}            - name: text-model-tutorial\n",
    )
    assert source.one("pre").raw.count("\n") == len(file.read_text().splitlines())
    links = [
        each.attributes["href"]
        for run in runs_of_workflows(shown)
        for each in run.all("a")
        if each.text == "workflow file"
    ]
    assert set(links) == {"#workflow-1"}


# Safe ---------------------------------------------------------------------------------------------------------------

HOSTILE = (
    f"</script></title></style></pre><script>hacked()</script><img src=x onerror=hacked()>\"'{{{{7*7}}}}{EVERYTHING}"
)


def hostile(value: Any, name: str = "") -> Any:
    """Return a document in which every text that someone else may have written tries to act."""
    if isinstance(value, dict):
        return {inner: hostile(value[inner], inner) for inner in value}
    if isinstance(value, list):
        return [hostile(each, name) for each in value]
    is_ours = name in ("document", "mode", "time", "started_at", "ended_at", "phase", "outcome")
    return value if is_ours or not isinstance(value, str) else f"{value}{HOSTILE}"


@pytest.fixture
def document(project: pytest.Pytester) -> dict[str, Any]:
    """The document of that session."""
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess("--aicore-report=report.json", "--aicore-html=report.html")
    found: dict[str, Any] = json.loads((project.path / "report.json").read_text(encoding="utf-8"))
    return found


def test_hostile_texts_stay_texts(document: dict[str, Any]) -> None:
    document = hostile(document)
    for run in document["runs"]:
        run["parameters"][HOSTILE] = "javascript:hacked()"
        run["outputs"] = [{"name": HOSTILE, "url": "javascript:hacked()"}]
        run["metrics"] = {HOSTILE: 1.0}
        run["series"] = {HOSTILE: [[0, 1.0], [1, 2.0]]}
        run["details"] = {HOSTILE: [{HOSTILE: HOSTILE}]}
    text = page(document)
    shown = read(text)
    plain = read(page(hostile_free(document)))
    tags = [each.tag for each in shown.all()]
    assert (tags.count("script"), tags.count("style"), tags.count("img")) == (1, 1, 0)
    assert {name for each in shown.all() for name in each.attributes} <= {
        name for each in plain.all() for name in each.attributes
    } | {"open"}
    assert all(each.attributes["href"].startswith(("#", "data:")) for each in shown.all() if "href" in each.attributes)
    assert not any(
        name.startswith("on") or name in ("style", "src") for each in shown.all() for name in each.attributes
    )
    assert characters(shown.one("body").raw) == []
    assert all(characters(value) == [] for each in shown.all() for value in each.attributes.values())
    assert "{{7*7}}" in shown.text


def characters(text: str) -> list[str]:
    """Return the characters of a text that act; no CI system reads a page, so that commands are none."""
    return [each for each in acting(text) if each.startswith("U+")]


def hostile_free(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its hostile texts gone."""
    text = json.dumps(document).replace(json.dumps(HOSTILE)[1:-1], "x")
    found: dict[str, Any] = json.loads(text)
    return found


def test_policy_allows_this_style_and_this_script_alone(shown: Element) -> None:
    policy = shown.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]

    def allowed(tag: str) -> str:
        digest = hashlib.sha256(shown.one(tag).raw.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    assert policy == (
        "default-src 'none'; base-uri 'none'; form-action 'none';"
        f" style-src {allowed('style')}; script-src {allowed('script')}; img-src data:"
    )


def test_secrets_are_hidden(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
import pytest

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/Bearer canary-1-canary"})
@pytest.mark.aicore_script(outcome="DEAD", logs=["ValueError: client_secret='canary-2'", "password=canary-3"])
def test_it(aicore_execution): pass
"""
    )
    project.runpytest_inprocess("--aicore-html=report.html").assert_outcomes(failed=1)
    text = (project.path / "report.html").read_text(encoding="utf-8")
    assert "ValueError: client_secret=" in text
    assert "canary" not in text


# Forms --------------------------------------------------------------------------------------------------------------


def test_folder_has_style_and_script_as_files(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=SESSION)
    result = project.runpytest_inprocess("--aicore-html=pages/")
    folder = project.path / "pages"
    result.stdout.fnmatch_lines([f"aicore: {folder} written."])
    assert sorted(each.name for each in folder.iterdir()) == ["icon.svg", "index.html", "script.js", "style.css"]
    shown = read((folder / "index.html").read_text(encoding="utf-8"))
    assert (
        shown.one("meta", **{"http-equiv": "Content-Security-Policy"})
        .attributes["content"]
        .endswith("style-src 'self'; script-src 'self'; img-src 'self'")
    )
    assert [each.attributes["href"] for each in shown.all("link")] == ["icon.svg", "style.css"]
    assert shown.one("script").attributes["src"] == "script.js"


def test_report_alone_asks_for_nothing_more(project: pytest.Pytester) -> None:
    """The JSON file has what was known; only a page is worth requests for logs and metrics."""
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess("--aicore-report=report.json")
    runs = {
        run["tests"][0]["id"].rpartition("::")[2]: run
        for run in json.loads((project.path / "report.json").read_text())["runs"]
    }
    assert (runs["test_good"]["log"], runs["test_good"]["metrics"]) == (None, None)
    assert runs["test_dead"]["log"]["lines"] == 4  # the section of the failed test shows its end
    assert runs["test_disappointed"]["metrics"] == {}


def test_page_without_jinja_is_refused_at_the_start(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "pytest_aicore.reports.html.rendering.find_spec", lambda name: None if name == "jinja2" else find(name)
    )
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("--aicore-html=report.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --aicore-html needs Jinja2, which is not installed: pip install 'pytest-aicore[html]'"]
    )


def test_page_that_cannot_be_written_is_reported(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    (project.path / "file").write_text("")
    result = project.runpytest_inprocess("--aicore-html=file/report.html")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"aicore: {project.path / 'file' / 'report.html'} cannot be written: *."])


def test_page_without_runs(tmp_path: Path) -> None:
    write_page(
        {
            "mode": "live",
            "host": None,
            "resource_group": "default",
            "started_at": "2025-01-01T00:00:00Z",
            "ended_at": "2025-01-01T00:00:01.5Z",
            "exit_status": 5,
            "runs": [],
        },
        tmp_path / "page.html",
    )
    shown = read((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert shown.one("head").one("title").text == "No training runs · live · no service was asked"
    assert "No test asked for a training run." in shown.text
    assert re.search(r"session 1\.5 s", shown.text)
