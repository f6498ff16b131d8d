"""A place in S3 as an object store. The only module that imports boto3.

The access keys are the user's: boto3 finds them in the environment, in a profile, or asks the machine. They stay in
boto3's client: nothing here reads them, and no message repeats what the client or the service says about them.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
import threading
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from pytest_aicore.errors import StoreError
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_aicore.objects.s3_address import S3Address
    from pytest_aicore.objects.shelf import Shelf

MISSING: Final = "S3 needs boto3, which is not installed: pip install 'pytest-aicore[s3]'"
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 30
_ATTEMPTS: Final = 2
_PAGE: Final = 1000
"""Number of keys in an answer: the most that S3 gives."""
_NO_SUCH_BUCKET: Final = frozenset({"NoSuchBucket"})
_NO_SUCH_KEY: Final = frozenset({"NoSuchKey"})
_WRONG_KEYS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId"}
)
_NOT_ALLOWED: Final = frozenset({"AccessDenied", "AllAccessDisabled"})
_KEYS: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (AWS_PROFILE)"


def require_boto3(why: str) -> None:
    """Make sure that boto3 is installed, without importing it.

    Args:
        why: what S3 is needed for, as the beginning of the message.

    Raises:
        StoreError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        raise StoreError(f"{why}: {MISSING}.")


class S3:
    """A place in S3 as an object store.

    Args:
        address: the place.
    """

    def __init__(self, address: S3Address) -> None:
        self._address = address
        self._making = threading.Lock()

    def where(self, path: str) -> str:
        """Return the path as a URL of S3."""
        return f"s3://{self._address.bucket}/{self._address.key(path)}"

    def holds(self, path: str) -> bool:
        """Return whether there is a key, or one below it."""
        return self._exists(path) or bool(self._below(path, most=1))

    def files(self, path: str, most: int | None = None) -> list[str]:
        """Return the key, and the keys below it."""
        own = [path] if path and self._exists(path) else []
        return own + self._below(path, most)

    def open(self, path: str) -> BinaryIO:
        """Read an object, and open what was read."""
        read = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        try:
            with self._plainly("read", path):
                answer = self._client.get_object(Bucket=self._address.bucket, Key=self._address.key(path))
                shutil.copyfileobj(answer["Body"], read)
                read.seek(0)
        except BaseException:
            read.close()
            raise
        return cast("BinaryIO", read)

    def put(self, path: str, file: bytes | Path) -> None:
        """Write an object."""
        bucket, key = self._address.bucket, self._address.key(path)
        with self._plainly("written", path):
            if isinstance(file, bytes):
                self._client.upload_fileobj(BytesIO(file), bucket, key)
            else:
                self._client.upload_file(str(file), bucket, key)

    def place(self, path: str) -> Path | None:  # noqa: ARG002  as in `Shelf`
        """Return None: everything has to be fetched."""
        return None

    def _exists(self, path: str) -> bool:
        """Return whether there is a key: the first one that begins with it.

        To ask for the key itself needs another permission, and S3 does not say why it refuses that.
        """
        key = self._address.key(path)
        with self._plainly("read", path):
            answer = self._client.list_objects_v2(Bucket=self._address.bucket, Prefix=key, MaxKeys=1)
        return [each["Key"] for each in answer.get("Contents", ())] == [key]

    def _below(self, path: str, most: int | None = None) -> list[str]:
        """Return the paths below a path; marks of empty folders, whose keys end with a slash, are left out."""
        prefix = self._address.key(path)
        below = f"{prefix}/" if prefix else ""
        own = len(self._address.prefix) + 1 if self._address.prefix else 0
        with self._plainly("listed", path):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._address.bucket, Prefix=below, PaginationConfig={"PageSize": _PAGE}
            )
            found: list[str] = []
            for page in pages:
                found += [each["Key"][own:] for each in page.get("Contents", ()) if not each["Key"].endswith("/")]
                if most is not None and len(found) >= most:
                    break
        return found

    @cached_property
    def _boto3(self) -> tuple[Any, Any, Any]:
        """boto3, botocore's exceptions, and its configuration."""
        require_boto3(str(self._address))
        return tuple(importlib.import_module(name) for name in ("boto3", "botocore.exceptions", "botocore.config"))  # type: ignore[return-value]

    @property
    def _client(self) -> Any:
        with self._making:  # boto3's sessions are not made for threads; its clients are
            return self._made_client

    @cached_property
    def _made_client(self) -> Any:
        boto3, _, configuration = self._boto3
        config = configuration.Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        )
        return boto3.session.Session().client(
            "s3",
            config=config,
            endpoint_url=self._address.endpoint,
            region_name=self._address.region,
        )

    @contextmanager
    def _plainly(self, done: str, path: str) -> Iterator[None]:
        """Raise what boto3 raises as an error that says what to do, without what it says of keys."""
        exceptions = self._boto3[1]
        where = f"{self.where(path)} cannot be {done}"
        try:
            yield
        except exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _NO_SUCH_KEY:
                raise StoreError(f"{where}: there is no such object.") from None
            raise StoreError(f"{where}: {self._refusal(code)}") from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
            raise StoreError(f"{where}: no access keys were found. boto3 looks for {_KEYS}.") from None
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise StoreError(
                f"{where}: {self._endpoint} does not answer ({type(error).__name__}). Check its address "
                "(AWS_ENDPOINT_URL_S3, AWS_REGION) and the network."
            ) from None
        except (exceptions.BotoCoreError, importlib.import_module("boto3.exceptions").Boto3Error, OSError) as error:
            cause = error.__context__
            if isinstance(cause, exceptions.ClientError):  # boto3 wraps it when it uploads a file
                code = str(cause.response.get("Error", {}).get("Code", ""))
                raise StoreError(f"{where}: {self._refusal(code)}") from None
            raise StoreError(f"{where}: {type(error).__name__}: {redact(str(error))}") from None
        except ValueError as error:
            if "endpoint" not in str(error).lower():
                raise
            raise StoreError(f"{where}: the endpoint is not a URL. Check AWS_ENDPOINT_URL_S3.") from None

    @property
    def _endpoint(self) -> str:
        from urllib.parse import urlsplit

        parts = urlsplit(str(self._made_client.meta.endpoint_url))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def _refusal(self, code: str) -> str:
        bucket = self._address.bucket
        if code in _NO_SUCH_BUCKET:
            return f"there is no bucket {bucket!r} at {self._endpoint}."
        if code in _WRONG_KEYS:
            return f"the access keys are refused ({code}). boto3 takes them from {_KEYS}."
        if code in _NOT_ALLOWED:
            return f"the access keys may not do this in the bucket {bucket!r} ({code})."
        return f"the service answers {code or 'with an error'}."


if TYPE_CHECKING:
    _: type[Shelf] = S3

__all__ = ["MISSING", "S3", "require_boto3"]
