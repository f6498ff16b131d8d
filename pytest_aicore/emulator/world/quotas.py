"""Quotas of a tenant, and the refusal when one is used up."""

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
"""Assumed: deployments of one resource plan in the whole tenant. It is shown, but not enforced."""
REPLICAS_PER_DEPLOYMENT = 10
"""Assumed."""

REACHED_STATUS = 400
"""Assumed: no capture shows the answer when a quota is used up."""


def refuse_beyond(count: int, maximum: int, what: str) -> None:
    """Refuse one more when the quota is used up.

    Args:
        count: the present number.
        maximum: the quota.
        what: the kind of record, in the plural.

    Raises:
        ApiError: the quota is used up; the sentence is assumed.
    """
    if count >= maximum:
        raise ApiError(REACHED_STATUS, str(REACHED_STATUS), reached(maximum, what))


def reached(maximum: int, what: str) -> str:
    """Return the sentence for a quota that is used up."""
    return f"Quota reached: the tenant has {maximum} {what}, which is the maximum"
