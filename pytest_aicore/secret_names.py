"""Which names mean secrets: `STORAGE_ACCESS_KEY`, `clientSecret`, `x-api-key`, but not `max_tokens` and `secretName`.

A name is read word by word, however it is written, because a part of a word says nothing: `tokenizer`, `monkey`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = {
    "token", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pw",
    "credential", "credentials", "authorization", "cookie", "cookies", "certificate", "jwt", "sas",
    "dockerconfigjson", "dockercfg",
    # What is often written as one word.
    "clientsecret", "apikey", "apisecret", "accesskey", "secretkey", "secretaccesskey", "privatekey", "accountkey",
    "authkey", "accesstoken", "refreshtoken", "idtoken", "authtoken", "sastoken", "bearertoken", "privatedata",
    "connectionstring", "connstr", "sharedaccesskey", "sharedaccesssignature", "dbpassword", "userpassword",
}  # fmt: skip
"""The last word of a name that means a secret."""
_KEYS = (
    "access", "account", "admin", "api", "app", "application", "auth", "consumer", "deploy", "encryption", "functions",
    "license", "master", "private", "secret", "service", "session", "shared", "signing", "ssh", "storage",
    "subscription",
)  # fmt: skip
_PASSES = (
    "admin", "basic", "db", "database", "ftp", "http", "login", "mysql", "pg", "postgres", "redis", "root", "smtp",
    "user",
)  # fmt: skip
_SECRET_PHRASES = {
    *((what, "key") for what in _KEYS),
    *((who, "pass") for who in _PASSES),
    *((what, "tokens") for what in ("access", "api", "auth", "bearer", "refresh")),
    ("access", "key", "id"),
    ("cert", "str"),
    ("conn", "str"),
    ("connection", "string"),
    ("docker", "auth"),
    ("docker", "config", "json"),
    ("key", "str"),
    ("private", "data"),
    ("shared", "access", "signature"),
}
"""The last words of names whose last word alone says nothing: `key`, `id`, `string`, `pass`."""
_NO_TOKEN_AFTER = {
    # Special tokens of a tokenizer, places in a text, pages of a list: what training code calls a token.
    "bos", "cancel", "cancellation", "cls", "continuation", "decoder", "end", "eos", "first", "image", "in", "input",
    "last", "mask", "max", "min", "next", "num", "out", "output", "pad", "page", "per", "prev", "previous", "resume",
    "sep", "special", "start", "stop", "text", "unk", "vocab",
}  # fmt: skip
_NO_SECRET_AFTER = {"pull", "registry", "store"}
"""`imagePullSecret`, `docker_registry_secret` and `object_store_secret` are names of secrets."""
_NO_SECRET = {"token": _NO_TOKEN_AFTER, "secret": _NO_SECRET_AFTER, "secrets": _NO_SECRET_AFTER}
_ADDED = {"b64", "base64", "encoded", "header", "new", "old", "pem", "plain", "raw", "str", "string", "text", "value"}
"""Words that may follow: `password_value` and `TOKEN_2` still are secrets."""
_LONGEST = 200
"""Characters of a name that are read; nobody's name is longer."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: `client`, `secret` for `clientSecret` and `CLIENT_SECRET`.

    Args:
        name: in any notation.
    """
    return tuple(word.lower() for word in _WORD.findall(name[-_LONGEST:])) or ("",)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether the value of that name is a secret.

    Args:
        name: of a variable, parameter, header or key, in any notation.
    """
    words = words_of(name)
    while len(words) > 1 and not _ends_secret(words) and (words[-1] in _ADDED or words[-1].isdecimal()):
        words = words[:-1]
    return _ends_secret(words)


def _ends_secret(words: tuple[str, ...]) -> bool:
    last = words[-1]
    if last in _SECRET or last.endswith(("password", "passwd", "passphrase", "apikey", "clientsecret")):
        return not (len(words) > 1 and words[-2] in _NO_SECRET.get(last, ()))
    # Docker's `config.json` calls user and password `auth`.
    return any(words[-length:] in _SECRET_PHRASES for length in (2, 3)) or words == ("auth",)
