"""What can be wrong with an expression."""

from __future__ import annotations


class SyntaxProblem(Exception):  # noqa: N818 - a mistake of the workflow, found before anything starts
    """An expression that cannot be read, or that uses what is not known here; the message is a clause."""


class EvaluationProblem(Exception):  # noqa: N818 - the workflow's end, in Argo's words
    """An expression without a value."""


class NothingThere(EvaluationProblem):
    """Something was asked of nil: `a.b` where there is no `a`."""


__all__ = ["EvaluationProblem", "NothingThere", "SyntaxProblem"]
