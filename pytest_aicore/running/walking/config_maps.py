"""The values of ConfigMaps, which stand in no workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.errors import did_you_mean
from pytest_aicore.running.walking.values import ValueProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.running.walking.values import Plain


class ConfigMaps:
    """The ConfigMaps that users gave.

    Args:
        values: by name their values by key.
    """

    def __init__(self, values: Mapping[str, Mapping[str, str]]) -> None:
        self._values = values

    def value(self, reference: Plain) -> str | None:
        """Return a value, None if it is missing and may be.

        Args:
            reference: name and key, and whether it is `optional`.

        Raises:
            ValueProblem: it is missing. The sentences are those of Kubernetes.
        """
        name, key = str(reference.get("name") or ""), str(reference.get("key") or "")
        found = self.all(reference)
        if key not in found and not reference.get("optional"):
            raise ValueProblem(f'couldn\'t find key {key} in ConfigMap "{name}".{_known(key, found, "keys")}')
        return found.get(key)

    def all(self, reference: Plain) -> Mapping[str, str]:
        """Return all values of a ConfigMap, none if it is missing and may be.

        Args:
            reference: its name, and whether it is `optional`.

        Raises:
            ValueProblem: it is missing.
        """
        name = str(reference.get("name") or "")
        if name not in self._values and not reference.get("optional"):
            raise ValueProblem(f'configmap "{name}" not found.{_known(name, self._values, "ConfigMaps")}')
        return self._values.get(name, {})


def _known(word: str, known: Iterable[str], kind: str) -> str:
    return f" Known {kind}: {', '.join(sorted(known)) or 'none'}.{did_you_mean(word, known)}"


__all__ = ["ConfigMaps"]
