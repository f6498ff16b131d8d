"""The items of workflow files run in a project that has its golden contracts beside them."""

from tests.cli.conftest import _wide, edit, empty, project

__all__ = ["_wide", "edit", "empty", "project"]
