"""Schemathesis asks a server for everything that SAP's specification allows, and for much that it does not.

It makes up the requests and follows what answers lead to; each answer is then held against the specification by
`tests/conftest.py`, with the same named deviations as everywhere else, so it needs just one check of its own.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.api.handlers.token import mint
from pytest_aicore.workflows import read_folder
from tests.emulator.specification.openapi import BASE, FILE, WHY_NOT
from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("schemathesis", reason="schemathesis is not installed: it has a dependency group of its own")
pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=WHY_NOT)

EXAMPLES = 12
"""How many requests it makes up for each operation, beside those that cover each rule of the specification."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_request_is_answered_outside_the_specification(seed: int, tmp_path: Path) -> None:
    """No server error, no undocumented status, no other shape, whatever is asked in whatever order."""
    from pytest_aicore.emulator.serve.server import Server

    emulator = Emulator(seed)
    emulator.publish_folder(read_folder(WORKFLOWS))
    with Server(emulator) as server:
        program = [sys.executable, "-m", "schemathesis.cli", "run", str(FILE), "--url", f"{server.url}{BASE}"]
        program += ["--header", f"Authorization: Bearer {mint(emulator.gateway, 'schemathesis')}"]
        program += ["--header", "AI-Resource-Group: default", "--checks", "response_headers_conformance"]
        program += ["--max-examples", str(EXAMPLES), "--seed", str(seed), "--no-color"]
        asked = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout[-6000:]
    assert "Tested: 89" in asked.stdout
    assert emulator.incidents == []
