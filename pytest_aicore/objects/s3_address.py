"""Addresses of places in S3: `s3://BUCKET/PREFIX`."""

from __future__ import annotations

import re
from typing import NamedTuple

SCHEME = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class S3Address(NamedTuple):
    """A place in S3.

    Attributes:
        bucket: the bucket.
        prefix: what all keys begin with, without slashes at its ends; empty for the whole bucket.
        endpoint: the URL of the service, None for what the user's environment says (`AWS_ENDPOINT_URL_S3`).
        region: of the bucket, None for what the user's environment says.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        """Return bucket and prefix as a URL."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, path: str) -> str:
        """Return the key of a path."""
        return "/".join(filter(None, (self.prefix, path)))


def s3_address(text: str) -> S3Address:
    """Return the place that a URL names.

    Args:
        text: `s3://BUCKET/PREFIX`; the prefix may be left out.

    Raises:
        ValueError: it is not of this form; the message does not repeat it.
    """
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    if not (text.startswith(SCHEME) and _BUCKET.fullmatch(bucket)):
        raise ValueError("expected s3://BUCKET/PREFIX.")
    return S3Address(bucket, prefix.strip("/"))


__all__ = ["SCHEME", "S3Address", "s3_address"]
