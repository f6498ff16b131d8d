"""The schema of the markers, and how several of them on one test are merged. It does not depend on pytest."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def aicore(
    workflow: Any = None,
    *,
    artifacts: Any = None,
    parameters: Any = None,
    expect: Any = "COMPLETED",
    timeout: Any = None,
    fresh: Any = False,
    name: Any = None,
    emulated: Any = None,
) -> None:
    """The schema of the marker `aicore` is the signature of this function.

    Args:
        workflow: file name, file name without suffix, or executable id.
        artifacts: input artifact name to URL.
        parameters: workflow parameter name to value.
        expect: the final status; None accepts any.
        timeout: seconds until the training must have ended.
        fresh: whether the test wants a run of its own.
        name: what the run's configuration is called.
        emulated: what the emulator plays for the run: metrics, logs, outputs.
    """


def aicore_deployment(
    workflow: Any = None,
    *,
    artifacts: Any = None,
    parameters: Any = None,
    predict: Any = None,
    ready: Any = None,
    ttl: Any = None,
    timeout: Any = None,
    fresh: Any = False,
    name: Any = None,
    emulated: Any = None,
) -> None:
    """The schema of the marker `aicore_deployment` is the signature of this function.

    Args:
        workflow: file name of a serving template, file name without suffix, or executable id.
        artifacts: input artifact name to URL, or to `from_run(output)`.
        parameters: parameter name to value.
        predict: the path of predictions.
        ready: what a right answer is.
        ttl: after which time AI Core deletes the deployment.
        timeout: seconds until it must be ready.
        fresh: whether the test wants a deployment of its own.
        name: what its configuration is called.
        emulated: what the emulator plays for it: answers.
    """


class MarkerUse:
    """One marker on a test, a class or a module.

    Args:
        args: its positional arguments.
        kwargs: its keyword arguments.
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        self.args = args
        self.kwargs = kwargs


def bind_marker(
    name: str, schema: Callable[..., object], use: MarkerUse, place: str, what: str = "the marker"
) -> dict[str, Any]:
    """Return the arguments that a marker was given, by name.

    Args:
        name: the marker.
        schema: the function whose signature is the marker's schema.
        use: what was written.
        place: `file:line` of the test, for the message.
        what: the kind of the name, for the message.

    Raises:
        SettingsError: the signature does not allow it.
    """
    signature = _written(schema)
    try:
        return dict(signature.bind(*use.args, **use.kwargs).arguments)
    except TypeError as error:
        unknown = [word for word in use.kwargs if word not in signature.parameters]
        reason = (
            f"it has no argument {unknown[0]!r}.{did_you_mean(unknown[0], signature.parameters)}"
            if unknown
            else f"{error}."
        )
        raise SettingsError(
            f"{place}: {what} {name!r} cannot be read: {reason}\nIt takes {marker_signature(name, schema)}"
        ) from None


def marker_signature(name: str, schema: Callable[..., object]) -> str:
    """Return how a marker is written: its name and the schema's parameters with defaults, without types."""
    return f"{name}{_written(schema)}"


def _written(schema: Callable[..., object]) -> inspect.Signature:
    """Return the signature of a marker as users write it, without `self` and `place`."""
    signature = inspect.signature(schema)
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name not in ("self", "place")
    ]
    return signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)


def merge_markers(
    uses: Iterable[MarkerUse], place: str, name: str = "aicore", schema: Callable[..., object] = aicore
) -> dict[str, Any]:
    """Return the arguments of the markers of one name on one test: a nearer one overrides a farther one by field.

    Args:
        uses: the markers, the farthest (module) first, the nearest (function, parameter set) last.
        place: `file:line` of the test, for the message.
        name: of the markers.
        schema: the function whose signature is their schema.

    Raises:
        SettingsError: one of them cannot be read.
    """
    merged: dict[str, Any] = {}
    for use in uses:
        merged.update(bind_marker(name, schema, use, place))
    return merged


def merge_scripts(
    levels: Iterable[Iterable[MarkerUse]], schema: Callable[..., object], place: str
) -> list[dict[str, Any]]:
    """Return the arguments of the `aicore_script` markers of one test: one dictionary for each target.

    A nearer marker overrides a farther one for the same target field by field. Two on the same level that
    give one field of one target different values contradict each other, which is an error.

    Args:
        levels: the markers of each level, the farthest (module) first.
        schema: `Emulator.script`, bound.
        place: `file:line` of the test, for the message.

    Raises:
        SettingsError: one of them cannot be read, or two contradict each other.
    """
    merged: dict[tuple[object, object], dict[str, Any]] = {}
    for level in levels:
        here: dict[tuple[object, object], dict[str, Any]] = {}
        for use in level:
            arguments = bind_marker("aicore_script", schema, use, place)
            target = (arguments.get("executable"), arguments.get("execution"))
            known = here.setdefault(target, {})
            clash = [field for field in arguments if field in known and known[field] != arguments[field]]
            if clash:
                field = clash[0]
                raise SettingsError(
                    f"{place}: two aicore_script markers contradict each other: {field}={known[field]!r} and"
                    f" {field}={arguments[field]!r} for {_target(target)}.\n"
                    "Keep one, or give each of them its own `executable`."
                )
            known.update(arguments)
        for target, arguments in here.items():
            merged.setdefault(target, {}).update(arguments)
    return list(merged.values())


def _target(target: tuple[object, object]) -> str:
    executable, execution = target
    if execution is not None:
        return f"execution {execution!r}"
    return f"executable {executable!r}" if executable is not None else "every executable"
