"""The gateway in front of the service: what each host serves, and which credentials get a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.redact import Secret

if TYPE_CHECKING:
    from pytest_aicore.emulator.world.clock import VirtualClock
    from pytest_aicore.http.exchange import Request

API, TOKENS = "API", "tokens"
"""What a host may serve exclusively."""
REAL_DOMAIN = ".hana.ondemand.com"
AUTHENTICATION_LABEL = ".authentication."
"""In the names of the real service's token hosts (documentation of service keys)."""


class Gateway:
    """The hosts and credentials of an emulator.

    Args:
        seed: of the emulator; its tokens and its service key follow from it.
        base_url: where clients think the API is, without `/v2`.
        auth_url: where clients think the token service is, without `/oauth/token`.
        clock: the clock by which tokens expire.
        tokens_expire: whether tokens expire.
    """

    def __init__(self, seed: int, base_url: str, auth_url: str, clock: VirtualClock, *, tokens_expire: bool) -> None:
        self.seed = seed
        self.base_url = base_url
        self.auth_url = auth_url
        self.clock = clock
        self.tokens_expire = tokens_expire
        hosts = [urlsplit(url).hostname or "" for url in (base_url, auth_url)]
        self._serves = dict(zip(hosts, (API, TOKENS), strict=True)) if hosts[0] != hosts[1] else {}

    @property
    def service_key(self) -> dict[str, Any]:
        """A service key as SAP BTP hands them out, with credentials that get a token."""
        return {
            "appname": f"pytest-aicore-{self.seed}!b1|aicore!b1",
            "clientid": f"sb-pytest-aicore-{self.seed}!b1|aicore!b1",
            "clientsecret": Secret(f"emulated-{self.seed}-secret"),
            "identityzone": "emulator",
            "identityzoneid": TENANT_ID,
            "serviceurls": {"AI_API_URL": self.base_url, "ML_API_URL": self.base_url},
            "url": self.auth_url,
        }

    def accepts_credentials(self, request: Request, client_id: str, client_secret: str | None) -> bool:
        """Return whether a client gets a token.

        On hosts of the real service any client does: the emulator does not have the keys of real tenants.
        """
        if request.host.endswith(REAL_DOMAIN):
            return bool(client_id)
        key = self.service_key
        if client_secret is None and request.client_certificate:
            return client_id == str(key["clientid"])
        return (client_id, client_secret) == (key["clientid"], key["clientsecret"])

    def serves_only(self, host: str) -> str | None:
        """Return `API` or `TOKENS` if a host serves only these; it does not have the paths of the other."""
        if host.endswith(REAL_DOMAIN):
            return TOKENS if AUTHENTICATION_LABEL in host else API
        return self._serves.get(host)
