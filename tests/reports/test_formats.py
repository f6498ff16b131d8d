"""Formats of findings that the rules do not find just now: every severity, secrets, what XML and GitHub escape."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from pytest_aicore.config.check_options import all_rules
from pytest_aicore.reports.findings import Outcome, as_json, github, junit, sarif, text
from pytest_aicore.workflows.checks import Finding, Severity
from pytest_aicore.workflows.yaml.places import Place

ERROR = Finding(
    "AIC303",
    Severity.ERROR,
    Place("a.yaml", 2, 3),
    "It is not\nshown: 100% \x01\u2028.",
    'Mend <it> & "see" ]]>.',
    hint="Did you mean 'b'?",
    end_column=9,
    source_line="  name: b",
)
WARNING = Finding("AIC399", Severity.WARNING, Place("a.yaml", 4, 1), 'env has "password": "hunter2"', "Remove it.")
HINT = Finding("AIC398", Severity.HINT, Place("b.yaml", 1, 1), "This is a hint.", "Take it.")


def outcome(*findings: Finding, strict: bool = False) -> Outcome:
    return Outcome(findings, ["a.yaml", "b.yaml", "c.yaml"], all_rules(), strict=strict)


def test_what_fails_depends_on_strict() -> None:
    assert [outcome(one).failed for one in (ERROR, WARNING, HINT)] == [True, False, False]
    assert [outcome(one, strict=True).failed for one in (ERROR, WARNING, HINT)] == [True, True, False]
    assert not outcome().failed


def test_text() -> None:
    assert text(outcome(WARNING, HINT)) == (
        'a.yaml:4:1: warning AIC399: env has "password": "***"\n'
        "Remove it.\n"
        "\n"
        "b.yaml:1:1: hint AIC398: This is a hint.\n"
        "Take it.\n"
        "\n"
        "3 files checked: 1 warning, 1 hint\n"
    )
    assert text(outcome(WARNING, HINT, WARNING, strict=True)).endswith(
        "\n3 files checked: 2 warnings, 1 hint (warnings fail: --strict)\n"
    )
    assert text(outcome()) == "3 files checked: nothing found\n"


def test_coloured_text_is_the_text_with_colours() -> None:
    coloured = text(outcome(ERROR, WARNING, HINT), colour=True)
    assert "\033[1ma.yaml:2:3:\033[0m \033[1;31merror AIC303:\033[0m It is not\\nshown: " in coloured
    assert "\033[31m       |   ^\033[0m\n" in coloured
    assert "\033[1;33mwarning AIC399:\033[0m" in coloured
    assert "\033[1;36mhint AIC398:\033[0m" in coloured
    for code in ("\033[1m", "\033[0m", "\033[1;31m", "\033[31m", "\033[1;33m", "\033[1;36m"):
        coloured = coloured.replace(code, "")
    assert coloured.splitlines() == text(outcome(ERROR, WARNING, HINT)).splitlines()


def test_json_counts_and_hides_secrets() -> None:
    content = json.loads(as_json(outcome(ERROR, WARNING, HINT)))
    assert content["counts"] == {"error": 1, "warning": 1, "hint": 1}
    assert [one["message"] for one in content["findings"]][1] == 'env has "password": "***"'
    assert [one["endColumn"] for one in content["findings"]] == [9, None, None]
    assert [one["name"] for one in content["findings"]] == ["no-version", None, None]


def test_github_commands_are_one_line_each() -> None:
    lines = github(outcome(ERROR, WARNING, HINT)).split("\n")
    assert lines == [
        (
            "::error file=a.yaml,line=2,col=3,endColumn=9,title=AIC303::It is not\\nshown: 100%25 \\x01\\u2028. Did"
            " you mean 'b'? Mend <it> & \"see\" ]]>."
        ),
        '::warning file=a.yaml,line=4,col=1,title=AIC399::env has "password": "***" Remove it.',
        "::notice file=b.yaml,line=1,col=1,title=AIC398::This is a hint. Take it.",
        "3 files checked: 1 error, 1 warning, 1 hint",
        "",
    ]


def test_junit_is_well_formed_whatever_is_found() -> None:
    suite = ET.fromstring(junit(outcome(ERROR, WARNING, HINT)))[0]
    assert [case.get("name") for case in suite] == ["a.yaml", "b.yaml", "c.yaml"]
    failure, output = suite[0]
    assert failure.get("message") == "2:3: AIC303: It is not\nshown: 100% \\x01\\u2028."
    assert (failure.text or "").endswith("Did you mean 'b'? Mend <it> & \"see\" ]]>.")
    assert (output.tag, output.text) == (
        "system-out",
        'a.yaml:4:1: warning AIC399: env has "password": "***"\nRemove it.',
    )
    assert suite[1][0].tag == "system-out"
    assert len(suite[2]) == 0
    strict = ET.fromstring(junit(outcome(ERROR, WARNING, strict=True)))[0]
    assert (strict[0][0].get("message") or "").endswith(" (and 1 more)")


def test_sarif_levels_and_places() -> None:
    absolute = Finding("AIC303", Severity.ERROR, Place("/x/a b.yaml", 1, 1), "m", "r")
    relative = Finding("AIC303", Severity.ERROR, Place("x/ä #.yaml", 1, 1), "m", "r")
    stdin = Finding("AIC303", Severity.ERROR, Place("<stdin>", 1, 1), "m", "r")
    results = json.loads(sarif(outcome(ERROR, WARNING, HINT, absolute, relative, stdin)))["runs"][0]["results"]
    assert [one["level"] for one in results] == ["error", "warning", "note", "error", "error", "error"]
    assert results[0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2, "startColumn": 3, "endColumn": 9,
    }  # fmt: skip
    assert [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results[3:]] == [
        "file:///x/a%20b.yaml",
        "x/%C3%A4%20%23.yaml",
        "stdin",
    ]
    assert "ruleIndex" not in results[1]
