"""Folders and files that were put in order as a finding says have that finding no more, and no other one instead.

What is within one file is tried in `test_remedies.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest import mock

import pytest

from pytest_aicore.workflows.checks import CheckOptions, Severity, check_files
from pytest_aicore.workflows.checks import engine as checking
from pytest_aicore.workflows.checks.folder import MAXIMUM_TEMPLATES
from tests.workflows.checks.test_several_files import serving, training

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = CheckOptions(argo_types=False)
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: library}
spec:
  entrypoint: a
  templates: [{name: a, suspend: {}}]
"""
LABELS = ARGO.replace(
    "name: library", "name: library, labels: {scenarios.ai.sap.com/id: churn, ai.sap.com/version: '1'}"
)


TYPO = "Check its path and its permissions."
NO_FILE = "Name a file; what another program writes is read from standard input: `... | pytest-aicore check -`."
NOTHING_BEHIND = "Remove the link, or restore what it leads to."
NO_TEMPLATE = (
    "Name the folder with the workflows; hidden folders and those of tools (`build`, `venv`, ...) are left out."
)
TWO_LABELS = "the labels `scenarios.ai.sap.com/id` and `ai.sap.com/version`"
Make: TypeAlias = "Callable[[Path], list[Path]]"
Repair: TypeAlias = "Callable[[Path, Path], list[Path]]"


def files(*texts: str, named: str = "") -> Make:
    """Return what writes files, and returns what is checked: the folder, or what is named in it."""

    def make(folder: Path) -> list[Path]:
        for number, text in enumerate(texts):
            (folder / f"file{number}.yaml").write_text(text, encoding="utf-8")
        return [folder / named] if named else [folder]

    return make


def linked(to: str, name: str = "link") -> Make:
    """Return what makes a folder with a template and a link."""

    def make(folder: Path) -> list[Path]:
        (folder / "elsewhere").mkdir()
        (folder / "here").mkdir()
        files(training())(folder / "here")
        files(training(name="another"))(folder / "elsewhere")
        (folder / "here" / name).symlink_to(to)
        return [folder / "here"] if "." not in name else [folder / "here" / name]

    return make


def with_pipe(folder: Path) -> list[Path]:
    files(training())(folder)
    os.mkfifo(folder / "pipe.yaml")
    return [folder / "pipe.yaml"]


def with_empty_folder(folder: Path) -> list[Path]:
    files(training())(folder)
    (folder / "empty").mkdir()
    return [folder / "empty"]


def right_path(name: str) -> Repair:
    return lambda folder, _: [folder / name]


def remove(folder: Path, at: Path) -> list[Path]:
    at.unlink()
    return [next(each for each in folder.rglob("file0.yaml")).parent]


def rewrite(old: str, new: str, *, named: bool = False) -> Repair:
    def repair(folder: Path, at: Path) -> list[Path]:
        at.write_text(at.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return [at] if named else [folder]

    return repair


def add(text: str) -> Repair:
    def repair(folder: Path, _: Path) -> list[Path]:
        (folder / "added.yaml").write_text(text, encoding="utf-8")
        return [folder]

    return repair


SECRETS = "kind: WorkflowTemplate\nkind: ConfigMap\n---\nkind: Secret\n"
CASES: list[tuple[Make, str, Repair]] = [
    (files(training(), named="flie0.yaml"), TYPO, right_path("file0.yaml")),
    (with_pipe, NO_FILE, right_path("file0.yaml")),
    (linked("gone.yaml", "link.yaml"), NOTHING_BEHIND, remove),
    (linked("gone"), NOTHING_BEHIND, remove),
    (linked("../elsewhere"), "If it holds workflows, name it as well.", lambda _, at: [at.parent, at.resolve()]),
    (with_empty_folder, NO_TEMPLATE, right_path("")),
    (
        files(SECRETS, named="file0.yaml"),
        "Write the `kind` and the `apiVersion` of a template, if it is one.",
        rewrite(SECRETS, training()),
    ),
    (
        files(serving(), training(name="another", scenario="another")),
        "Add a WorkflowTemplate of the scenario, if the tenant has none.",
        add(training()),
    ),
    (files(training(), "a: b\n"), "Move it out of the folder.", remove),
    (
        files(*(training(name=f"train-{number}") for number in range(MAXIMUM_TEMPLATES + 1))),
        "Remove some, or combine those that differ only in a value.",
        remove,
    ),
    (
        files(training(), training()),
        "Give one of them another `metadata.name`.",
        rewrite("name: churn-train", "name: another"),
    ),
    (
        files(training(), training(name="another", scenario_name="Customers")),
        "Write the same name in both, or give one another scenario id.",
        rewrite("Customers", "Churn"),
    ),
    (
        files(training(), ARGO),
        f"Add {TWO_LABELS} (the other rules are checked then), or move it out of the folder.",
        remove,
    ),
    (
        files(ARGO, named="file0.yaml"),
        f"If it is for AI Core, add {TWO_LABELS}; the other rules are checked then.",
        rewrite(ARGO, LABELS, named=True),
    ),
]
HERA = "Install it: pip install 'pytest-aicore[argo]'."
REMEDIES = [HERA, *(remedy for _, remedy, _ in CASES)]
OTHER_RULES = {"AIC260": {"AIC305", "AIC306"}}
"""Rules that are only checked when a finding is gone, and its remedy says so."""


@pytest.mark.parametrize(("make", "remedy", "repair"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_folder_that_was_put_in_order_as_told(tmp_path: Path, make: Make, remedy: str, repair: Repair) -> None:
    found = [each for each in check_files(make(tmp_path), options=OPTIONS).findings if each.remedy == remedy]
    assert len(found) == 1
    left = check_files(repair(tmp_path, Path(found[0].place.path)), options=OPTIONS).findings
    assert [str(each) for each in left if each.remedy == remedy] == []
    serious = {each.rule for each in left if each.severity is not Severity.HINT}
    assert serious <= OTHER_RULES.get(found[0].rule, set())


def test_hera_is_installed_as_told(tmp_path: Path) -> None:
    paths = files(training())(tmp_path)
    with mock.patch.object(checking, "has_all_types", return_value=False):
        (found,) = check_files(paths).findings
    assert found.remedy == HERA
    with mock.patch.object(checking, "has_all_types", return_value=True):
        assert check_files(paths).findings == []
