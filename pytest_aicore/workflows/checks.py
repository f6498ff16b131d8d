"""The checks of workflow YAML files: what other parts of the package, and users, ask for."""

from __future__ import annotations

from pytest_aicore.workflows.rules.checking import (
    CheckOptions,
    CheckResult,
    FileFindings,
    check_document,
    check_files,
)
from pytest_aicore.workflows.rules.findings import Finding, Layer, Rule, Severity
from pytest_aicore.workflows.rules.registry import RULES
from pytest_aicore.workflows.rules.sniffing import has_executable, is_candidate

__all__ = [
    "RULES",
    "CheckOptions",
    "CheckResult",
    "FileFindings",
    "Finding",
    "Layer",
    "Rule",
    "Severity",
    "check_document",
    "check_files",
    "has_executable",
    "is_candidate",
]
