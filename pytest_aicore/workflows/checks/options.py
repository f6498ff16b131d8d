"""What the checks may take for granted, and what they leave out."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class CheckOptions:
    """What the checks may take for granted, and what they leave out.

    Attributes:
        ignore: the ids of rules that are not reported.
        ignore_in_files: ids of rules that are not reported in the files that a pattern matches.
        resource_plans: plans and instance types of the tenant, besides those that SAP documents.
        argo_types: whether to check types against hera's models; None for where hera is installed.
    """

    ignore: frozenset[str] = frozenset()
    ignore_in_files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    resource_plans: frozenset[str] = frozenset()
    argo_types: bool | None = None

    def ignores(self, rule: str, path: str) -> bool:
        """Return whether a rule is left out in a file.

        Args:
            rule: the id of the rule.
            path: the file as it is named in places.
        """
        if rule in self.ignore:
            return True
        return any(
            rule in rules and (fnmatch(path, pattern) or fnmatch(Path(path).name, pattern))
            for pattern, rules in self.ignore_in_files.items()
        )


DEFAULT_OPTIONS: Final = CheckOptions()
