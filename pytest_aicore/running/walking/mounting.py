"""The volumes of a pod: empty folders, and folders with the values of ConfigMaps and secrets.

Source: Kubernetes, concepts "Volumes" and "ConfigMaps"; pkg/volume/configmap/configmap.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.pods import ArtifactIn, SecretFiles
from pytest_aicore.running.walking.values import Plain, ValueProblem, items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.walking.config_maps import ConfigMaps

_MODE: Final = 0o644
_WRITABLE: Final = 0o222


@dataclass(slots=True)
class Mounted:
    """What is mounted in a pod.

    Attributes:
        empty_dirs: paths at which an empty folder is mounted.
        closed: those of them that a step cannot change.
        files: files with the values of ConfigMaps.
        secrets: files with the values of secrets.
    """

    empty_dirs: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    files: list[ArtifactIn] = field(default_factory=list)
    secrets: list[SecretFiles] = field(default_factory=list)


def mounted(container: Plain, volumes: list[Plain], config_maps: ConfigMaps) -> Mounted:
    """Return what a container mounts.

    Args:
        container: the container.
        volumes: those that it may name, the ones of its template first.
        config_maps: the values of ConfigMaps.

    Raises:
        ValueProblem: an unknown volume, or a ConfigMap that is missing.
    """
    by_name = {volume["name"]: volume for volume in reversed(volumes)}
    found = Mounted()
    for mount in items(container, "volumeMounts"):
        volume = by_name.get(mount["name"])
        if volume is None:
            raise ValueProblem(f"volume '{mount['name']}' not found in workflow spec")
        _add(found, mount, volume, config_maps)
    return found


def _add(found: Mounted, mount: Plain, volume: Plain, config_maps: ConfigMaps) -> None:
    path, part = str(mount["mountPath"]).rstrip("/"), mount.get("subPath")
    of_map, of_secret = volume.get("configMap"), volume.get("secret")
    if of_map is None and of_secret is None:
        found.empty_dirs.append(mount["mountPath"])
        return
    if part is None:
        found.empty_dirs.append(path)
        found.closed.append(path)
    source: Plain = of_map if of_map is not None else of_secret or {}
    places = {each["key"]: str(each["path"]) for each in items(source, "items")} or None
    mode = _mode(source.get("defaultMode"))
    is_optional = bool(source.get("optional"))
    if of_map is None:
        wanted = None if places is None else {key: place for key, place in places.items() if part in (None, place)}
        wanted = {part: part} if places is None and part is not None else wanted
        only = None if wanted is None else {key: _within(path, place, part) for key, place in wanted.items()}
        found.secrets.append(SecretFiles(path, str(source.get("secretName") or ""), only, is_optional, mode))
        return
    values = config_maps.all(source)
    wanted = {key: key for key in values} if places is None else places
    for key, place in wanted.items():
        if part in (None, place):
            text = config_maps.value({**source, "key": key})
            if text is not None:
                found.files.append(ArtifactIn(key, _within(path, place, part), text.encode(), mode=mode))


def _within(path: str, place: str, part: str | None) -> str:
    """Return the path of a file; of a volume of which only that file is mounted, the mount's own."""
    if place.startswith("/") or ".." in place.split("/"):
        raise ValueProblem(f"the path of a volume's file must not leave the volume: {place}")
    return path if part is not None else f"{path}/{place}"


def _mode(value: Any) -> int:
    return (_MODE if value is None else int(value)) & ~_WRITABLE


def env_from(container: Plain, config_maps: ConfigMaps) -> tuple[dict[str, str], list[tuple[str, str, bool]]]:
    """Return the variables of `envFrom`: those of ConfigMaps, and the secrets with their prefixes.

    Args:
        container: the container.
        config_maps: the values of ConfigMaps.

    Raises:
        ValueProblem: a ConfigMap is missing.
    """
    texts: dict[str, str] = {}
    secrets: list[tuple[str, str, bool]] = []
    for each in items(container, "envFrom"):
        prefix = str(each.get("prefix") or "")
        if each.get("configMapRef"):
            texts.update(literally(config_maps.all(each["configMapRef"]), prefix))
        elif each.get("secretRef"):
            reference = each["secretRef"]
            secrets.append((str(reference.get("name") or ""), prefix, bool(reference.get("optional"))))
    return texts, secrets


def literally(values: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Return variables whose values are not expanded: `$(NAME)` in them stays."""
    return {prefix + name: value.replace("$", "$$") for name, value in values.items()}


__all__ = ["Mounted", "env_from", "literally", "mounted"]
