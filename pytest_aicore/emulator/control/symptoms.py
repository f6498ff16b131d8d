"""Failures by name, as SAP's troubleshooting pages and field reports describe them: for `script(symptom=...)`.

Each is a set of script fields, filled in from the executable. The shape of the details is captured; sentences are
captured where a comment says so, and else those of Kubernetes or Argo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.world.bindings import container_json, failed_nodes, pod_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from pytest_aicore.emulator.store.records import Enactment
    from pytest_aicore.workflows import Executable

BACK_OFF = 'Back-off pulling image "{image}"'
"""Kubernetes' sentence, which SAP's troubleshooting page names."""
NO_STORAGE = "You need to configure artifact storage. More information on how to do this can be found in the docs"
"""Argo's sentence, which SAP's troubleshooting page names the beginning of."""
NOT_WRITTEN = "path {path} does not exist in archive {path}"
"""Captured, with the name of the archive hidden."""
NOT_CREATED = 'CreateContainerConfigError: secret "{secret}" not found'
"""Kubernetes' sentence."""
NO_KEY = "failed to load artifact '{artifact}': The specified key does not exist."
"""The object store's sentence, which SAP's troubleshooting page names."""


def _unentitled_plan(_: Executable) -> dict[str, Any]:
    return {"stuck_in": "PENDING"}


def _image_pull(executable: Executable) -> dict[str, Any]:
    message = BACK_OFF.format(image=next(iter(executable.images), "docker.io/example/train:1"))
    return {"stuck_in": "PENDING", "status_details": _details(_waiting(message))}


def _out_of_memory(_: Executable) -> dict[str, Any]:
    return {"outcome": "DEAD", "status_details": _details(("main", 137, "OOMKilled (exit code 137)", ""))}


def _no_artifact_storage(_: Executable) -> dict[str, Any]:
    return _uploads_badly(NO_STORAGE)


def _output_not_written(executable: Executable) -> dict[str, Any]:
    return _uploads_badly(NOT_WRITTEN.format(path=next((out.path for out in executable.output_artifacts), "/out")))


def _missing_key(executable: Executable) -> dict[str, Any]:
    artifact = next((artifact.name for artifact in executable.input_artifacts), "data")
    return {
        "outcome": "DEAD",
        "status_details": _details(("init", 1, NO_KEY.format(artifact=artifact), "")),
        "logs": (),
    }


def _invalid_template(_: Executable) -> dict[str, Any]:
    return {"outcome": "DEAD", "never_runs": True, "status_details": lambda _: {}}


SYMPTOMS: Mapping[str, Callable[[Executable], dict[str, Any]]] = {
    "unentitled plan": _unentitled_plan,
    "image pull": _image_pull,
    "out of memory": _out_of_memory,
    "no artifact storage": _no_artifact_storage,
    "output not written": _output_not_written,
    "missing key": _missing_key,
    "invalid template": _invalid_template,
}
"""Script fields by symptom, as a function of the executable."""


def spelt_out(said: Mapping[str, Any], executable: Executable) -> dict[str, Any]:
    """Return script fields with the symptom replaced by the fields that it sets; explicit fields override them.

    Args:
        said: by field.
        executable: what is executed.
    """
    symptom = said.get("symptom")
    return {**SYMPTOMS[symptom](executable), **said} if symptom else dict(said)


def without_secrets(executable: Executable, docker: Container[str], generic: Container[str]) -> dict[str, Any]:
    """Return script fields for an executable that names a secret which does not exist; none if all exist.

    Without its docker registry secret an execution stays UNKNOWN (documentation); without a generic secret Kubernetes
    cannot create its container, so it stays PENDING (assumed: how AI Core shows that is not captured).

    Args:
        executable: what is executed.
        docker: the docker registry secrets that exist.
        generic: the generic secrets that exist in its resource group.
    """
    if any(name not in docker for name in executable.pull_secrets):
        return {"stuck_in": "UNKNOWN"}
    missing = next((name for name in executable.secrets if name not in generic), None)
    if missing is None:
        return {}
    return {"stuck_in": "PENDING", "status_details": _details(_waiting(NOT_CREATED.format(secret=missing)))}


def _uploads_badly(message: str) -> dict[str, Any]:
    """The training is done, and the container that uploads its outputs fails (captured)."""
    last = f'level=fatal msg="{message}"'
    main = ("main", 0, "", "Training finished")
    logs = ("Training started", "Training finished")
    return {"outcome": "DEAD", "status_details": _details(main, ("wait", 1, message, last)), "logs": logs}


def _details(*containers: tuple[str, int | None, str, str]) -> Callable[[Enactment], dict[str, Any]]:
    def details(enactment: Enactment) -> dict[str, Any]:
        failed = next(((code, message) for _, code, message, _ in containers if code), None)
        told = {"workflow_info": failed_nodes(enactment, *failed)} if failed else {}
        pod = pod_of(enactment)
        shown = [container_json(name, pod, code, message, last) for name, code, message, last in containers]
        return {**told, "details": shown}

    return details


def _waiting(message: str) -> tuple[str, int | None, str, str]:
    return ("main", None, message, "")
