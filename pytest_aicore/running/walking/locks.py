"""The mutexes and semaphores of templates, as far as nodes of one workflow wait for each other.

Source: argo-workflows 3.5, docs/synchronization.md and workflow/sync/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.running.walking.pod_making import whole_number
from pytest_aicore.running.walking.values import Plain, items

if TYPE_CHECKING:
    from pytest_aicore.running.walking.config_maps import ConfigMaps


def locks_of(template: Plain, config_maps: ConfigMaps) -> dict[str, int]:
    """Return by its name how many nodes may hold each lock that a template needs; always in the same order.

    Args:
        template: its content, in which all tags are replaced.
        config_maps: the values of ConfigMaps, which say how many may hold a semaphore.

    Raises:
        ValueProblem: a ConfigMap or a key of it is missing, or its value is not a number.
    """
    wanted = template.get("synchronization") or {}
    found: dict[str, int] = {}
    for mutex in [*_one(wanted, "mutex"), *items(wanted, "mutexes")]:
        found[f"Mutex/{mutex.get('name')}"] = 1
    for semaphore in [*_one(wanted, "semaphore"), *items(wanted, "semaphores")]:
        reference = semaphore.get("configMapKeyRef") or {}
        size = config_maps.value({**reference, "optional": False})
        found[f"ConfigMap/{reference.get('name')}/{reference.get('key')}"] = whole_number(size, "semaphore")
    return dict(sorted(found.items()))


def _one(owner: Plain, key: str) -> list[Plain]:
    return [owner[key]] if isinstance(owner.get(key), dict) else []


__all__ = ["locks_of"]
