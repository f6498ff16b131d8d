"""The workflow files of a session's runs, with what the checks find in them: what readers of a failure look up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import AicoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_aicore.config.options import Settings
    from pytest_aicore.reports.model import RunReport
    from pytest_aicore.workflows import Template


def sources_of(
    reports: Iterable[RunReport], settings: Settings, templates: Callable[[], Mapping[str, Template]]
) -> list[dict[str, Any]]:
    """Return the files of the workflows that ran, each once: `workflow`, `text` and `findings`.

    Args:
        reports: of all tests.
        settings: of the session: which rules are ignored, which resource plans exist.
        templates: returns the workflows of the session by executable id.

    Returns:
        a finding has `rule`, `severity`, `line`, `text` (what is wrong, and what to do).
    """
    wanted = dict.fromkeys((each.executable, each.workflow) for each in reports)
    if not wanted:
        return []
    from pytest_aicore.config.check_options import make_options
    from pytest_aicore.workflows.checks import check_document

    options = make_options(settings.check_ignore.value, settings.resource_plans.value, settings.check_ignore.source)
    found = []
    try:
        known = templates()
    except AicoreError:  # the tests that need a workflow say what is wrong with the folder
        return []
    for executable, workflow in wanted:
        path = known[executable].path if executable in known else None
        try:
            data = path.read_bytes() if path is not None else None
        except OSError:
            continue
        if path is not None and data is not None:
            findings = check_document(data, str(path), options=options)
            found.append(
                {
                    "workflow": workflow,
                    "text": data.decode("utf-8-sig", "replace"),
                    "findings": [
                        {
                            "rule": finding.rule,
                            "severity": finding.severity.word,
                            "line": finding.place.line,
                            "text": finding.text,
                        }
                        for finding in findings
                    ],
                }
            )
    return found
