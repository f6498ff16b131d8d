"""`pytest-aicore check` as a program: arguments, exit status, formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.programs import Command

TRAINING = "workflows/training_workflow_tutorial.yaml"
VERSION = '    ai.sap.com/version: "1.0.0" # In quotes: a bare 2.0 would be a number, and labels are strings.\n'
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: # ai.sap.com/\n"


def test_clean_files_exit_with_0(project: pytest.Pytester, command: Command) -> None:
    result = command("workflows")
    assert (result.returncode, result.stdout, result.stderr) == (0, "4 files checked: nothing found\n", "")
    result = command("workflows/churn_dag.yaml", "workflows/house_price_steps.yaml")
    assert (result.returncode, result.stdout, result.stderr) == (0, "2 files checked: nothing found\n", "")


def test_findings_exit_with_1_and_read_like_compiler_messages(
    project: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    edit(TRAINING, VERSION, "")
    result = command("workflows")
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (1, "")
    assert lines[0].startswith(f"{TRAINING}:6:3: error AIC303: ")
    assert lines[1:3] == ["     6 |   labels:", "       |   ^"]
    assert lines[-2:] == ["", "4 files checked: 1 error"]


@pytest.mark.parametrize(
    ("ini", "folder", "source"),
    [
        ("", "workflows", "default"),
        ("aicore_workflows = flows\nfilterwarnings = error", "flows", "ini aicore_workflows"),
        ("addopts = --aicore-workflows=flows", "flows", "--aicore-workflows"),
    ],
)
def test_without_a_path_the_workflows_folder_is_checked(
    project: pytest.Pytester, command: Command, ini: str, folder: str, source: str
) -> None:
    project.makeini(f"[pytest]\n{ini}\n")
    (project.path / "workflows").rename(project.path / "workflows.bak")
    (project.path / "workflows.bak").rename(project.path / folder)
    result = command("--format", "json")
    assert json.loads(result.stdout)["files"] == 4
    told = f"no path is given: checking the workflows folder '{folder}' ({source})\n"
    assert (result.returncode, result.stderr) == (0, told)


def test_without_a_path_all_workflows_folders_are_checked(project: pytest.Pytester, command: Command) -> None:
    project.makeini("[pytest]\naicore_workflows = services/*/workflows\n")
    for name in ("a", "b"):
        (project.path / "services" / name / "workflows").mkdir(parents=True)
    files = sorted((project.path / "workflows").glob("*.yaml"))
    for number, file in enumerate(files):
        file.rename(project.path / "services" / "ab"[number % 2] / "workflows" / file.name)
    result = command()
    told = "'services/a/workflows', 'services/b/workflows' (ini aicore_workflows)"
    assert result.stderr == f"no path is given: checking the workflows folders {told}\n"
    assert (result.returncode, result.stdout) == (0, "4 files checked: nothing found\n")


def test_a_conftest_that_pytest_needs_for_its_settings_is_read(project: pytest.Pytester, command: Command) -> None:
    project.makeini("[pytest]\naddopts = --ours\n")
    assert command().stderr == (
        "pytest-aicore: No file or folder is named, and pytest cannot read the settings that name the workflows folder:"
        " `pytest --collect-only` says why. Name a folder.\n"
    )
    project.makeconftest("def pytest_addoption(parser): parser.addoption('--ours', action='store_true')")
    assert command().stdout == "4 files checked: nothing found\n"


def test_without_a_path_and_a_workflows_folder_nothing_is_checked(empty: pytest.Pytester, command: Command) -> None:
    result = command()
    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        (
            "pytest-aicore: No file or folder is named, and the workflows folder 'workflows' (default) does not exist."
            " Name a file or folder, - for standard input, --explain RULE or --list-rules.\n"
        ),
    )


@pytest.mark.parametrize(
    ("closed", "message"),
    [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor"), ("<&-", "Bad file descriptor")],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the streams")
def test_streams_that_cannot_be_used_exit_with_2(
    empty: pytest.Pytester, closed: str, message: str, unbuffered: str
) -> None:
    program = [sys.executable, "-m", "pytest_aicore.cli", "check", "-"]
    result = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *program],
        input=b"",
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert (result.returncode, result.stderr.decode()) == (2, f"pytest-aicore: {message}.\n")


@pytest.mark.parametrize("arguments", ["--version", "--help", "sweep --help", "check --list-rules", "check workflows"])
@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the streams")
def test_output_of_any_length_that_cannot_be_written_is_an_error(project: pytest.Pytester, arguments: str) -> None:
    """Short output is only written at the end, when Python would exit with 120 and a message of its own."""
    command = f"{sys.executable} -m pytest_aicore.cli {arguments} > /dev/full"
    result = subprocess.run(["sh", "-c", command], capture_output=True, check=False, cwd=project.path)
    assert (result.returncode, result.stderr.decode()) == (2, "pytest-aicore: No space left on device.\n")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("AIC2O4", " Did you mean 'AIC204'?"),
        ("204", " Did you mean 'AIC204'?"),
        ("AIC999", ""),
        ("Unused-Supression", " Did you mean 'unused-suppression'?"),
    ],
)
def test_a_rule_that_there_is_not_has_a_near_miss_or_none(written: str, hint: str) -> None:
    from pytest_aicore.cli.check import explain
    from pytest_aicore.errors import SettingsError

    with pytest.raises(SettingsError) as raised:
        explain(written)
    assert str(raised.value) == f"unknown rule {written!r}.{hint} `pytest-aicore check --list-rules` shows all."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "html", "workflows"], None),
        (["--wrong"], None),
        (["--strict="], None),
    ],
)
def test_wrong_arguments_exit_with_2(
    project: pytest.Pytester, command: Command, arguments: list[str], message: str | None
) -> None:
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: pytest-aicore ")
    if message is not None:
        assert result.stderr.endswith(f"pytest-aicore check: error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["workflow"], "'workflow' does not exist. Did you mean 'workflows'?"),
        (["workflows", "nowhere/at/all.yaml"], "'nowhere/at/all.yaml' does not exist."),
        ([""], "invalid path '': expected a file or folder."),
        (["nothing"], "No workflow YAML was found in 'nothing', so nothing was checked."),
        (
            ["workflows", "--ignore", "AIC303X"],
            "--ignore: unknown rule 'AIC303X' to ignore. Did you mean 'AIC303'?",
        ),
        (
            ["workflows", "--ignore", "AIC901"],
            (
                "--ignore: unknown rule 'AIC901' to ignore. Rules of contracts cannot be ignored: publish a new"
                " version instead."
            ),
        ),
        (
            ["workflows", "--ignore", "x.yaml:"],
            "--ignore: 'x.yaml:' has no rule; write `AIC302` or `PATTERN: AIC302`.",
        ),
        (
            ["--explain", "AIC303X"],
            "unknown rule 'AIC303X'. Did you mean 'AIC303'? `pytest-aicore check --list-rules` shows all.",
        ),
        (["-", "--against", "HEAD"], "Standard input has no history: `--against` needs files or folders."),
    ],
)
def test_what_cannot_be_checked_exits_with_2(
    project: pytest.Pytester, command: Command, arguments: list[str], message: str
) -> None:
    (project.path / "nothing").mkdir()
    result = command(*arguments, given=b"")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"pytest-aicore: {message}\n")


def test_the_version_is_told() -> None:
    command = [sys.executable, "-m", "pytest_aicore.cli", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told == f"pytest-aicore {version('pytest-aicore')}\n"


def test_rules_can_be_left_out(project: pytest.Pytester, command: Command, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    assert command("workflows", "--ignore", "aic303").returncode == 0
    assert command("workflows", "--ignore", "training*:AIC303,AIC302").returncode == 0
    assert command("workflows", "--ignore", "churn*:AIC303").returncode == 1


def test_standard_input_is_read(project: pytest.Pytester, command: Command) -> None:
    text = (project.path / TRAINING).read_text(encoding="utf-8")
    result = command("-", given=text.encode())
    assert (result.returncode, result.stdout) == (0, "1 file checked: nothing found\n")
    result = command("-", "workflows/churn_dag.yaml", given=text.replace(VERSION, "").encode())
    assert result.returncode == 1
    assert result.stdout.startswith("<stdin>:6:3: error AIC303: ")
    assert result.stdout.endswith("\n2 files checked: 1 error\n")


@pytest.mark.parametrize(
    "given",
    [b"", b"\0", b"\xff\xfe", b"a: [", bytes(range(256)), HEAD.encode("utf-16"), b"#" * 10_000_000],
    ids=["empty", "NUL", "mark", "broken", "bytes", "UTF-16", "10 MB"],
)
def test_whatever_standard_input_holds_is_no_traceback(command: Command, given: bytes) -> None:
    result = command("-", given=given)
    assert result.returncode in (0, 1)
    assert "Traceback" not in result.stdout + result.stderr


def test_broken_files_are_findings(empty: pytest.Pytester, command: Command) -> None:
    (empty.path / "tab.yaml").write_text(HEAD + "\tname: x\n")
    (empty.path / "latin.yaml").write_bytes(HEAD.encode() + b"  name: \xe4\n")
    (empty.path / "binary.yaml").write_bytes(HEAD.encode() + bytes(range(256)))
    with (empty.path / "large.yaml").open("w") as file:
        file.write(HEAD)
        file.truncate(50 * 1024 * 1024)
    (empty.path / "other.yaml").write_text("kind: ConfigMap\n")
    (empty.path / "nowhere.yaml").symlink_to("missing.yaml")
    (empty.path / "folder.yaml").mkdir()
    files = ["tab.yaml", "latin.yaml", "binary.yaml", "large.yaml", "other.yaml", "nowhere.yaml", "folder.yaml"]
    result = command(*files, "--format", "json")
    assert (result.returncode, result.stderr) == (1, "")
    found = {(one["path"], one["line"], one["severity"]) for one in json.loads(result.stdout)["findings"]}
    assert {
        ("tab.yaml", 4, "error"),
        ("latin.yaml", 4, "error"),
        ("large.yaml", 1, "error"),
        ("nowhere.yaml", 1, "error"),
    } <= found
    assert {one for one in found if one[0] in ("other.yaml", "folder.yaml")} == {("folder.yaml", 1, "warning")}
    assert json.loads(result.stdout)["notTemplates"] == ["other.yaml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_a_finding(project: pytest.Pytester, command: Command) -> None:
    (project.path / TRAINING).chmod(0)
    assert "Permission denied" in command(TRAINING).stdout


def test_names_that_are_no_text_are_shown_somehow(empty: pytest.Pytester, command: Command) -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    (empty.path / name).write_text(HEAD + "\tname: x\n")
    for output_format in ("text", "json", "sarif", "github", "junit"):
        result = command(name, "--format", output_format)
        assert (result.returncode, "Traceback" in result.stderr) == (1, False)


# --- rules ----------------------------------------------------------------------------------------------------


def test_a_rule_is_explained(command: Command) -> None:
    result = command("--explain", "aic902")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "AIC902 unversioned-change (error, contract)\n"
        "\n"
        "Existing configurations run differently, and the version label is the same.\n"
        "Another default, image, resource plan, or one more output: existing configurations keep running, but do"
        " something else than when they were made. A new version label lets their owners see it.\n"
        "\n"
        "Bad:\n"
        "    metadata:\n"
        "      labels:\n"
        '        ai.sap.com/version: "1.0.0" # as before\n'
        "    spec:\n"
        "      arguments:\n"
        "        parameters:\n"
        "          - name: DEPTH\n"
        '            default: "4" # was 3\n'
        "\n"
        "Good:\n"
        "    metadata:\n"
        "      labels:\n"
        '        ai.sap.com/version: "2.0.0" # was 1.0.0\n'
        "    spec:\n"
        "      arguments:\n"
        "        parameters:\n"
        "          - name: DEPTH\n"
        '            default: "4" # was 3\n'
    )
    assert command("--explain", "unversioned-change").stdout == result.stdout


def test_every_rule_is_listed_and_explained(command: Command) -> None:
    from pytest_aicore.cli.check import explain
    from pytest_aicore.config.check_options import all_rules

    result = command("--list-rules")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(all_rules())
    assert result.stdout.splitlines()[-1].startswith("AIC908  hint     contract  announced-change ")
    for rule in all_rules():
        assert explain(rule) == 0


# --- colours ----------------------------------------------------------------------------------------------------


def run_on_terminal(project: pytest.Pytester, **variables: str) -> str:
    """Return what the command prints on a terminal."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_aicore.cli", "check", "--ignore", "AIC200", TRAINING],
        cwd=project.path,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        env=environment,
    ) as program:
        os.close(slave)
        shown = b""
        while True:
            try:
                read = os.read(master, 4096)
            except OSError:  # how Linux says that the other end is closed
                break
            if not read:
                break
            shown += read
        program.wait(timeout=60)
    os.close(master)
    return shown.decode()


def test_colours_only_on_a_terminal(
    project: pytest.Pytester,
    command: Command,
    edit: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edit(TRAINING, VERSION, "")
    coloured = f"\033[1m{TRAINING}:6:3:\033[0m \033[1;31merror AIC303:\033[0m "
    assert "\033" not in command(TRAINING).stdout
    assert run_on_terminal(project).startswith(coloured)
    assert "\033" not in run_on_terminal(project, NO_COLOR="1")
    assert "\033" not in run_on_terminal(project, TERM="dumb")
    assert run_on_terminal(project, NO_COLOR="").startswith(coloured)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert command(TRAINING).stdout.startswith(coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in command(TRAINING).stdout


def test_a_reader_that_has_seen_enough_is_no_error(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        finished = subprocess.run(
            [sys.executable, "-m", "pytest_aicore.cli", "check", "--list-rules"],
            cwd=project.path,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (finished.returncode, finished.stderr) == (141, b"")


def test_a_terminal_without_unicode_is_no_error(
    project: pytest.Pytester, edit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(TRAINING, VERSION, "")
    edit(TRAINING, "  labels:\n", "  labels: # ä → ü\n")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest_aicore.cli", "check", "--ignore", "AIC200", TRAINING],
        cwd=project.path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (finished.returncode, finished.stderr) == (1, b"")
    assert rb"# \xe4 \u2192 \xfc" in finished.stdout


# --- formats ----------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(project: pytest.Pytester, edit: Callable[..., None]) -> pytest.Pytester:
    edit(TRAINING, VERSION, "")
    return project


def test_json(broken: pytest.Pytester, command: Command) -> None:
    result = command("workflows", "--format", "json")
    content = json.loads(result.stdout)
    finding = content["findings"][0]
    assert result.returncode == 1
    assert {**content, "findings": None} == {
        "version": 1,
        "files": 4,
        "notChecked": [],
        "notTemplates": [],
        "failed": True,
        "counts": {"error": 1, "warning": 0, "hint": 0},
        "findings": None,
    }
    assert len(content["findings"]) == 1
    assert list(finding) == [
        "rule", "name", "severity", "fails", "path", "line", "column", "endColumn", "message", "hint", "remedy",
        "documentation",
    ]  # fmt: skip
    assert (finding["rule"], finding["name"], finding["severity"], finding["fails"]) == (
        "AIC303", "no-version", "error", True,
    )  # fmt: skip
    assert (finding["path"], finding["line"], finding["column"]) == (TRAINING, 6, 3)
    assert finding["documentation"] == "docs/rules.md#aic303"


def test_sarif(broken: pytest.Pytester, command: Command) -> None:
    result = command("workflows", "--format", "sarif")
    log = json.loads(result.stdout)
    check_sarif(log)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (found,) = run["results"]
    assert (found["ruleId"], found["level"]) == ("AIC303", "error")
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == "AIC303"
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": TRAINING}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (6, 3)


def check_sarif(log: Any) -> None:
    """Check what SARIF 2.1.0 requires of the parts of a log that we write (section 3 of the standard)."""
    assert set(log) <= {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert isinstance(driver["name"], str)
        ids = [rule["id"] for rule in driver["rules"]]
        assert len(ids) == len(set(ids))
        for rule in driver["rules"]:
            assert set(rule) <= {
                "id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties",
            }  # fmt: skip
            assert all(isinstance(rule[key]["text"], str) for key in ("shortDescription", "fullDescription", "help"))
            assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
            assert all(isinstance(tag, str) for tag in rule["properties"]["tags"])
        assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        for result in run["results"]:
            assert isinstance(result["message"]["text"], str)
            assert result["level"] in ("none", "note", "warning", "error")
            assert 0 <= result["ruleIndex"] < len(ids)
            for location in result["locations"]:
                region = location["physicalLocation"]["region"]
                assert region["startLine"] >= 1
                assert region["startColumn"] >= 1
                assert region.get("endColumn", region["startColumn"]) >= region["startColumn"]
                uri = location["physicalLocation"]["artifactLocation"]["uri"]
                assert " " not in uri
                assert "\\" not in uri


def test_github(broken: pytest.Pytester, command: Command, edit: Callable[..., None]) -> None:
    (broken.path / TRAINING).rename(broken.path / "workflows" / "a,b: 100%.yaml")
    result = command("workflows", "--format", "github")
    first, last = result.stdout.splitlines()
    assert first.startswith("::error file=workflows/a%2Cb%3A 100%25.yaml,line=6,col=3,")
    assert "title=AIC303::" in first
    assert last == "4 files checked: 1 error"


def test_junit(broken: pytest.Pytester, command: Command) -> None:
    (broken.path / TRAINING).rename(broken.path / "workflows" / "a<&\"'>.yaml")
    result = command("workflows", "--format", "junit")
    suites = ET.fromstring(result.stdout)
    (suite,) = suites
    assert [suites.get(name) for name in ("tests", "failures", "errors")] == ["4", "1", "0"]
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "0", "0"]
    failed = [case for case in suite if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ["workflows/a<&\"'>.yaml"]
    failure = failed[0].find("failure")
    assert failure is not None
    assert (failure.get("type"), (failure.get("message") or "")[:13]) == ("AIC303", "6:3: AIC303: ")
    assert (failure.text or "").startswith("workflows/a<&\"'>.yaml:6:3: error AIC303: ")


def test_what_is_heavy_and_not_needed_is_not_imported(project: pytest.Pytester) -> None:
    code = (
        "import sys; from pytest_aicore.cli import main; main(['check', 'workflows']);"
        "heavy = {'importlib.metadata', 'email', 'json.encoder', 'hera', 'pytest', 'subprocess'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)][
        1
    ]
    assert run.stdout.splitlines()[-1] == "['json.encoder']"
