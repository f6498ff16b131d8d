"""What clients ask for at AI Core's address, but its API does not have: who answers there, and what a test can do."""

from __future__ import annotations

import re
from typing import NamedTuple

_STUB = "Give the answer with a stub: @responses.activate, and responses.add({method!r}, {url!r}, json=...)."
_SERVICE = "{what} belong to another service of SAP AI Core ({asked}), which the emulator does not imitate."


class Elsewhere(NamedTuple):
    """A part of the address space that others answer.

    Attributes:
        path: matches its paths.
        sentence: who answers there; a template.
        advice: what a test can do; a template.
    """

    path: re.Pattern[str]
    sentence: str
    advice: str


ELSEWHERE = (
    Elsewhere(re.compile(r"/v2/lm/promptTemplates\b"), _SERVICE.replace("{what}", "Prompt templates"), _STUB),
    Elsewhere(
        re.compile(r"/v2/lm/document-?grounding\b", re.IGNORECASE),
        _SERVICE.replace("{what}", "The calls of document grounding"),
        _STUB,
    ),
    Elsewhere(
        re.compile(r"/v2/lm/(?:workflow|serving)-?templates\b", re.IGNORECASE),
        "AI Core has no call for templates ({asked}): it synchronises them from a Git repository, by way of"
        " /v2/admin/repositories and /v2/admin/applications.",
        "In a test the files of the workflows folder are there without that.",
    ),
)


def told(method: str, path: str, url: str) -> tuple[str, str] | None:
    """Return who answers a request, and what a test can do; None if that is not known.

    Args:
        method: of the request.
        path: of the request, without its query.
        url: of the request.
    """
    for each in ELSEWHERE:
        if each.path.match(path):
            sentence = each.sentence.format(asked=f"{method} {path}")
            return sentence, each.advice.format(method=method, url=url.partition("?")[0])
    return None
