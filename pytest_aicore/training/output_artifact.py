"""Output artifacts: the SDK's objects, which also give what the training has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_aicore.errors import StoreError, our_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.objects.store import Store

__tracebackhide__ = our_message


class OutputArtifact:
    """What an output artifact gives besides the attributes of the SDK's `Artifact`, of which it is one.

    Attributes:
        id: its id.
        name: its name.
        url: where the object store has it, `ai://default/EXECUTION/NAME`.
    """

    # Slots, because the SDK compares artifacts by what is in their dictionaries.
    __slots__ = ("_path", "_store")

    id: str
    name: str
    url: str

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of the SDK's `Artifact`."""

    _store: Callable[[], Store]
    _path: Path | None

    @property
    def path(self) -> Path:
        """The file or folder on this machine; from AI Core and from the emulator it is fetched at the first use.

        Raises:
            StoreError: it cannot be fetched, or nobody trained it.
        """
        if self._path is None:
            self._path = self._store().path(self.url)
        return self._path

    def open(self, name: str | None = None) -> BinaryIO:
        """Open a file of it for reading; it has bytes, which `json.load`, `pickle.load` and others read.

        Args:
            name: its path in the artifact, such as `model.json`; may be left out if there is only one file.

        Raises:
            StoreError: it cannot be read, there is no such file, or nobody trained it.
        """
        store = self._store()
        if name is not None:
            return store.open(f"{self.url}/{name.replace('%', '%25')}")
        files = store.list(self.url)
        return store.open(files[0] if len(files) == 1 else self.url)


def no_store() -> Store:
    """Refuse to read outputs, for runs that were made without a store.

    Raises:
        StoreError: always.
    """
    raise StoreError("this run was made without an object store, so that its outputs cannot be read.")


def with_content(artifact: Any, store: Callable[[], Store]) -> OutputArtifact:
    """Return an output artifact that also gives its content.

    Args:
        artifact: the SDK's `Artifact`.
        store: returns the store that has the content; called when that is first used.
    """
    kind: type[OutputArtifact] = type("OutputArtifact", (OutputArtifact, type(artifact)), {})
    made = kind.__new__(kind)
    vars(made).update(vars(artifact))
    made._store, made._path = store, None  # noqa: SLF001  the class has no constructor of its own
    return made


__all__ = ["OutputArtifact", "no_store", "with_content"]
