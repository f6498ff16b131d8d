"""The tests of this room run pytest sessions in the project of a user."""

from tests.projects import _no_machine, empty_project, message, project

__all__ = ["_no_machine", "empty_project", "message", "project"]
