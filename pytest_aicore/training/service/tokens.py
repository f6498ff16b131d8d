"""Tokens of XSUAA for runs on the real service: each request has a time limit, and a token is used for many calls.

The SDK itself waits for a token without limit, and requests a new one for every call if tokens last an hour or less
(`ai_api_client_sdk.helpers.authenticator`, sap-ai-sdk-base 3.5.0).
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.http.exchange import NETWORK
from pytest_aicore.known_secrets import remember
from pytest_aicore.processes import ThreadLock
from pytest_aicore.redact import Secret
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.service.failures import TokenRefusal, is_transient, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.http.exchange import Transport
    from pytest_aicore.training.service.credentials import Credentials

_EARLY = 0.1
"""The part of a token's life that is left when it is replaced; a token of two minutes is replaced one minute before."""


class Tokens:
    """A token creator for the SDK's clients: calling it returns `Bearer ...`.

    Args:
        credentials: of the client.
        transport: where the requests go; the network unless told otherwise.
    """

    def __init__(self, credentials: Credentials, transport: Transport = NETWORK) -> None:
        self._credentials = credentials
        self._transport = transport
        remember(credentials.secrets)  # the endpoint may repeat them
        self._clock = RealClock()
        self._lock = ThreadLock()
        self._token: Secret | None = None
        self._replaced_at = 0.0

    def __repr__(self) -> str:
        return "<Tokens>"

    @property
    def token(self) -> Secret | None:
        """`Bearer ...`, None before the first call."""
        return self._token

    def __call__(self) -> str:
        """Return the token, a new one if there is none or it is about to expire.

        Raises:
            TokenRefusal: the endpoint gave no token.
        """
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._replaced_at:
                self._token, lifetime = self._ask()
                self._replaced_at = self._clock.monotonic() + min(
                    lifetime * (1 - _EARLY), max(lifetime - 60, lifetime / 2)
                )
            return self._token

    def _ask(self) -> tuple[Secret, float]:
        import requests

        try:
            response = self._post()
        except requests.RequestException as error:
            raise TokenRefusal(f"{type(error).__name__}: {error}", transient=True) from None
        except OSError as error:  # a certificate file is missing
            raise TokenRefusal(str(error), transient=False) from None
        if response.status_code != 200:
            raise TokenRefusal(
                f"HTTP {response.status_code}: {response.text}",
                response.status_code,
                # A 404 without JSON comes from a gateway that has no route to XSUAA for a moment.
                transient=is_transient(response.status_code)
                or (response.status_code == 404 and not _is_json(response)),
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), response.headers.get("Date")),
            )
        try:
            content = response.json()
            token, lifetime = Secret(f"Bearer {content['access_token']}"), float(content["expires_in"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise TokenRefusal("the answer cannot be read", transient=True) from None
        remember([str.__str__(token).removeprefix("Bearer ")])
        return token, lifetime

    def _post(self) -> Any:
        from pytest_aicore.training.service.transport import post

        its, transport = self._credentials, self._transport
        form = {"grant_type": "client_credentials", "client_id": its.client_id}
        if its.client_secret is not None:
            return post(its.auth_url, transport, data={**form, "client_secret": str.__str__(its.client_secret)})
        if its.cert_file_path is not None:
            return post(its.auth_url, transport, data=form, cert=(its.cert_file_path, its.key_file_path))
        with _folder() as folder:  # requests takes files only
            certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
            certificate.write_text(str.__str__(its.cert_str), encoding="utf-8")
            key.write_text(str.__str__(its.key_str), encoding="utf-8")
            return post(its.auth_url, transport, data=form, cert=(str(certificate), str(key)))


@contextmanager
def _folder() -> Iterator[str]:
    """Make a folder that only this user may open, and remove it.

    It is not a `TemporaryDirectory`, because a process forked in the meantime would remove that at its end.
    """
    folder = tempfile.mkdtemp()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_json(response: Any) -> bool:
    try:
        return isinstance(response.json(), dict)
    except (ValueError, RecursionError):
        return False
