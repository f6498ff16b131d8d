"""From a ServingTemplate with its values to the container that serves, as KServe and Knative start it.

Sources: kserve 0.7, pkg/apis/serving/v1beta1/predictor_custom.go, pkg/constants; Knative's runtime contract.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import WorkflowError
from pytest_aicore.running.serving.probes import Probe, probe_of
from pytest_aicore.running.walking.carried_out import SERVICE
from pytest_aicore.running.walking.config_maps import ConfigMaps
from pytest_aicore.running.walking.pod_making import pod_of
from pytest_aicore.running.walking.refusing import Refusal, beside
from pytest_aicore.running.walking.values import ValueProblem, Values, items, text_of
from pytest_aicore.workflows.yaml.source import parse
from pytest_aicore.workflows.yaml.tree import MappingNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.values import Plain
    from pytest_aicore.workflows.rendering import Manifest
    from pytest_aicore.workflows.template import ServingTemplate
    from pytest_aicore.workflows.yaml.places import Place
    from pytest_aicore.workflows.yaml.tree import Node

MODELS: Final = "/mnt/models"
"""Where KServe puts the model (`DefaultModelLocalMountPath`)."""
STORAGE_URI: Final = "STORAGE_URI"
_PORT: Final = 8080
"""KServe's `InferenceServiceDefaultHttpPort`."""
_REQUEST_SECONDS: Final = 300.0
"""Knative's default, as it is commonly installed."""
_GPU: Final = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Service:
    """What a deployment starts.

    Attributes:
        pod: its container, without the model.
        model: the URL of the model, None if none is loaded.
        readiness: says when it is ready.
        startup: has to succeed before anything else is asked, None without one.
        liveness: says whether it is still alive, None without one.
        seconds: in which it has to begin its answer to a request.
        remarks: what the user should know.
    """

    pod: Pod
    model: str | None
    readiness: Probe
    startup: Probe | None
    liveness: Probe | None
    seconds: float
    remarks: tuple[str, ...]


def service_of(
    template: ServingTemplate, manifest: Manifest, name: str, config_maps: Mapping[str, Mapping[str, str]]
) -> Service:
    """Return what a deployment starts.

    Args:
        template: the template.
        manifest: it with the values of a configuration.
        name: of the server, as its machine is called.
        config_maps: the values for `configMapKeyRef`.

    Raises:
        WorkflowError: something of it is not carried out on this machine, or is wrong.
    """
    refused = sorted(_refusals(template, manifest), key=lambda each: each.place)
    if refused:
        raise WorkflowError(
            f"{template.document.name} cannot be deployed on this machine, so nothing was started. "
            "Change these places, or deploy it on AI Core:\n" + "\n".join(f"  {each}" for each in refused)
        )
    predictor: Plain = manifest.deployment["spec"]["predictor"]
    labels = manifest.deployment["metadata"].get("labels") or {}
    try:
        return _service(template, predictor, labels, name, ConfigMaps(config_maps))
    except ValueProblem as problem:
        raise WorkflowError(f"{template.document.name}: {problem}") from None


def _service(template: ServingTemplate, predictor: Plain, labels: Plain, name: str, config_maps: ConfigMaps) -> Service:
    (container,) = items(predictor, "containers")
    ports = items(container, "ports")
    port = _number(ports[0].get("containerPort"), "containerPort") if ports else _PORT
    named = {str(each["name"]): _number(each.get("containerPort"), "containerPort") for each in ports if "name" in each}
    pod = pod_of(
        {"name": template.name, "container": container, "metadata": {"labels": labels}},
        Values(),
        node=name,
        name=name,
        line=template.place_of("spec").line,
        spec={"volumes": predictor.get("volumes")},
        config_maps=config_maps,
        keep_result=False,
    )
    written = {text_of(each.get("name")): each.get("value") for each in items(container, "env")}
    model = text_of(written[STORAGE_URI]) if written.get(STORAGE_URI) else None
    of_knative = {"PORT": str(port), "K_SERVICE": name, "K_CONFIGURATION": name, "K_REVISION": f"{name}-00001"}
    env = {**of_knative, **pod.env}
    if model is not None:
        env[STORAGE_URI] = MODELS
        pod = replace(pod, empty_dirs=(*pod.empty_dirs, MODELS), closed_dirs=(*pod.closed_dirs, MODELS))
    seconds = predictor.get("timeout")
    return Service(
        replace(pod, env=env, port=port),
        model,
        probe_of(container, "readinessProbe", port, named) or Probe(port),
        probe_of(container, "startupProbe", port, named),
        probe_of(container, "livenessProbe", port, named),
        float(_number(seconds, "timeout")) if seconds else _REQUEST_SECONDS,
        tuple(_remarks(predictor, container)),
    )


def _number(value: Any, field: str) -> int:
    text = text_of(value)
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise ValueProblem(f"invalid {field} '{text}': expected a number from 1 to 65535")
    return int(text)


def _remarks(predictor: Plain, container: Plain) -> Iterator[str]:
    if text_of(predictor.get("minReplicas", 1)) == "0":
        yield "`minReplicas` is 0: scaling to zero is not played on this machine, the server runs all the time."
    resources: Plain = container.get("resources") or {}
    if any(text_of((resources.get(key) or {}).get(_GPU, 0)) != "0" for key in ("limits", "requests")):
        yield f"it asks for a GPU (`{_GPU}`): on this machine the server gets none."


def _refusals(template: ServingTemplate, manifest: Manifest) -> Iterator[Refusal]:
    written = template.spec_block
    text = manifest["spec"].get("template", {}).get("spec")
    if written is None or not isinstance(text, str) or not text.strip():
        place = template.place_of("spec", "template", "spec")
        yield Refusal(place, "`spec.template.spec` has to be a string that holds YAML with a `predictor`.")
        return
    root = parse(text, template.document.name).root

    def place_of(node: Node) -> Place:
        return written.place(node.line, node.column)

    if type(root) is not MappingNode or type(root.values.get("predictor")) is not MappingNode:
        yield Refusal(place_of(root), "The specification has no `predictor`, the part that serves the model.")
        return
    predictor = root.mapping("predictor")
    found = list(beside(place_of, root, SERVICE, "spec"))
    yield from found
    containers = predictor.mappings_of("containers")
    if not containers and not found:
        yield Refusal(place_of(root.keys["predictor"]), "The predictor has no container.")
    for further in containers[1:]:
        what = "A further container is not carried out on this machine: only the first one serves."
        yield Refusal(place_of(further), what)
    for container in containers[:1]:
        yield from _refusals_of(container, place_of)


def _refusals_of(container: MappingNode, place_of: Any) -> Iterator[Refusal]:
    if not is_given(container, "image"):
        yield Refusal(place_of(container), "The container needs an `image`.")
    for port in container.mappings_of("ports")[:1]:
        if (port.name("name") or "").startswith("h2c"):
            what = "HTTP/2 without TLS (`h2c`) is not carried out on this machine: the server has to speak HTTP/1.1."
            yield Refusal(place_of(port.values["name"]), what)


__all__ = ["MODELS", "STORAGE_URI", "Service", "service_of"]
