"""What looks like a secret is taken out of any text, in time that grows with the text only."""

from __future__ import annotations

import time

import pytest

from pytest_aicore.redact import redact

SECONDS = 4.0
"""Of processor time, for what takes a tenth of one; what is not linear takes minutes."""


@pytest.mark.parametrize(
    "text",
    [
        "A" * 200_000 + "-----END A",
        "token" + "\\" * 200_000,
        '"token": ' + "\\" * 200_000 + '"' + "\\" * 200_000,
        "eyJaaaa-" * 25_000,
        "a." * 100_000 + "@",
    ],
    ids=["base64", "backslashes", "backslashes in a value", "half tokens", "schemes"],
)
def test_any_text_takes_time_in_proportion(text: str) -> None:
    begin = time.process_time()
    redact(text)
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("x: MIIEowIBAAKCAQEA1234\n-----END CERTIFICATE----- y", "x:*** y"),
        (r"x: MIIEowIBAAKCAQEA1234\n\\nabcd\r-----END CERTIFICATE----- y", "x:*** y"),
        ("-----BEGIN A-----\nMIIE\n-----END A----- y -----BEGIN B-----\nMIIE", "*** y ***"),
        ("eyJhbGciOi-JSUz.eyJzdWI.c2ln", "***"),
        (r"{\"client_secret\": \"s3cr3t\", \"x\": 1}", r"{\"client_secret\": \"***\", \"x\": 1}"),
        ("postgresql+asyncpg://user:s3cr3t@host", "postgresql+asyncpg://user:***@host"),
    ],
)
def test_what_is_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted
