"""`training_output.json`: the output artifacts of a training, for the next stage of a pipeline.

    {
      "artifacts": [{"execution_id": ..., "id": ..., "kind": "model", "name": ..., "url": "ai://..."}],
      "id": ..., "name": ..., "url": "ai://..."
    }

`artifacts` lists every output artifact. `id`, `name` and `url` at the top level are those of the only artifact, as in
SAP's tutorial. With several artifacts there are none at the top level, because the choice would be a guess.
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
        file: path of the file; its folder is created if need be.
        outputs: as `outputs_of` returns them.

    Raises:
        RunError: the outputs are empty, or the file cannot be written.
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
    """Write a file atomically: a reader sees the old content or the new one, never a part.

    Args:
        file: path of the file; its folder is created if need be.
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
