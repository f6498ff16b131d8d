"""How much a tenant may have, and what it is told when it wants more."""

from __future__ import annotations

from pytest_aicore.http.exchange import ApiError

TEMPLATES = 50
"""Documentation: workflow templates and serving templates, each."""
RESOURCE_GROUPS = 50
"""Documentation; that `default` counts is assumed."""
APPLICATIONS = 50
REPOSITORIES = 50
DOCKER_REGISTRY_SECRETS = 50
"""Documentation, for these three."""
SHARED_SECRETS = 5
"""Documentation: generic secrets that every resource group gets."""
SECRETS = 50
"""Assumed: generic secrets of one resource group, or of the main tenant."""
DEPLOYMENTS = 50
"""Assumed: deployments of one resource plan in the whole tenant. It is shown, but refuses nobody."""
REPLICAS_PER_DEPLOYMENT = 10
"""Assumed."""

REACHED_STATUS = 400
"""Assumed: nobody captured what a tenant is told that wants more than its quota."""


def refuse_beyond(count: int, maximum: int, what: str) -> None:
    """Refuse one more when the quota is used up.

    Args:
        count: how many there are.
        maximum: how many there may be.
        what: of what, in the plural.

    Raises:
        ApiError: there are as many as there may be; the sentence is assumed.
    """
    if count >= maximum:
        raise ApiError(REACHED_STATUS, str(REACHED_STATUS), reached(maximum, what))


def reached(maximum: int, what: str) -> str:
    """Return the sentence that says that a quota is used up."""
    return f"Quota reached: the tenant has {maximum} {what}, which is the maximum"
