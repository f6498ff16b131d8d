"""The tests of this room run pytest sessions in the project of a user."""

from tests.projects import empty_project, message, project

__all__ = ["empty_project", "message", "project"]
