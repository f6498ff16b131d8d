"""`training_output.json`: what a training made, for the next stage of a pipeline.

    {
      "artifacts": [{"execution_id": ..., "id": ..., "kind": "model", "name": ..., "url": "ai://..."}],
      "id": ..., "name": ..., "url": "ai://..."
    }

`artifacts` lists every output artifact. `id`, `name` and `url` at the top are those of the only one, as in SAP's
tutorial; with several there is no top, because whichever stood there would be a guess.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.training.finished import FinishedExecution

_TOP = ("id", "name", "url")


def outputs_of(execution: FinishedExecution) -> list[dict[str, str]]:
    """Return the output artifacts of an execution as plain data."""
    return [
        {
            "execution_id": execution.id,
            "id": artifact.id,
            "kind": artifact.kind.value,
            "name": artifact.name,
            "url": artifact.url,
        }
        for artifact in execution.output_artifacts.values()
    ]


def write_output(file: Path, outputs: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Write output artifacts to a file, all or nothing, and return what was written.

    Args:
        file: where to; its folder is made if need be.
        outputs: as `outputs_of` returns them.

    Raises:
        RunError: there is nothing to write, or the file cannot be written.
    """
    artifacts = [dict(output) for output in outputs]
    if not artifacts:
        raise RunError(f"{file} was not written: the training has no output artifact.")
    content: dict[str, Any] = {"artifacts": artifacts}
    if len(artifacts) == 1:
        content |= {name: artifacts[0][name] for name in _TOP}
    try:
        replace_file(file, json.dumps(content, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror or error}.") from None
    return content


def replace_file(file: Path, text: str) -> None:
    """Write a file, all or nothing: whoever reads it meanwhile sees the old one or the new one, never a half.

    Args:
        file: where to; its folder is made if need be.
        text: its content.

    Raises:
        OSError: it cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
