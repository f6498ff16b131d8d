"""The page about the server names every option, pace and call there is, and none that is not."""

from __future__ import annotations

import argparse
import re

from pytest_aicore.cli import command_line as cli
from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.control_api import ADMIN_ROOT, Admin
from pytest_aicore.emulator.serve.names import Names
from pytest_aicore.emulator.world.pace import PACES
from pytest_aicore.http.exchange import Request
from tests.places import ROOT

PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)


def test_options_are_listed() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    cli.serve(parser)
    options = re.findall(r"--[\w-]+", parser.format_help())
    listed = [option for row in ROWS for option in re.findall(r"`(--[\w-]+)", row)]
    assert sorted(listed) == sorted(set(options))


def test_paces_are_listed() -> None:
    assert [row.strip("`") for row in ROWS if row.strip("`") in PACES] == list(PACES)


def test_calls_are_listed() -> None:
    names = Names("127.0.0.1", is_loopback=True)
    overview = Admin(Emulator(), "http://127.0.0.1:1", names).answer(Request("GET", ADMIN_ROOT), "127.0.0.1")
    calls = set(re.findall(r"(?:GET|POST|DELETE) /__aicore__/\w+", overview.body.decode()))
    listed = set(re.findall(r"(?:GET|POST) /__aicore__/\w+", "\n".join(ROWS)))
    assert listed == calls - {"DELETE /__aicore__/requests"}
