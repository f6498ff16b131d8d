"""Whatever stands in a template, its name, a revision or an argument: nothing of it acts where findings are printed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_aicore.cli import main
from pytest_aicore.cli.check import check
from pytest_aicore.reports.findings import FORMATS, Outcome, text
from pytest_aicore.workflows.checks import Finding, Severity, check_document
from pytest_aicore.workflows.contracts.contract import contract_of, dump, parse_contract
from pytest_aicore.workflows.template import parse_template
from pytest_aicore.workflows.yaml.places import Place, caret
from tests.cli.test_against import git
from tests.hostile import COMMAND, EVERYTHING, acting, is_command, texts
from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPLATE = yaml.safe_load((WORKFLOWS / "training_workflow_tutorial.yaml").read_text(encoding="utf-8"))
OWN_COMMAND = re.compile(
    r"::(?:error|warning|notice) file=[^:,\n]*,line=\d+,col=\d+(?:,endColumn=\d+)?,title=AIC\d{3}::[^\n]*"
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where anything stands in a tree."""
    yield path
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in inner:
        yield from places(value, (*path, name))


def planted(tree: Any, path: tuple[Any, ...], hostile: str, *, as_name: bool) -> Any:
    """Return a tree with a text as the value at a place, or as its name."""
    if not path:
        return hostile
    here, *rest = path
    if isinstance(tree, list):
        return [
            planted(each, tuple(rest), hostile, as_name=as_name) if n == here else each for n, each in enumerate(tree)
        ]
    if as_name and not rest:
        return {hostile if name == here else name: value for name, value in tree.items()}
    return {
        name: planted(value, tuple(rest), hostile, as_name=as_name) if name == here else value
        for name, value in tree.items()
    }


def assert_calm(written: str, output_format: str, findings: int) -> None:
    """Say that what was printed does nothing, but for the commands of the format `github`, one for each finding."""
    lines = written.split("\n")
    if output_format == "github":
        commands, lines = lines[:findings], lines[findings:]
        assert [line for line in commands if not OWN_COMMAND.fullmatch(line)] == []
        lines += [line.removeprefix("::") for line in commands]
    assert acting("\n".join(lines)) == []


@given(st.sampled_from(list(places(TEMPLATE))), texts(["{{", "}}", "{{inputs.parameters."]), st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_no_format_lets_a_text_of_a_template_act(place: tuple[Any, ...], hostile: str, data: st.DataObject) -> None:
    tree = planted(TEMPLATE, place, hostile, as_name=data.draw(st.booleans(), "as name"))
    written = json.dumps(tree, indent=1, ensure_ascii=data.draw(st.booleans(), "escaped"))
    comment = data.draw(texts(["aicore: ignore[AIC303", "]"]), "comment").replace("\n", " ")
    source = f"{written} # {comment}\n".encode(errors="surrogatepass")
    name = data.draw(st.just("a.yaml") | texts([".yaml"]).filter(_is_name), "file")
    findings = check_document(source, name)
    outcome = Outcome(findings, [name], {})
    for output_format, made in FORMATS.items():
        assert_calm(made(outcome), output_format, len(findings))
    ET.fromstring(FORMATS["junit"](outcome))


def _is_name(name: str) -> bool:
    try:
        return bool(name) and b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def finding(**how: Any) -> Finding:
    given = {"message": "m", "remedy": "r", "place": Place("a.yaml", 1, 1), **how}
    return Finding("AIC303", Severity.ERROR, **given)


FINDINGS = [
    finding(message=EVERYTHING),
    finding(remedy=EVERYTHING),
    finding(remedy=COMMAND, hint=None),
    finding(hint=EVERYTHING),
    finding(source_line=EVERYTHING.replace("\n", " "), place=Place("a.yaml", 1, 30)),
    finding(place=Place(EVERYTHING, 1, 1)),
    finding(place=Place(COMMAND, 1, 1)),
    finding(place=Place("a\n::error::b.yaml", 1, 1)),
]


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_format_lets_any_part_of_a_finding_act(output_format: str) -> None:
    outcome = Outcome(FINDINGS, [EVERYTHING, COMMAND], {})
    assert_calm(FORMATS[output_format](outcome), output_format, len(FINDINGS))


def test_colours_are_the_only_escapes_of_coloured_findings() -> None:
    shown = text(Outcome(FINDINGS, [], {}), colour=True)
    assert acting(re.sub(r"\x1b\[(?:0|1|1;31|31)m", "", shown)) == []


def test_a_finding_is_read_as_one_whatever_it_names() -> None:
    forged = finding(message="The name is 'x'.\nb.yaml:1:1: error AIC301: forged", place=Place("a\nb", 1, 1))
    assert str(forged) == "a\\nb:1:1: error AIC303: The name is 'x'.\\nb.yaml:1:1: error AIC301: forged\nr"
    assert FORMATS["github"](Outcome([forged], ["a\nb"], {})).splitlines()[0] == (
        "::error file=a%0Ab,line=1,col=1,title=AIC303::The name is 'x'.\\nb.yaml:1:1: error AIC301: forged r"
    )
    hostile = finding(place=Place("50%,a:b\r\n::error::c.yaml", 1, 1))
    assert FORMATS["github"](Outcome([hostile], [], {})).splitlines()[0] == (
        "::error file=50%25%2Ca%3Ab%0A\\x3a%3Aerror%3A%3Ac.yaml,line=1,col=1,title=AIC303::m r"
    )


def test_the_caret_points_at_what_is_shown() -> None:
    assert caret("\tname: '\u202ex' # \u2028", 7, 11) == [
        "     7 | \tname: '\\u202ex' # \\u2028",
        "       | \t              ^",
    ]


def test_a_secret_that_is_torn_by_a_line_end_is_hidden_before_it_is_escaped() -> None:
    assert str(finding(message="x Bearer\nabcdefgh12345678")).splitlines()[0].endswith(r"x Bearer\n***")


HOSTILE_NAME = "\x1b[2J::error::x\u202e.yaml"
REFUSALS = [
    (["check", EVERYTHING], "' does not exist."),
    (["check", f"{COMMAND}\n{COMMAND}"], "' does not exist."),
    (["check", "folder\x1b[2J"], "No workflow YAML was found in "),
    (["check", ".", "--ignore", EVERYTHING], "--ignore: unknown rule "),
    (["check", ".", "--ignore", f"{EVERYTHING}:AIC999{COMMAND}"], "--ignore: unknown rule "),
    (["check", "--explain", EVERYTHING], "unknown rule "),
    (["check", ".", "--against", f"x{EVERYTHING}"], "is not in a git repository"),
    (["check", ".", f"--{EVERYTHING.replace(' ', '')}"], "unrecognized arguments: "),
    (["check", ".", "--format", EVERYTHING], "argument --format: invalid choice: "),
    (["serve", "--pace", EVERYTHING], "--pace "),
    (["serve", "--host", f"no{EVERYTHING}"], "cannot listen there"),
    (["serve", "--workflows", EVERYTHING], "--workflows '"),
    (["serve", "--tls-cert", EVERYTHING, "--tls-key", EVERYTHING], "cannot be used"),
    (["sweep", "--older-than", EVERYTHING], "--older-than "),
    (["sweep", "--service-key", EVERYTHING, "--resource-group", EVERYTHING], "pytest-aicore: "),
]


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workflow file and a folder whose names act."""
    (tmp_path / "folder\x1b[2J").mkdir()
    (tmp_path / HOSTILE_NAME).write_text(json.dumps(TEMPLATE | {"\x1b]0;key\x07": 1}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", EVERYTHING], "an argument is what a file holds"),  # several lines are not repeated
        *((["".join(each.splitlines()) for each in arguments], said) for arguments, said in REFUSALS),
    ],
    ids=lambda value: "",
)
def test_no_refusal_lets_an_argument_act(
    hostile_folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    try:
        status = main(arguments)
    except SystemExit as refused:
        status = int(refused.code or 0)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert said in err
    assert acting(err) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("output_format", ["text", "github"])
def test_names_that_only_a_revision_has_do_not_act(
    pytester: pytest.Pytester, hostile_folder: Path, output_format: str
) -> None:
    changed = json.loads((hostile_folder / HOSTILE_NAME).read_text())
    project: Any = type("Folder", (), {"path": hostile_folder})
    gone = json.dumps(TEMPLATE | {"metadata": TEMPLATE["metadata"] | {"name": "gone"}})
    (hostile_folder / f"a{HOSTILE_NAME}").write_text(gone, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    (hostile_folder / f"a{HOSTILE_NAME}").unlink()
    changed["spec"]["arguments"] = {"parameters": [{"name": "\x1b[2Jdepth\n::error::x"}]}
    (hostile_folder / HOSTILE_NAME).write_text(json.dumps(changed), encoding="utf-8")
    out = io.StringIO()
    assert check(["."], output_format=output_format, against="HEAD", out=out) == 1
    shown = out.getvalue()
    assert "AIC907" in shown
    assert "x1b[2Jdepth" in shown
    assert_calm(shown, output_format, shown.count("title="))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("output_format", FORMATS)
def test_no_encoding_ends_the_check(hostile_folder: Path, output_format: str, encoding: str) -> None:
    (hostile_folder / "b\udc80\U0001f469.yaml").write_text(json.dumps(TEMPLATE | {"\ud800 北": 1}), encoding="utf-8")
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding)
    assert check(["."], output_format=output_format, out=out) == 1
    shown = raw.getvalue().decode(encoding)
    assert_calm(shown, output_format, shown.count("title="))
    assert r"\udc80" in shown or "%80" in shown


def test_a_golden_contract_shows_what_it_holds() -> None:
    hostile = "first \u202e\x7f\u2028 \x9b grün"
    tree = TEMPLATE | {"spec": TEMPLATE["spec"] | {"arguments": {"parameters": [{"name": "a", "value": hostile}]}}}
    contract = contract_of(parse_template(json.dumps(tree)).executable)
    golden = dump(contract)
    assert acting(golden) == []
    assert '"first \\u202e\\u007f\\u2028 \\u009b gr\\u00fcn"' in golden
    assert parse_contract(golden, "golden.json") == contract


def test_the_items_of_a_hostile_file(empty: pytest.Pytester) -> None:
    names = [f"{COMMAND.replace('/', '')}.yaml", "a\x1b]0;pwned\x07\n::warning::b.yaml"]
    broken = json.dumps(TEMPLATE | {"metadata": TEMPLATE["metadata"] | {"labels": {EVERYTHING: EVERYTHING}}})
    for name in names:
        (empty.path / name).write_text(broken, encoding="utf-8")
    for arguments in (
        ["-v", "-rA", "--junit-xml=junit.xml"],
        ["--collect-only"],
        ["--aicore-update", "-v"],
        ["--tb=line"],
    ):
        result = empty.runpytest_inprocess("--aicore-check", *arguments)
        assert acting(result.stdout.str()) == []
        assert acting(result.stderr.str()) == []
        assert r"a\x1b]0;pwned\x07\n::warning::b.yaml" in result.stdout.str()
    ET.parse(empty.path / "junit.xml")
    golden = next((empty.path / "contracts").glob("*.json"), None)
    assert golden is None or acting(golden.read_text(encoding="utf-8")) == []


def test_ci_systems_are_read_as_they_read() -> None:
    assert [line for line in ("::error::x", "  ::group::x", "x ##[error]y", "##vso[x]y") if not is_command(line)] == []
    assert [line for line in ("a ::error::x", "## [x]", r"\x3a:error::x") if is_command(line)] == []
