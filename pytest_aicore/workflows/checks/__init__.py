"""The checks of workflow YAML files: what other parts of the package, and users, ask for."""

from __future__ import annotations

from pytest_aicore.workflows.checks.engine import (
    CheckResult,
    FileFindings,
    check_document,
    check_files,
    check_text,
)
from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.options import CheckOptions
from pytest_aicore.workflows.checks.registry import OF_WHAT_WAS_NOT_CHECKED, RULES
from pytest_aicore.workflows.checks.rule import Layer, Rule, Severity
from pytest_aicore.workflows.checks.sniffing import has_executable, helm_placeholder, is_candidate

__all__ = [
    "OF_WHAT_WAS_NOT_CHECKED",
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
    "check_text",
    "has_executable",
    "helm_placeholder",
    "is_candidate",
]
