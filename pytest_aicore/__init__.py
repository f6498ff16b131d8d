"""SAP AI Core training runs as pytest acceptance tests.

`from pytest_aicore import Status` gives the SDK's own `Status`. Names are resolved when they are first used, so
that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai_api_client_sdk.models.artifact import Artifact
    from ai_api_client_sdk.models.status import Status
    from ai_api_client_sdk.models.target_status import TargetStatus

    from pytest_aicore.baselines.gate import measured
    from pytest_aicore.baselines.predictions import predictions
    from pytest_aicore.baselines.rules import at_least, at_most, within
    from pytest_aicore.config.parameter_sets import from_param
    from pytest_aicore.deployment.answers import PredictionError
    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.deployment.from_run import from_run
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.emulator import Emulator
    from pytest_aicore.errors import AicoreError, BaselineError, GateError, PlanError, RunError, StoreError
    from pytest_aicore.hooks.isolation import FaultWarning, LocalWarning, NetworkWarning
    from pytest_aicore.objects.store import Store
    from pytest_aicore.session.environment import Environment
    from pytest_aicore.session.protocols import DeploymentFactory, OutputWriter, RunFactory
    from pytest_aicore.session.trajectories import Trajectories
    from pytest_aicore.session.virtual_time import VirtualTime
    from pytest_aicore.training.finished import FinishedExecution, LogLine, MetricValue
    from pytest_aicore.training.output_artifact import OutputArtifact
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Run
    from pytest_aicore.training.watcher import Seen
    from pytest_aicore.workflows import Template

__all__ = [
    "AicoreError",
    "Artifact",
    "BaselineError",
    "Deployment",
    "DeploymentFactory",
    "DeploymentPlan",
    "Emulator",
    "Environment",
    "FaultWarning",
    "FinishedExecution",
    "GateError",
    "LocalWarning",
    "LogLine",
    "MetricValue",
    "NetworkWarning",
    "OutputArtifact",
    "OutputWriter",
    "PlanError",
    "PredictionError",
    "Run",
    "RunError",
    "RunFactory",
    "Seen",
    "Status",
    "Store",
    "StoreError",
    "TargetStatus",
    "Template",
    "TrainingPlan",
    "Trajectories",
    "VirtualTime",
    "at_least",
    "at_most",
    "from_param",
    "from_run",
    "measured",
    "predictions",
    "within",
]

_SDK = ("Artifact", "Status", "TargetStatus")
_HOME = {
    "AicoreError": "errors",
    "BaselineError": "errors",
    "Deployment": "deployment.deployment",
    "DeploymentFactory": "session.protocols",
    "DeploymentPlan": "deployment.plan",
    "Emulator": "emulator",
    "Environment": "session.environment",
    "FaultWarning": "hooks.isolation",
    "FinishedExecution": "training.finished",
    "GateError": "errors",
    "LocalWarning": "hooks.isolation",
    "LogLine": "training.finished",
    "MetricValue": "training.finished",
    "NetworkWarning": "hooks.isolation",
    "OutputArtifact": "training.output_artifact",
    "OutputWriter": "session.protocols",
    "PlanError": "errors",
    "PredictionError": "deployment.answers",
    "Run": "training.run",
    "RunError": "errors",
    "RunFactory": "session.protocols",
    "Seen": "training.watcher",
    "Store": "objects.store",
    "StoreError": "errors",
    "Template": "workflows",
    "TrainingPlan": "training.plan",
    "Trajectories": "session.trajectories",
    "VirtualTime": "session.virtual_time",
    "at_least": "baselines.rules",
    "at_most": "baselines.rules",
    "from_param": "config.parameter_sets",
    "from_run": "deployment.from_run",
    "measured": "baselines.gate",
    "predictions": "baselines.predictions",
    "within": "baselines.rules",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing what it needs now.

    Raises:
        AttributeError: unknown name.
        SdkMissingError: it is one of the SAP SDK, which is not installed.
    """
    value: object
    if name in _SDK:
        from pytest_aicore.training.service.sdk import sdk

        value = sdk(name)
    elif name in _HOME:
        from importlib import import_module

        value = getattr(import_module(f"pytest_aicore.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, also those that have not been used yet."""
    return sorted({*globals(), *__all__})
