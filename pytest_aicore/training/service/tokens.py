"""Tokens of XSUAA for runs on the real service: every request for one ends in time, and one serves many calls.

The SDK's own way of getting a token waits for an answer for ever, and asks anew for every call when the token lasts an
hour or less (`ai_api_client_sdk.helpers.authenticator`, sap-ai-sdk-base 3.5.0).
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.known_secrets import remember
from pytest_aicore.processes import ThreadLock
from pytest_aicore.redact import Secret
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.service.failures import TokenRefusal, is_transient, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.training.service.credentials import Credentials
    from pytest_aicore.training.service.transport import Line

_EARLY = 0.1
"""A token is replaced when so much of its life is left, and a minute before its end if it lasts for two."""


class Tokens:
    """Returns `Bearer ...` when it is called, as the SDK's clients want of a token creator.

    Args:
        credentials: who asks.
        line: where the requests go; the network unless told otherwise.
    """

    def __init__(self, credentials: Credentials, line: Line | None = None) -> None:
        self._credentials = credentials
        self._line = line
        remember(credentials.secrets)  # the endpoint may repeat them
        self._clock = RealClock()
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
        except OSError as error:  # a certificate file that is not there
            raise TokenRefusal(str(error), transient=False) from None
        if response.status_code != 200:
            raise TokenRefusal(
                f"HTTP {response.status_code}: {response.text}",
                response.status_code,
                # A 404 that is no JSON is a gateway's, which has lost its way to XSUAA for a moment.
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
        from pytest_aicore.training.service.transport import NETWORK, post

        its, line = self._credentials, self._line or NETWORK
        form = {"grant_type": "client_credentials", "client_id": its.client_id}
        if its.client_secret is not None:
            return post(its.auth_url, line, data={**form, "client_secret": str.__str__(its.client_secret)})
        if its.cert_file_path is not None:
            return post(its.auth_url, line, data=form, cert=(its.cert_file_path, its.key_file_path))
        with _folder() as folder:  # requests takes files only
            certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
            certificate.write_text(str.__str__(its.cert_str), encoding="utf-8")
            key.write_text(str.__str__(its.key_str), encoding="utf-8")
            return post(its.auth_url, line, data=form, cert=(str(certificate), str(key)))


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


def _is_json(response: Any) -> bool:
    try:
        return isinstance(response.json(), dict)
    except (ValueError, RecursionError):
        return False
