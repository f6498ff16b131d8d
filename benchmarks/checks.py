"""The checks of workflow files: what they find, what they say wrongly and cost, and what others do with the same.

Prints a table of its own besides the figures: per kind of mistake where something was missed, and the comparison.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from benchmarks.measuring import Figure, environment, in_turns, pytest_run
from pytest_aicore.workflows.checks import RULES, CheckOptions, Severity, check_document, check_files
from tests.places import ROOT
from tests.workflows.checks.mistakes import Planted
from tests.workflows.checks.planting import Tally, all_kinds, corpus, faultless, plantings
from tests.workflows.checks.situations import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES_TO_COLLECT = 500
OUR_FILES = sorted((ROOT / "workflows").glob("*.yaml"))
# Real templates in which something is wrong for certain: a number in a variable, inputs that are not declared, maps
# for blocks, a TAB, names and labels missing. All others run.
KNOWN_TO_BE_WRONG = frozenset({"005", "054", "145", "153", "164", "189"})


def figures() -> Iterator[Figure]:
    """Measure recall, false alarms, the comparison, and speed."""
    yield from _real_files()
    yield from _planted()
    _compare()
    yield from _speed()
    yield _collection()


# --- real files ---------------------------------------------------------------------------------------------------


def _real_files() -> Iterator[Figure]:
    shared = corpus()
    if shared is None:
        print("checks: no real files; PYTEST_AICORE_SHARED names the folder that holds corpus/", file=sys.stderr)
        return
    with_errors = {path.name[:3] for path in sorted((shared / "aicore").glob("*.yaml")) if _errors(path)}
    wrongly = sorted(with_errors - KNOWN_TO_BE_WRONG)
    yield Figure("checks: real AI Core templates that run, called wrong", len(wrongly), "files", at_most=0)
    yield Figure(
        "checks: real AI Core templates that are wrong, found",
        100 * len(with_errors & KNOWN_TO_BE_WRONG) / len(KNOWN_TO_BE_WRONG),
        "%",
        at_least=100,
    )
    valid = [path.name for path in sorted((shared / "argo-valid").glob("*.yaml")) if _errors(path)]
    yield Figure("checks: Argo's valid examples, called wrong", len(valid), "files", at_most=0, detail=" ".join(valid))
    invalid = sorted((shared / "argo-invalid").glob("*.yaml"))
    found = [path for path in invalid if check_document(path.read_bytes())]
    yield Figure("checks: what Argo's tests refuse, found", 100 * len(found) / len(invalid), "%", at_least=80)


def _errors(path: Path) -> list[str]:
    findings = check_document(path.read_bytes(), path.name)
    return [finding.rule for finding in findings if finding.severity is Severity.ERROR]


# --- planted mistakes ---------------------------------------------------------------------------------------------


def _planted() -> Iterator[Figure]:
    texts = faultless(with_corpus=True)
    kinds = all_kinds(texts)
    total = Tally()
    for name, result in kinds.items():
        if result.failures:
            print(
                f"  {name}: planted {result.planted}, found {result.found}, right line {result.right}, "
                f"nothing else {result.clean}; the first: {result.failures[0]}"[:300]
            )
        total.add(result)
    rules = {rule for mistake in MISTAKES for rule in mistake.rules}
    detail = f"{total.planted} mistakes of {len(kinds)} kinds in {len(texts)} files, {len(rules)} of {len(RULES)} rules"
    yield Figure("checks: planted mistakes found", 100 * total.found / total.planted, "%", at_least=98, detail=detail)
    yield Figure("checks: planted mistakes at the right line", 100 * total.right / total.planted, "%", at_least=95)
    others = total.planted - total.clean
    yield Figure("checks: findings beside the planted mistake", 100 * others / total.planted, "%", at_most=1)


# --- side by side -------------------------------------------------------------------------------------------------


class _Tool(NamedTuple):
    """A tool: what it says of a text, and with which of that it refuses the text."""

    name: str
    complaints: Callable[[str], set[str]]
    refusals: Callable[[str], set[str]]


def _compare() -> None:
    """Print what others find in the same files: WorkflowTemplates only; they do not support ServingTemplates."""
    texts = {name: text for name, text in faultless(with_corpus=False).items() if "kind: WorkflowTemplate" in text}
    valid = [
        text
        for name, text in faultless(with_corpus=True).items()
        if "kind: WorkflowTemplate" in text and name[:3] not in KNOWN_TO_BE_WRONG
    ]
    planted = [
        (mistake, text, one)
        for mistake in MISTAKES
        if min(mistake.rules) >= "AIC123" or mistake.rules & {"AIC102", "AIC103", "AIC106", "AIC107", "AIC110"}
        for text, one in _once(mistake.name, texts)
    ]
    argo = [one for one in planted if not min(one[0].rules).startswith("AIC3")]
    aicore = [one for one in planted if min(one[0].rules).startswith("AIC3")]
    print(f"\n{'side by side':28}{'YAML and Argo':>16}{'AI Core':>12}{'valid called wrong':>22}{'ms per file':>14}")
    print(f"{'':28}{len(argo):>16}{len(aicore):>12}{len(valid):>22}")
    for tool in _tools():
        shares = []
        for group in (argo, aicore):
            found = sum(bool(tool.complaints(one.text) - tool.complaints(text)) for _, text, one in group)
            shares.append(f"{100 * found / len(group):.0f} %")
        begin = process_time()
        wrong = sum(bool(tool.refusals(text)) for text in valid)
        cost = 1000 * (process_time() - begin) / len(valid)
        print(f"{tool.name:28}{shares[0]:>16}{shares[1]:>12}{wrong:>22}{cost:>14.1f}")
    print()


def _once(name: str, texts: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield one planting of a kind in each file, of those that are a text."""
    mistake = next(mistake for mistake in MISTAKES if mistake.name == name)
    seen: set[str] = set()
    for file, planted in plantings(mistake, texts):
        if file not in seen and isinstance(planted, Planted) and isinstance(planted.text, str):
            seen.add(file)
            yield texts[file], planted


def _tools() -> Iterator[_Tool]:
    yield _Tool("pytest-aicore", lambda text: _ours(text, Severity.WARNING), lambda text: _ours(text, Severity.ERROR))
    if find_spec("tugboat") is not None:
        analyze = import_module("tugboat.engine").analyze_yaml_stream

        def by_tugboat(text: str, *types: str) -> set[str]:
            return {f"{one.code} {one.loc} {one.msg}" for one in analyze(text) if not types or one.type in types}

        yield _Tool(
            "argo-tugboat",
            lambda text: _said(lambda: by_tugboat(text)),
            lambda text: _said(lambda: by_tugboat(text, "error", "failure")),
        )
    else:
        print("(argo-tugboat is not installed: it needs Python 3.12)")
    if find_spec("hera") is None:
        print("(hera is not installed)")
        return
    model = import_module("hera.workflows.models").WorkflowTemplate
    error_class = import_module("pydantic").ValidationError

    def by_hera(text: str) -> set[str]:
        try:
            model.model_validate(yaml.safe_load(text))
        except error_class as error:
            return {f"{one['loc']} {one['msg']}" for one in error.errors()}
        return set()

    def asks_hera(text: str) -> set[str]:
        return _said(lambda: by_hera(text))

    yield _Tool("hera's models", asks_hera, asks_hera)
    if find_spec("jsonschema") is None:
        print("(jsonschema is not installed)")
        return
    validator = import_module("jsonschema").Draft202012Validator(model.model_json_schema(by_alias=True))

    def asks_the_schema(text: str) -> set[str]:
        return _said(lambda: {f"{list(one.path)} {one.message}" for one in validator.iter_errors(yaml.safe_load(text))})

    yield _Tool("jsonschema, hera's schema", asks_the_schema, asks_the_schema)


def _ours(text: str, least: Severity) -> set[str]:
    return {f"{finding.rule} {finding.message}" for finding in check_document(text) if finding.severity >= least}


def _said(ask: Callable[[], set[str]]) -> set[str]:
    try:
        return ask()
    except Exception as error:  # whatever it raises for a text that it cannot read counts as a complaint
        return {f"{type(error).__name__} {str(error)[:80]}"}


# --- speed --------------------------------------------------------------------------------------------------------


def _speed() -> Iterator[Figure]:
    files = [path.read_bytes() for path in [*OUR_FILES, *sorted((Path(__file__).parent / "samples").glob("*.yaml"))]]
    for data in files:
        check_document(data)
    rounds = 30
    best = 0.0
    for _ in range(5):
        begin = process_time()
        for _ in range(rounds):
            for data in files:
                check_document(data)
        best = max(best, rounds * len(files) / (process_time() - begin))
    parser = "libyaml" if yaml.__with_libyaml__ else "PyYAML's own parser"
    yield Figure("checks: files of 3 kB per second and core", best, "files/s", at_least=500, detail=parser)
    with tempfile.TemporaryDirectory() as name:
        few, many = _check_copies(Path(name), 500), _check_copies(Path(name), 5000)
    yield Figure(
        "checks: a file among 5,000, against one among 500",
        (many / 5000) / (few / 500),
        "x",
        at_most=1.3,
        detail=f"{few:.2f} s, {many:.2f} s",
    )
    six = [str(path) for path in [*OUR_FILES, *OUR_FILES[:2]]]
    code = (
        "from pytest_aicore.workflows.checks import CheckOptions, check_files; "
        f"check_files({six!r}, options=CheckOptions(argo_types=False))"
    )
    ours, bare = _processor_time(code), _processor_time("import yaml")
    yield Figure(
        "checks: a program that checks 6 files, over one that imports PyYAML",
        1000 * (ours - bare),
        "ms",
        at_most=150,
        detail=f"{1000 * ours:.0f} ms, {1000 * bare:.0f} ms of processor time",
    )


def _collection() -> Figure:
    """Measure what collecting a workflow file as two tests adds to a run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copies(folder / "workflows", FILES_TO_COLLECT)
        (folder / "test_other.py").write_text("def test_it(): pass", encoding="utf-8")
        pairs = in_turns(
            lambda: pytest_run(folder, "-q", "--collect-only", "--aicore-check", expect="1001 tests").processor,
            lambda: pytest_run(folder, "-q", "--collect-only", expect="1 test").processor,
            rounds=7,
        )
    return Figure(
        "checks: collecting a file, over not collecting it",
        1000 * pairs.difference / FILES_TO_COLLECT,
        "ms",
        at_most=2,
        detail=pairs.medians("s", 1),
    )


def _copies(target: Path, count: int) -> None:
    target.mkdir()
    texts = [path.read_text(encoding="utf-8") for path in OUR_FILES]
    for number in range(count):
        text = texts[number % len(texts)].replace("\n  name: ", f"\n  name: n{number}-", 1)
        (target / f"w{number}.yaml").write_text(text, encoding="utf-8")


def _check_copies(folder: Path, count: int) -> float:
    target = folder / str(count)
    _copies(target, count)
    options = CheckOptions(argo_types=False)
    begin = process_time()
    check_files([target], options=options)
    return process_time() - begin


def _processor_time(code: str, rounds: int = 9) -> float:
    times = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return sorted(times)[rounds // 2]
