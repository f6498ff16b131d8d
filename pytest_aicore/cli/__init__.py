"""The command `pytest-aicore`: a module a command."""

from pytest_aicore.cli.command_line import main

__all__ = ["main"]
