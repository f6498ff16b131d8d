"""Every test of reading runs with both of PyYAML's parsers: the one over libyaml, and the one in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflows.yaml.trees import PARSERS, use_parser

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> Iterator[str]:
    """Read YAML with one parser, then with the other."""
    with use_parser(request.param):
        yield request.param
