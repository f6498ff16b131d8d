"""A step under kfp's runner of processes; a module of its own, because kfp wants annotations that are no strings."""

import logging
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from time import perf_counter

from kfp import dsl, local


def tiny(model: dsl.Output[dsl.Model]) -> None:
    """Write a model."""
    with open(model.path, "w") as file:  # noqa: PTH123  # kfp copies this source, without imports
        file.write("trained")


as_documented = dsl.component(tiny, base_image="python:3.11")
"""Installs kfp before the step, if only to find it there, as each component does that is not told otherwise."""
without_installation = dsl.component(tiny, base_image="python:3.11", install_kfp_package=False)


def runner(folder: str, component: Callable[[], object]) -> Callable[[], float]:
    """Return what measures such a step, without a virtual environment of its own.

    Args:
        folder: where kfp may write.
        component: one of the two.
    """
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=folder)
    logging.disable(logging.INFO)

    def run() -> float:
        began = perf_counter()
        with redirect_stdout(StringIO()):
            component()
        return perf_counter() - began

    return run
