"""The options of the checks, as written on the command line and in ini files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.errors import SettingsError, did_you_mean
from pytest_aicore.workflows.checks import RULES, CheckOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.workflows.checks import Rule


def all_rules() -> Mapping[str, Rule]:
    """Return every rule by id, those of contracts included."""
    from pytest_aicore.workflows.contracts.rules import rules_by_id

    return rules_by_id(RULES.values())


def make_options(ignore: Iterable[str], resource_plans: Iterable[str], source: str) -> CheckOptions:
    """Return the options of the checks, from their texts on the command line and in ini files.

    Args:
        ignore: `AIC302` leaves a rule out, `serving*.yaml: AIC302 AIC303` leaves rules out of some files.
        resource_plans: plans and instance types that the tenant has besides those that SAP documents.
        source: the name of the option or ini value, for messages.

    Raises:
        SettingsError: a rule is unknown.
    """
    # A removed workflow has no version label that could announce it.
    known = {*RULES, "AIC907"}
    everywhere: set[str] = set()
    in_files: dict[str, frozenset[str]] = {}
    for line in ignore:
        pattern, colon, listed = line.rpartition(":")
        rules = frozenset(rule.upper() for rule in listed.replace(",", " ").split())
        for rule in sorted(rules):
            if rule not in known:
                hint = (
                    " Rules of contracts cannot be ignored: publish a new version instead."
                    if rule in all_rules()
                    else meant(rule, RULES)
                )
                raise SettingsError(f"{source}: unknown rule {rule!r} to ignore.{hint}")
        if not rules:
            raise SettingsError(f"{source}: {line!r} has no rule; write `AIC302` or `PATTERN: AIC302`.")
        if colon:
            name = pattern.strip()
            in_files[name] = in_files.get(name, frozenset()) | rules
        else:
            everywhere |= rules
    return CheckOptions(
        ignore=frozenset(everywhere), ignore_in_files=in_files, resource_plans=frozenset(resource_plans)
    )


def meant(rule_id: str, rules: Mapping[str, Rule]) -> str:
    """Return ` Did you mean ...?` for an unknown rule, an empty string without a near match.

    Args:
        rule_id: what was written.
        rules: the rules by id.
    """
    # The rule with the next number is another rule, not a near match.
    number = re.fullmatch(r"\D*([0-9]{3})\D*", rule_id.upper().replace("O", "0"))
    if number is not None:
        return f" Did you mean 'AIC{number.group(1)}'?" if f"AIC{number.group(1)}" in rules else ""
    return did_you_mean(rule_id.lower(), [one.name for one in rules.values()])
