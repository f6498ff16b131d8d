"""The environment of a step: what template, image and AI Core give, and nothing of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.errors import did_you_mean
from pytest_aicore.running.pods import ArtifactIn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.running.pods import Pod

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What container runtimes set where the image sets nothing (containerd, oci/spec.go)."""
HOME = "/nonexistent"
"""Assumed: the home of user 65534, as whom AI Core runs containers, in Debian's /etc/passwd; it does not exist."""
_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


class SecretError(Exception):
    """A secret, or a key of it, that the template needs and nobody gave."""


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with each `$(NAME)` replaced as Kubernetes does it (third_party/forked/golang/expansion).

    Args:
        text: of a command, an argument or a variable; `$$` is a dollar sign.
        variables: what may be inserted; an unknown reference stays as it is.
    """

    def meaning(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _REFERENCE.sub(meaning, text)


def of_template(pod: Pod, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the variables that a template sets: also what its command and arguments may refer to.

    The values of secrets may be used by all others, whatever the order in the template (assumed).

    Args:
        pod: the pod.
        secrets: by the name of a secret its values by key.

    Raises:
        SecretError: a secret that is not optional is missing. The sentences are those of Kubernetes.
    """
    variables: dict[str, str] = {}
    for name, prefix, is_optional in pod.secrets_from:
        if name in secrets:
            variables.update({prefix + key: value for key, value in secrets[name].items()})
        elif not is_optional:
            raise SecretError(_missing(name, "", secrets))
    for variable, (name, key, is_optional) in pod.secrets.items():
        value = secrets.get(name, {}).get(key)
        if value is not None:
            variables[variable] = value
        elif not is_optional:
            raise SecretError(_missing(name, key, secrets))
    for variable, text in pod.env.items():
        variables[variable] = expanded(text, variables)
    return variables


def secret_files(pod: Pod, secrets: Mapping[str, Mapping[str, str]]) -> list[ArtifactIn]:
    """Return the files with the values of secrets that are mounted in a pod.

    Args:
        pod: the pod.
        secrets: by the name of a secret its values by key.

    Raises:
        SecretError: a secret that is not optional is missing.
    """
    found: list[ArtifactIn] = []
    for mount in pod.secret_files:
        values = secrets.get(mount.name, {})
        if mount.name not in secrets and not mount.is_optional:
            raise SecretError(_missing(mount.name, "", secrets))
        places = {key: f"{mount.path}/{key}" for key in values} if mount.places is None else mount.places
        for key, path in places.items():
            if key in values:
                found.append(ArtifactIn(key, path, values[key].encode(), mode=mount.mode))
            elif not mount.is_optional:
                raise SecretError(_missing(mount.name, key, secrets))
    return found


def _missing(name: str, key: str, secrets: Mapping[str, Mapping[str, str]]) -> str:
    if name not in secrets:
        return f'CreateContainerConfigError: secret "{name}" not found.{_known(name, secrets, "secrets")}'
    return (
        f'CreateContainerConfigError: couldn\'t find key {key} in Secret "{name}".{_known(key, secrets[name], "keys")}'
    )


def _known(word: str, known: Iterable[str], kind: str) -> str:
    names = ", ".join(sorted(known))
    return f" Known {kind}: {names or 'none'}.{did_you_mean(word, known)}"


def of_step(pod: Pod, own: Mapping[str, str], image: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a step.

    Args:
        pod: the pod.
        own: the variables of its template.
        image: those of its image.
        given: those that AI Core adds to each step.
    """
    of_argo = {"ARGO_CONTAINER_NAME": "main", "ARGO_INCLUDE_SCRIPT_OUTPUT": str(pod.keep_result).lower()}
    if pod.port is not None:  # no step of Argo's
        of_argo = {}
    return {"PATH": PATH, "HOME": HOME, "HOSTNAME": pod.name, **image, **given, **of_argo, **own}


__all__ = ["HOME", "PATH", "SecretError", "expanded", "of_step", "of_template", "secret_files"]
