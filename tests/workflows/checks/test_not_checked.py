"""What was not checked says so: to whoever calls the checks, on the command line, and in each format."""

from __future__ import annotations

import json
import os
import socket
import sys
import xml.etree.ElementTree as ET
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli.check import check
from pytest_aicore.workflows.checks import CheckOptions, check_document, check_files
from pytest_aicore.workflows.checks import folder as comparing
from tests.workflows.checks.test_several_files import training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pytest_aicore.workflows.checks import Finding

OPTIONS = CheckOptions(argo_types=False)
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: library}
spec:
  entrypoint: a
  templates: [{name: a, suspend: {}}]
"""
HELM = training(name="{{ .Release.Name }}-train")
LIST = f"apiVersion: v1\nkind: List\nitems:\n- {training().replace(chr(10), chr(10) + '  ').rstrip()}\n"
PLAINLY = (
    "hint AIC260: This WorkflowTemplate has no label of AI Core, so it was checked by the rules of Argo only. If it is "
    "for AI Core, add the labels `scenarios.ai.sap.com/id` and `ai.sap.com/version`; the other rules are checked then."
)
RENDERED = (
    "warning AIC120: This file was not checked: it becomes YAML only when Helm has rendered it "
    "(`{{ .Release.Name }}`). Check what Helm renders: `helm template CHART | pytest-aicore check -`."
)
ITEMS = (
    "warning AIC120: The templates in this `List` were not checked; AI Core documents one template per file. Put each "
    "template in its own file."
)
NO_FILE = "Name a file; what another program writes is read from standard input: `... | pytest-aicore check -`."
NOTHING_BEHIND = "Remove the link, or restore what it leads to."


def told(folder: Path, *paths: Path) -> list[str]:
    """Return what is found in a folder or in files of it, with paths from that folder."""
    findings = check_files(paths or [folder], options=OPTIONS).findings
    return [
        f"{finding.place} {finding.severity.word} {finding.rule}: {finding.text}".replace(f"{folder}/", "")
        for finding in findings
    ]


def run(*paths: Path, output_format: str = "text", given: bytes = b"") -> tuple[int, str]:
    """Return the exit status and the output of the command."""
    out = StringIO()
    names = [str(path) for path in paths] or ["-"]
    status = check(names, output_format=output_format, options=OPTIONS, out=out, standard_input=BytesIO(given))
    return status, out.getvalue()


@pytest.mark.parametrize(
    ("text", "place", "expected", "summary"),
    [
        (ARGO, "2:7", PLAINLY, "1 file checked: 1 hint"),
        (HELM, "4:1", RENDERED, "0 files checked, 1 not checked: 1 warning"),
        (LIST, "2:7", ITEMS, "0 files checked, 1 not checked: 1 warning"),
    ],
    ids=["plain Argo", "Helm", "list"],
)
def test_a_template_that_is_not_checked_like_the_others(
    tmp_path: Path, text: str, place: str, expected: str, summary: str
) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(text)
    assert told(tmp_path, file) == [f"w.yaml:{place} {expected}"]
    assert [finding.text for finding in check_document(text, options=OPTIONS)] == [expected.partition(": ")[2]]
    for status, output in (run(file), run(given=text.encode())):
        assert (status, output.splitlines()[-1]) == (0, summary)
        assert output.count(expected[:12]) == 1


@pytest.mark.parametrize(
    "comment", ["# {{ .Values.image }}", "# {{- if .Values.x }}", "# see 'x': {{ include \"x\" . }}"]
)
def test_what_a_comment_holds_is_nothing_to_render(tmp_path: Path, comment: str) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(f"{comment}\n{training().replace('metadata:', 'metadata: # was {{ .Values.x }}', 1)}")
    assert told(tmp_path, file) == []
    assert run(file) == (0, "1 file checked: nothing found\n")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.chdir(path.parent)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


@pytest.mark.skipif(sys.platform != "linux", reason="pipes, sockets and devices of Linux")
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_pipe, f"The file cannot be read: it is a named pipe, not a file. {NO_FILE}"),
        (_socket, f"The file cannot be read: it is a socket, not a file. {NO_FILE}"),
        (lambda path: path.symlink_to("/dev/zero"), f"The file cannot be read: it is a device, not a file. {NO_FILE}"),
        (
            lambda path: path.symlink_to("/proc/self/mem"),  # which not even root can read at its beginning
            "The file cannot be read: Input/output error. Check its path and its permissions.",
        ),
        (
            lambda path: path.symlink_to("gone"),
            f"This symbolic link leads nowhere: `gone` does not exist. {NOTHING_BEHIND}",
        ),
        (lambda path: path.symlink_to(path.name), f"This symbolic link leads back to itself. {NOTHING_BEHIND}"),
    ],
    ids=["pipe", "socket", "device", "memory", "dangling link", "loop"],
)
def test_what_is_no_file_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.yaml").write_text(training())
    file = tmp_path / "w.yaml"
    make(file)
    for paths, checked in (([tmp_path], "1 file"), ([file], "0 files")):
        assert told(tmp_path, *paths) == [f"w.yaml:1:1 error AIC116: {expected}"]
        status, output = run(*paths)
        assert (status, output.splitlines()[-1]) == (1, f"{checked} checked, 1 not checked: 1 error")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_and_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(training())
    (tmp_path / "w.yaml").chmod(0)
    (tmp_path / "more").mkdir(0)
    assert [text.split(": ", 1)[1] for text in told(tmp_path)] == [
        "The folder cannot be read: Permission denied. Check its path and its permissions.",
        "The file cannot be read: Permission denied. Check its path and its permissions.",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be on Linux")
def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    """Not even by root: its path is too long."""
    (tmp_path / "train.yaml").write_text(training())
    inner = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=inner)
        outer, inner = inner, os.open("x" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    [found] = told(tmp_path)
    assert found.endswith(
        "x:1:1 error AIC116: The folder cannot be read: File name too long. Check its path and its permissions."
    )
    assert run(tmp_path)[1].endswith("\n\n1 file checked, 1 not checked: 1 error\n")


def test_links_to_folders(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project / "more", elsewhere):
        folder.mkdir(parents=True)
    (project / "train.yaml").write_text(training())
    (elsewhere / "w.yaml").write_text(training(name="another"))
    (project / "linked").symlink_to(elsewhere)
    (project / "gone").symlink_to("nothing")
    (project / "more" / "above").symlink_to(project)
    gone = (
        "gone:1:1 hint AIC120: This symbolic link leads nowhere: if it was one to a folder with workflows, they were "
        f"not checked. {NOTHING_BEHIND}"
    )
    assert told(project) == [
        gone,
        (
            "linked:1:1 hint AIC120: This symbolic link to a folder is not followed, so nothing in that folder was "
            "checked. If it holds workflows, name it as well."
        ),
    ]
    assert told(project, project, project / "linked") == [gone]


def test_folders_without_a_template(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("workflows", "empty", "one", "two")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "train.yaml").write_text(training())
    for file in (folders[2] / "a.yaml", folders[3] / "a.json", folders[3] / "b.yaml"):
        file.write_text("{}")
    remedy = (
        "Name the folder with the workflows; hidden folders and those of tools (`build`, `venv`, ...) are left out."
    )
    lead = "1:1 warning AIC120: Nothing was checked in this folder, which has no template:"
    assert told(tmp_path, *folders) == [
        f"empty:{lead} it has no YAML or JSON file. {remedy}",
        f"one:{lead} its YAML or JSON file is not a template. {remedy}",
        f"two:{lead} its 2 YAML and JSON files are something else. {remedy}",
    ]
    assert told(tmp_path, folders[0] / "train.yaml", folders[0]) == []
    assert run(*folders)[1].endswith("\n\n1 file checked, 3 not checked: 3 warnings\n")


def test_a_file_whose_documents_are_something_else(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("kind: WorkflowTemplate\nkind: ConfigMap\n---\nkind: Secret\n")
    assert told(tmp_path, file) == [
        (
            "w.yaml:1:1 warning AIC120: Nothing was checked in this file: none of its documents is a template of AI "
            "Core or a workflow of Argo. Write the `kind` and the `apiVersion` of a template, if it is one."
        )
    ]


@pytest.mark.parametrize("name", ["notes.txt", "values.yaml", "empty.yaml"])
def test_a_file_that_was_named_and_is_no_template(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("" if name == "empty.yaml" else "a: b\n")
    assert run(file) == (0, "0 files checked, 1 is not a template\n")
    assert json.loads(run(file, output_format="json")[1])["notTemplates"] == [str(file)]
    [sarif] = json.loads(run(file, output_format="sarif")[1])["runs"]
    [note] = sarif["invocations"][0]["toolExecutionNotifications"]
    assert note["message"] == {"text": "It is not a template, so it was not checked."}
    suite = ET.fromstring(run(file, output_format="junit")[1])[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "1")
    assert run(file, output_format="github") == (0, "0 files checked, 1 is not a template\n")


def test_each_format_says_what_was_not_checked(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HELM)
    content = json.loads(run(file, output_format="json")[1])
    assert (content["files"], content["notChecked"]) == (0, [str(file)])
    assert [one["rule"] for one in content["findings"]] == ["AIC120"]
    [sarif] = json.loads(run(file, output_format="sarif")[1])["runs"]
    assert [(one["ruleId"], one["level"]) for one in sarif["results"]] == [("AIC120", "warning")]
    suite = ET.fromstring(run(file, output_format="junit")[1])[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "1")
    assert [one.get("message") for one in suite.iter("skipped")] == [RENDERED.partition(": ")[2]]
    ignored = StringIO()
    assert check([str(file)], options=CheckOptions(ignore=frozenset({"AIC120"})), out=ignored) == 0
    assert ignored.getvalue() == "0 files checked, 1 not checked\n"


def test_a_comparison_of_files_that_breaks_down_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(training())

    def breaks_down(outlines: Iterable[Any], *, is_all: bool) -> Iterator[Finding]:
        yield from (outline.nothing for outline in outlines)

    monkeypatch.setattr(comparing, "check_together", breaks_down)
    assert told(tmp_path) == [
        (
            "w.yaml:1:1 error AIC100: The check itself failed (AttributeError): what else is wrong between these files "
            "may not be listed. Please report this as a bug of pytest-aicore, with the file."
        )
    ]
