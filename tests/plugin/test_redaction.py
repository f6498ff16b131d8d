"""Credentials that were cut before they arrived: what is left of them is hidden, too."""

from __future__ import annotations

import pytest

from pytest_aicore.redact import redact

LINE = "MIIE" + 60 * "Z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{LINE[:9]}\n{LINE}\n{LINE}\nAg==\n-----END PRIVATE KEY-----\nnext line", "***\nnext line"),
        (f"it says:\r\n{LINE}\r\n{LINE}\r\nAg==\r\n-----END CERTIFICATE----- done", "it says:\r\n*** done"),
        (f'{{"a": "{LINE}\\n{LINE}\\nAg==\\n-----END RSA PRIVATE KEY-----\\n"}}', '{"a": "***\\n"}'),
        (f"{LINE} Ag== -----END EC PRIVATE KEY-----", "***"),
        (f"-----BEGIN CERTIFICATE-----\n{LINE}\n-----END CERTIFICATE-----\nand", "***\nand"),
        (f"{LINE}\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n{LINE}", "***\n***"),
        ("these are words\n-----END OF REPORT-----", "these are words\n-----END OF REPORT-----"),
        ("a sentence before\n-----END CERTIFICATE-----", "a sentence ***"),
    ],
)
def test_the_end_of_a_pem_block_without_its_beginning(text: str, shown: str) -> None:
    assert redact(text) == shown
