"""Tokens: how XSUAA issues them, and how the gateway of AI Core checks them."""

from __future__ import annotations

import base64
import binascii
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from pytest_aicore.http.exchange import GATEWAY, Response, json_response, text_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.gateway import Gateway
    from pytest_aicore.http.exchange import Request

PATH = "/oauth/token"
LIFETIME_SECONDS = 43199
"""Captured. The SDK requests a new token if the old one expires within an hour."""

_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def create(gateway: Gateway, request: Request) -> Response:
    """Answer `POST /oauth/token` as XSUAA does (success by its documentation, refusal captured)."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    grant = form.get("grant_type") or request.query.get("grant_type")
    if not grant:
        return _refused(400, "invalid_request", "Missing grant type")
    if grant != "client_credentials":
        return _refused(400, "unsupported_grant_type", f"Unsupported grant type: {grant}")
    client_id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret"))
    if not gateway.accepts_credentials(request, client_id, secret):
        return bad_credentials()
    return json_response(
        200,
        {
            "access_token": mint(gateway, client_id),
            "expires_in": LIFETIME_SECONDS,
            "jti": _digest(b"jti", client_id, "md5").hex(),
            "scope": "uaa.resource",
            "token_type": "bearer",
        },
        _NO_STORE,
    )


def refuse(gateway: Gateway, request: Request) -> Response | None:
    """Return the gateway's 401 for a request without a token of ours, or None if it has one.

    The sentences are those of Envoy's JWT filter, which is in front of AI Core (assumed; the SDK does not
    interpret a 401). On a server, and in a test that has `aicore_clock`, tokens expire by the clock. Elsewhere in one
    process they do not: the emulator's may jump over days while the client's does not; a fault (`expired token`) makes
    one expire.
    """
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if not token or scheme.lower() != "bearer":
        sentence = "Jwt is missing"
    elif token.count(".") != 2:
        sentence = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
    elif not _is_ours(token, gateway.seed):
        sentence = "Jwt verification fails"
    elif gateway.tokens_expire and _expiry(token) <= gateway.clock.client_time():
        sentence = "Jwt is expired"
    else:
        return None
    realm = f"{request.base_url}{quote(request.path, safe='/$')}"
    return text_response(401, sentence, {"www-authenticate": f'Bearer realm="{realm}"'})


def mint(gateway: Gateway, client_id: str) -> str:
    """Return a token in the form of a JSON web token, signed so that `refuse` recognises it."""
    claims: dict[str, Any] = {"client_id": client_id, "grant_type": "client_credentials", "seed": gateway.seed}
    if gateway.tokens_expire:
        now = int(gateway.clock.client_time())
        claims |= {"exp": now + LIFETIME_SECONDS, "iat": now}
    head, payload = _part({"alg": "HS256", "typ": "JWT"}), _part(claims)
    return f"{head}.{payload}.{_signature(f'{head}.{payload}', gateway.seed)}"


def _expiry(token: str) -> float:
    """Return when a token of this emulator expires."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return float(claims.get("exp", "inf"))


def _is_ours(token: str, seed: int) -> bool:
    signed, _, signature = token.rpartition(".")
    return _signature(signed, seed) == signature  # for an emulator only: it need not be hard to guess


@lru_cache(maxsize=64)  # each request has a token, mostly the same one
def _signature(text: str, seed: int) -> str:
    return _encoded(_digest(f"pytest-aicore {seed}".encode(), text, "sha256"))


def _digest(key: bytes, text: str, name: str) -> bytes:
    import hmac  # late: it brings OpenSSL with it

    return hmac.new(key, text.encode(), name).digest()


def _part(content: object) -> str:
    return _encoded(json.dumps(content, sort_keys=True).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


def bad_credentials() -> Response:
    """Return XSUAA's answer to an unknown client (captured)."""
    return _refused(401, "invalid_client", "Bad credentials")


def _refused(status: int, error: str, description: str) -> Response:
    challenge = f'Basic realm="UAA/client", error="unauthorized", error_description="{description}"'
    headers = {**GATEWAY, **_NO_STORE} | ({"www-authenticate": challenge} if status == 401 else {})
    return json_response(status, {"error": error, "error_description": description}, headers)
