"""The lower bounds that pyproject.toml states are versions that the suite really ran with."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ASKED = os.environ.get("REPOSITORY_CHECKS", "")


def lower_bounds(texts: list[str]) -> dict[str, Version]:
    """Return the version that each requirement's only clause, `>=`, names."""
    bounds = {}
    for requirement in map(Requirement, texts):
        clauses = [(clause.operator, clause.version) for clause in requirement.specifier]
        assert [operator for operator, _ in clauses] == [">="], f"{requirement}: not one lower bound alone"
        bounds[requirement.name] = Version(clauses[0][1])
    return bounds


@pytest.mark.skipif(
    not ASKED.startswith("floors:"), reason="only an environment that .ci/run makes holds the lowest versions"
)
def test_the_lowest_environment_holds_every_lower_bound() -> None:
    """A bound below what was installed is a promise that nobody tried."""
    extras = PROJECT["project"]["optional-dependencies"]
    stated = lower_bounds(
        PROJECT["project"]["dependencies"]
        + [text for extra in ASKED.removeprefix("floors:").split(",") for text in extras[extra]]
        + PROJECT["dependency-groups"]["test"]
    )
    assert {name: Version(version(name)) for name in stated} == stated
    assert sys.version_info[:2] == tuple(map(int, PROJECT["project"]["requires-python"][2:].split(".")))


def test_dependencies_have_a_lower_bound_and_no_upper_one() -> None:
    """An upper bound of a plugin breaks its users' environments sooner than the dependency does."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    for texts in (PROJECT["project"]["dependencies"], *extras):
        assert lower_bounds(texts)
