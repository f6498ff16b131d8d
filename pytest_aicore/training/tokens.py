"""Tokens of XSUAA for runs on the real service: every request for one ends in time, and one serves many calls.

The SDK's own way of getting a token waits for an answer for ever, and asks anew for every call when the token lasts an
hour or less (`ai_api_client_sdk.helpers.authenticator`, sap-ai-sdk-base 3.5.0).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.known_secrets import remember
from pytest_aicore.processes import ThreadLock
from pytest_aicore.redact import Secret
from pytest_aicore.training.client import CONNECT_TIMEOUT, READ_TIMEOUT, TokenRefusal, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.training.credentials import Credentials

_EARLY = 0.1
"""A token is replaced when so much of its life is left, and a minute before its end if it lasts for two."""


class Tokens:
    """Returns `Bearer ...` when it is called, as the SDK's clients want of a token creator.

    Args:
        credentials: who asks.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        remember(credentials.secrets)  # the endpoint may repeat them
        self._lock = ThreadLock()
        self._token: Secret | None = None
        self._replaced_at = 0.0

    def __repr__(self) -> str:
        return "<Tokens>"

    @property
    def token(self) -> Secret | None:
        """`Bearer ...`, None as long as nobody has asked for it."""
        return self._token

    def __call__(self) -> str:
        """Return the token, a new one if there is none or it is about to expire.

        Raises:
            TokenRefusal: there is none to be had.
        """
        with self._lock:
            if self._token is None or time.monotonic() >= self._replaced_at:
                self._token, lifetime = self._ask()
                self._replaced_at = time.monotonic() + min(lifetime * (1 - _EARLY), max(lifetime - 60, lifetime / 2))
            return self._token

    def _ask(self) -> tuple[Secret, float]:
        import requests

        try:
            response = self._post(requests)
        except requests.RequestException as error:
            raise TokenRefusal(f"{type(error).__name__}: {error}", transient=True) from None
        except OSError as error:  # a certificate file that is not there
            raise TokenRefusal(str(error), transient=False) from None
        if response.status_code != 200:
            raise TokenRefusal(
                f"HTTP {response.status_code}: {response.text}",
                response.status_code,
                transient=response.status_code in (408, 425, 429) or response.status_code >= 500,
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), response.headers.get("Date")),
            )
        try:
            content = response.json()
            token, lifetime = Secret(f"Bearer {content['access_token']}"), float(content["expires_in"])
        except (ValueError, TypeError, KeyError):
            raise TokenRefusal("the answer cannot be read", transient=True) from None
        remember([str.__str__(token).removeprefix("Bearer ")])
        return token, lifetime

    def _post(self, requests: Any) -> Any:
        its = self._credentials
        form = {"grant_type": "client_credentials", "client_id": its.client_id}
        how: dict[str, Any] = {"timeout": (CONNECT_TIMEOUT, READ_TIMEOUT), "allow_redirects": False}
        if its.client_secret is not None:
            return requests.post(its.auth_url, data={**form, "client_secret": str.__str__(its.client_secret)}, **how)
        if its.cert_file_path is not None:
            return requests.post(its.auth_url, data=form, cert=(its.cert_file_path, its.key_file_path), **how)
        with _folder() as folder:  # requests takes files only
            certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
            certificate.write_text(str.__str__(its.cert_str), encoding="utf-8")
            key.write_text(str.__str__(its.key_str), encoding="utf-8")
            return requests.post(its.auth_url, data=form, cert=(str(certificate), str(key)), **how)


@contextmanager
def _folder() -> Iterator[str]:
    """Make a folder that nobody else may enter, and remove it.

    Not a `TemporaryDirectory`: that is also removed when a process ends that was forked in the meantime.
    """
    folder = tempfile.mkdtemp()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
