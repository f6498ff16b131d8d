"""Mistakes that no line of one template shows: of bytes, of whole folders, and of what the checks themselves lack.

Each is planted beside, or into, a template without a fault, and counted with the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unittest import mock

from pytest_aicore.workflows.checks import engine as checking
from pytest_aicore.workflows.checks.argo.shapes import has_all_types
from pytest_aicore.workflows.checks.document import problems
from pytest_aicore.workflows.checks.folder import MAXIMUM_TEMPLATES
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES
from tests.workflows.checks.mistakes import MISTAKES, Planted, Situation, Source, mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MISTAKES"]

_ITSELF = "template.yaml"
_BESIDE = "beside.yaml"


def _renamed(text: str, name: str) -> str:
    return re.sub(r"^  name: .*$", f"  name: {name}", text, count=1, flags=re.MULTILINE)


def _lines(text: str, pattern: str) -> frozenset[int]:
    return frozenset(text.count("\n", 0, found.start()) + 1 for found in re.finditer(pattern, text, re.MULTILINE))


def _is_filled_in(source: Source) -> bool:
    """Tell whether its ids are its own: of those that were left to be filled in nothing is compared."""
    ids = (source.value("id"), *re.findall(r"^  name: .*", source.text, re.MULTILINE))
    return not any(re.search("<|YOUR", text) for text in ids)


def _trained(source: Source) -> dict[str, str]:
    """Return a folder that holds the template, and for a ServingTemplate one that trains for its scenario."""
    files = {_ITSELF: source.text}
    if source.is_serving:
        files["a-training.yaml"] = _training(*(source.value(key) for key in ("id", "name")))
    return files


def _training(scenario: str, name: str) -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: trains-for-the-scenario
  labels:
    scenarios.ai.sap.com/id: {scenario}
    ai.sap.com/version: "1.0.0"
  annotations:
    scenarios.ai.sap.com/name: {name}
    executables.ai.sap.com/name: Training
spec:
  entrypoint: train
  templates:
    - name: train
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      container:
        image: docker.io/example/train:1
        command: ["/bin/sh", "-c"]
        args: ["python train.py"]
"""


# --- bytes --------------------------------------------------------------------------------------------------------


@mistake("saved as UTF-16 without a byte order mark", "AIC111")
def _utf_16(source: Source) -> Iterator[Planted]:
    yield Planted(source.text.encode("utf-16-le"), frozenset({1}))


@mistake("saved as Latin-1", "AIC111")
def _latin_1(source: Source) -> Iterator[Planted]:
    text = source.text.encode("ascii", "replace").decode()
    for index, found in Source(text).find(r"^kind: "):
        lines = text.splitlines()
        lines[index] += " # geprüft"
        assert found
        yield Planted("\n".join(lines).encode("latin-1"), frozenset({index + 1}))


@mistake("a picture instead of a template", "AIC111")
def _binary(_: Source) -> Iterator[Planted]:
    yield Planted(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", frozenset({1}))


@mistake("file cut off in a character", "AIC111")
def _cut(source: Source) -> Iterator[Planted]:
    text = source.text.rstrip("\n") + " # schön"
    yield Planted(text.encode()[:-2], frozenset({text.count("\n") + 1}))


@mistake("data in the template", "AIC113")
def _too_large(source: Source) -> Iterator[Planted]:
    yield Planted(source.text + "# " + MAXIMUM_BYTES * "x", frozenset({1}))


@mistake("aliases of aliases", "AIC113")
def _bomb(source: Source) -> Iterator[Planted]:
    lines = ["x0: &x0 [lol, lol]"]
    lines += [f"x{level}: &x{level} [{', '.join(9 * [f'*x{level - 1}'])}]" for level in range(1, 9)]
    text = source.text.rstrip("\n") + "\n"
    at = range(text.count("\n") + 1, text.count("\n") + 1 + len(lines))
    yield Planted(text + "\n".join(lines) + "\n", frozenset(at))


@mistake("brackets without end", "AIC113")
def _deep(source: Source) -> Iterator[Planted]:
    text = source.text.rstrip("\n") + "\nx: "
    yield Planted(text + 500 * "[" + 500 * "]", frozenset({text.count("\n") + 1}))


@mistake("everything commented out", "AIC115")
def _commented(source: Source) -> Iterator[Planted]:
    yield Planted("".join(f"# {line}\n" for line in source.lines), frozenset({1}))


@mistake("template of a Helm chart", "AIC120")
def _of_helm(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^  name: "):
        lines = source.text.splitlines()
        lines[index] = "  name: {{ .Values.name }}"
        yield Planted("\n".join(lines), frozenset({index + 1}))


@mistake("labels of AI Core forgotten", "AIC260")
def _unlabelled(source: Source) -> Iterator[Situation]:
    text = _plain_training()
    yield Situation({_ITSELF: text}, _ITSELF, _lines(text, r"^kind: "), {_ITSELF: source.text}, named=(_ITSELF,))


# --- what cannot be read, or checked --------------------------------------------------------------------------------


@mistake("path that leads nowhere", "AIC116")
def _nowhere(source: Source) -> Iterator[Situation]:
    yield Situation({_ITSELF: source.text}, "templte.yaml", frozenset({1}), {}, named=("templte.yaml",))


@mistake("checks that break down", "AIC100")
def _breaks_down(source: Source) -> Iterator[Situation]:
    files = _trained(source)
    yield Situation(
        files,
        min(files),
        _lines(files[min(files)], r"^\w"),
        files,
        named=(min(files),),
        circumstance=lambda: mock.patch.object(problems, "check", side_effect=RecursionError),
    )


@mistake("checks without hera", "AIC200")
def _without_hera(source: Source) -> Iterator[Situation]:
    files = _trained(source)
    yield Situation(
        files,
        min(files),
        frozenset({1}),
        files if has_all_types() else {},
        circumstance=lambda: mock.patch.object(checking, "has_all_types", return_value=False),
    )


# --- folders ------------------------------------------------------------------------------------------------------


@mistake("template copied, its name kept", "AIC401")
def _same_id(source: Source) -> Iterator[Situation]:
    if _is_filled_in(source):
        files = _trained(source)
        at = _lines(source.text, r"^  name: ")
        yield Situation({**files, "x-copy.yaml": source.text}, "x-copy.yaml", at, files)


@mistake("one scenario with two names", "AIC402")
def _two_names(source: Source) -> Iterator[Situation]:
    if not _is_filled_in(source):
        return
    files = _trained(source)
    copy = re.sub(
        r"^( +scenarios\.ai\.sap\.com/name: ).*$", r"\1Another name", _renamed(source.text, "another"), flags=re.M
    )
    at = _lines(copy, r"^ +scenarios\.ai\.sap\.com/name: ")
    yield Situation({**files, "x-copy.yaml": copy}, "x-copy.yaml", at, files)


@mistake("more templates than a tenant may have", "AIC403")
def _too_many(source: Source) -> Iterator[Situation]:
    if source.is_serving:
        return
    one = _training(source.value("id"), source.value("name"))
    others = {f"x-{number:02}.yaml": _renamed(one, f"copy-{number}") for number in range(MAXIMUM_TEMPLATES)}
    files = _trained(source)
    yield Situation({**files, **others}, f"x-{MAXIMUM_TEMPLATES - 1}.yaml", _lines(one, r"^  name: "), files)


@mistake("scenario that nobody trains for", "AIC404")
def _serving_only(source: Source) -> Iterator[Situation]:
    if source.is_serving and _is_filled_in(source):
        files = {**_trained(source), "a-training.yaml": _training("another-one", "Another one")}
        at = _lines(source.text, r"^ +scenarios\.ai\.sap\.com/id: ")
        yield Situation(files, _ITSELF, at, _trained(source))


@mistake("settings among the templates", "AIC405")
def _settings(source: Source) -> Iterator[Situation]:
    files = _trained(source)
    yield Situation({**files, _BESIDE: "registry: docker.io\n"}, _BESIDE, frozenset({1}), files)


@mistake("data among the templates", "AIC405")
def _data(source: Source) -> Iterator[Situation]:
    files = _trained(source)
    yield Situation({**files, "rows.json": '[{"rows": 3}]'}, "rows.json", frozenset({1}), files)


@mistake("template of plain Argo among those of AI Core", "AIC406")
def _plain_argo(source: Source) -> Iterator[Situation]:
    files = _trained(source)
    text = _plain_training()
    yield Situation({**files, _BESIDE: text}, _BESIDE, _lines(text, r"^  name: "), files)


def _plain_training() -> str:
    text = re.sub(
        r"^ *(?:labels|annotations|metadata):\n(?: +\S*ai\.sap\.com.*\n)+", "", _training("other", "other"), flags=re.M
    )
    return re.sub(r"^      metadata:\n", "", text, flags=re.M)
