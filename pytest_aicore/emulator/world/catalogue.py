"""What every tenant of SAP AI Core has without a template of its own: the scenarios of generative AI.

The scenarios, the label and the calls are those of the specification and SAP's own tests; which models there are
changes by the month, so the list is a plausible choice (assumed), made of names that SAP's catalogue has had.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.emulator.store.records import EPOCH, PublishedExecutable
from pytest_aicore.emulator.store.state import EXTENDED, SERVICE_PLANS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.http.exchange import Json

FOUNDATION_MODELS = "foundation-models"
ORCHESTRATION = "orchestration"
GLOBAL_SCENARIOS = frozenset({FOUNDATION_MODELS, ORCHESTRATION})
"""They are visible although no workflow template defines them."""
TRAINED_BY_SAP = {
    "genai-optimizations": "AI Core global scenario for prompt optimization",
    "genai-evaluations": "AI Core global scenario for evaluations",
}
"""SAP's own executables that tutorials of 2025 execute, each in the scenario of the same name; what they take is not
known, so configurations may bind anything (assumed)."""
LLM_LABEL = ("scenarios.ai.sap.com/llm", "true")
VERSION = "0.0.1"
"""Assumed."""


class Model(NamedTuple):
    """A foundation model."""

    name: str
    executable: str
    provider: str
    version: str
    title: str
    takes: tuple[str, ...] = ("text", "image")
    does: tuple[str, ...] = ("text-generation",)
    context: int = 128_000


MODELS = (
    Model("gpt-4o", "azure-openai", "OpenAI", "2024-11-20", "GPT-4o"),
    Model("gpt-4o-mini", "azure-openai", "OpenAI", "2024-07-18", "GPT-4o Mini"),
    Model(
        "text-embedding-3-small",
        "azure-openai",
        "OpenAI",
        "1",
        "Text Embedding 3 Small",
        ("text",),
        ("embeddings",),
        8_191,
    ),
    Model("anthropic--claude-3.5-sonnet", "aws-bedrock", "Anthropic", "1", "Claude 3.5 Sonnet", context=200_000),
    Model("amazon--nova-pro", "aws-bedrock", "Amazon", "1", "Nova Pro", context=300_000),
    Model("gemini-2.0-flash", "gcp-vertexai", "Google", "001", "Gemini 2.0 Flash", context=1_000_000),
    Model("mistralai--mistral-large-instruct", "aicore-mistralai", "Mistral AI", "2407", "Mistral Large", ("text",)),
    Model("meta--llama3.1-70b-instruct", "aicore-opensource", "Meta", "202407", "Llama 3.1 70B", ("text",)),
)
EMBEDDING = "embeddings"
_COSTS = [{"inputCost": "0.001"}, {"outputCost": "0.002"}]
"""Captured are the names; the amounts are made up."""
_RETIREMENT = ""
"""Assumed: the field is captured, and none of these models has a date yet."""


@lru_cache(maxsize=len(SERVICE_PLANS))
def catalogue_of(service_plan: str) -> Mapping[str, PublishedExecutable]:
    """Return the executables that a tenant with this service plan has, by id."""
    if service_plan != EXTENDED:
        return {}
    from pytest_aicore.workflows.executable import Executable, Parameter  # late: it brings YAML with it

    def published(
        executable_id: str, scenario_id: str, title: str, description: str, *names: str, deployable: bool = True
    ) -> PublishedExecutable:
        labels = (LLM_LABEL,) if scenario_id == FOUNDATION_MODELS else ()
        return PublishedExecutable(
            Executable(
                id=executable_id,
                name=executable_id,
                description=description,
                scenario_id=scenario_id,
                scenario_name=scenario_id,
                scenario_description=title,
                scenario_labels=labels,
                version_id=VERSION,
                deployable=deployable,
                parameters=tuple(Parameter(name, None if name == "modelName" else _DEFAULTS[name]) for name in names),
            ),
            EPOCH,
            EPOCH,
        )

    models = "AI Core global scenario for foundation models"
    items = [
        published(executable, FOUNDATION_MODELS, models, f"Models of {executable}", "modelName", "modelVersion")
        for executable in dict.fromkeys(model.executable for model in MODELS)
    ]
    title = "AI Core global scenario for orchestration"
    items.append(
        published(ORCHESTRATION, ORCHESTRATION, title, "Orchestration", "modelFilterList", "modelFilterListType")
    )
    items += [
        published(scenario, scenario, title, title, deployable=False) for scenario, title in TRAINED_BY_SAP.items()
    ]
    return {item.executable.id: item for item in items}


_DEFAULTS = {"modelVersion": "latest", "modelFilterList": "null", "modelFilterListType": "allow"}
"""Assumed, like which of the parameters have a default."""


def models_of(scenario_id: str) -> list[Json]:
    """Return the models that can be used in a scenario, as the API shows them."""
    if scenario_id not in GLOBAL_SCENARIOS:
        return []
    return [_model_json(model) for model in MODELS if scenario_id == FOUNDATION_MODELS or EMBEDDING not in model.does]


def _model_json(model: Model) -> Json:
    orchestrated = EMBEDDING not in model.does
    allowed = [{"executableId": model.executable, "scenarioId": FOUNDATION_MODELS}]
    if orchestrated:
        allowed.append({"executableId": ORCHESTRATION, "scenarioId": ORCHESTRATION})
    return {
        "accessType": "Remote",
        "allowedScenarios": allowed,
        "description": f"{model.title}, a model of {model.provider}",
        "displayName": model.title,
        "executableId": model.executable,
        "model": model.name,
        "provider": model.provider,
        "versions": [
            {
                "capabilities": list(model.does),
                "cost": _COSTS,
                "contextLength": model.context,
                "deprecated": False,
                "inputTypes": list(model.takes),
                "isLatest": True,
                "name": model.version,
                "orchestrationCapabilities": ["streaming"] if orchestrated else [],
                "retirementDate": _RETIREMENT,
                "streamingSupported": orchestrated,
            }
        ],
    }
