"""What can be set, and how it is called as option, environment variable and ini value.

Apart from `settings.py`, which reads them, because every pytest run of the environment loads this: pytest loads the
modules of plugins slowly, and where nothing is set there is nothing to read.
"""

from __future__ import annotations

DEFAULT_WORKFLOWS = "workflows"

SECRET_VARIABLES = (
    "AICORE_CLIENT_SECRET", "AICORE_CERT_STR", "AICORE_KEY_STR", "AICORE_SERVICE_KEY", "VCAP_SERVICES",
    "PYTEST_AICORE_SERVICE_KEY",
)  # fmt: skip
"""The environment variables from which SAP's SDK takes secrets, and ours."""


class Option:
    """One line of the reference page: how a setting is called wherever it can be given.

    Args:
        name: the attribute of [Settings][pytest_aicore.config.settings.Settings].
        help: what `pytest --help` says, for option and ini alike.
        metavar: what the option's value is called; None for a switch.
        flag: the command line option, None where there is none.
        environment: the environment variable, None where there is none.
        ini: the ini value, None where there is none.
        ini_type: `string`, `number`, `bool` or `linelist`.
    """

    __slots__ = ("dest", "environment", "flag", "help", "ini", "ini_type", "metavar", "name")

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002  as pytest calls it
        *,
        metavar: str | None = None,
        flag: str | None = None,
        environment: str | None = None,
        ini: str | None = None,
        ini_type: str = "string",
    ) -> None:
        self.name = name
        self.help = help
        self.metavar = metavar
        self.flag = flag
        self.environment = environment
        self.ini = ini
        self.ini_type = ini_type
        self.dest = f"aicore_{name}"


OPTIONS = (
    # A file must not spend money, so live mode has no ini value.
    Option(
        "live",
        "run the trainings on the real SAP AI Core instead of the emulator",
        flag="--aicore-live",
        environment="PYTEST_AICORE_LIVE",
    ),
    Option(
        "service_key",
        "service key of SAP AI Core (JSON file; its content in the environment variable PYTEST_AICORE_SERVICE_KEY);"
        " without it SAP's own lookup: AICORE_* variables, profile, VCAP_SERVICES",
        metavar="FILE",
        flag="--aicore-service-key",
        environment="PYTEST_AICORE_SERVICE_KEY",
        ini="aicore_service_key",
    ),
    Option(
        "resource_group",
        "resource group of the trainings (default: default)",
        metavar="NAME",
        flag="--aicore-resource-group",
        environment="AICORE_RESOURCE_GROUP",
        ini="aicore_resource_group",
    ),
    Option(
        "workflows",
        "folder with the workflow YAML files (default: workflows)",
        metavar="DIR",
        flag="--aicore-workflows",
        ini="aicore_workflows",
    ),
    Option(
        "poll_interval",
        "seconds between two looks at a running execution (default: 5)",
        metavar="S",
        flag="--aicore-poll-interval",
        ini="aicore_poll_interval",
        ini_type="number",
    ),
    Option(
        "timeout",
        "seconds after which a training that has not ended fails its tests (default: 3600)",
        metavar="S",
        flag="--aicore-timeout",
        ini="aicore_timeout",
        ini_type="number",
    ),
    Option(
        "output",
        "write id, name and URL of the output artifacts to this JSON file when all tests have passed",
        metavar="FILE",
        flag="--aicore-output",
        ini="aicore_output",
    ),
    Option(
        "report",
        "write all training runs of the session to this JSON file, for other tools; also when tests fail",
        metavar="FILE",
        flag="--aicore-report",
        ini="aicore_report",
    ),
    Option(
        "block_network",
        "offline: let nothing in the process of the tests reach the network",
        ini="aicore_block_network",
        ini_type="bool",
    ),
    Option(
        "check",
        "collect workflow YAML files as tests: their checks, and their contracts",
        flag="--aicore-check",
        ini="aicore_check",
        ini_type="bool",
    ),
    # What is golden is decided by a person, so there is no ini value.
    Option(
        "update",
        "write golden files anew: contracts of workflows, and rendered manifests",
        flag="--aicore-update",
    ),
    Option(
        "contracts",
        "folder with the golden contracts (default: contracts beside the workflows folder)",
        metavar="DIR",
        ini="aicore_contracts",
    ),
    Option(
        "check_strict",
        "warnings of the checks fail, too",
        ini="aicore_check_strict",
        ini_type="bool",
    ),
    Option(
        "check_ignore",
        "rules that are not checked, one a line: AIC302, or PATTERN: AIC302 for some files only",
        metavar="RULE",
        ini="aicore_check_ignore",
        ini_type="linelist",
    ),
    Option(
        "resource_plans",
        "resource plans and instance types of the tenant besides those that SAP documents, one a line",
        metavar="NAME",
        ini="aicore_resource_plans",
        ini_type="linelist",
    ),
    Option(
        "live_resource_groups",
        "resource groups that live sessions may use, one a line (default: any)",
        metavar="NAME",
        ini="aicore_live_resource_groups",
        ini_type="linelist",
    ),
    Option(
        "max_parallel",
        "live: how many trainings run at once (default: 10)",
        metavar="N",
        flag="--aicore-max-parallel",
        ini="aicore_max_parallel",
    ),
    Option(
        "ledger",
        "live: where it is written down what was started (default: aicore/ledger.jsonl in pytest's cache folder)",
        metavar="FILE",
        flag="--aicore-ledger",
        ini="aicore_ledger",
    ),
    Option("keep", "live: leave running executions running at the end", flag="--aicore-keep"),
    Option(
        "resume",
        "live: go on with unfinished executions of an earlier session instead of stopping them",
        flag="--aicore-resume",
        ini="aicore_resume",
        ini_type="bool",
    ),
    Option("no_resume", "live: stop unfinished executions of an earlier session", flag="--aicore-no-resume"),
    Option(
        "budget",
        "live: how long the session's executions may run together, for example 45m",
        metavar="T",
        flag="--aicore-budget",
        ini="aicore_budget",
    ),
    Option(
        "prices",
        "what an hour of a resource plan costs, one a line: train.l = 3.20 EUR",
        metavar="PRICE",
        ini="aicore_prices",
        ini_type="linelist",
    ),
    Option(
        "reuse",
        "live: take artifacts and configurations of ours with the same content instead of new ones",
        ini="aicore_reuse",
        ini_type="bool",
    ),
    Option(
        "stream_logs",
        "live: print the log of the execution that a test waits for while it grows",
        flag="--aicore-stream-logs",
    ),
)
