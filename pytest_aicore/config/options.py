"""The settings: each is declared here once, with its names, its default and its help.

`settings.py` reads their values. It is a module of its own because every pytest run of the environment loads this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.config.setting import Setting
    from pytest_aicore.objects.s3_address import S3Address
    from pytest_aicore.redact import Secret
    from pytest_aicore.training.live.budget import Price

DEFAULT_WORKFLOWS = "workflows"

SECRET_VARIABLES = (
    "AICORE_CLIENT_SECRET", "AICORE_CERT_STR", "AICORE_KEY_STR", "AICORE_SERVICE_KEY", "VCAP_SERVICES",
    "PYTEST_AICORE_SERVICE_KEY",
)  # fmt: skip
"""The environment variables from which SAP's SDK takes secrets, and ours."""


class Option:
    """The declaration of a setting, and one line of the reference page: its name in each place where it can be set.

    Args:
        help: what `pytest --help` shows, for option and ini alike.
        reads: the reader of its values in `settings.READERS`.
        default: its value if it is not set; a relative path, also one of several, is relative to the project's root.
        metavar: the placeholder of the option's value in `--help`; None for a switch.
        flag: the command line option, None where there is none.
        environment: the environment variable, None where there is none.
        ini: the ini value, None where there is none.
        ini_type: `string`, `number`, `bool` or `linelist`.

    Attributes:
        name: the attribute of [Settings].
        dest: the attribute of pytest's options.
    """

    __slots__ = ("default", "dest", "environment", "flag", "help", "ini", "ini_type", "metavar", "name", "reads")

    def __init__(
        self,
        help: str,  # noqa: A002  as pytest calls it
        *,
        reads: str,
        default: object,
        metavar: str | None = None,
        flag: str | None = None,
        environment: str | None = None,
        ini: str | None = None,
        ini_type: str = "string",
    ) -> None:
        self.help = help
        self.reads = reads
        self.default = default
        self.metavar = metavar
        self.flag = flag
        self.environment = environment
        self.ini = ini
        self.ini_type = ini_type

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name of the attribute."""
        self.name = name
        self.dest = f"aicore_{name}"


_declared: Callable[..., Any] = Option
"""For type checkers: the attribute of an instance is a `Setting`, that of the class an `Option`."""


class Settings:
    """The settings of a session, each value with its source: the class declares them, an instance has their values."""

    # A file must not spend money, so live mode has no ini value.
    live: Setting[bool] = _declared(
        "run the trainings on the real SAP AI Core instead of the emulator",
        reads="switch",
        default=False,
        flag="--aicore-live",
        environment="PYTEST_AICORE_LIVE",
    )
    local: Setting[bool] = _declared(
        "carry the trainings out on this machine, with their real code, instead of the emulator's scripts",
        reads="switch",
        default=False,
        flag="--aicore-local",
        environment="PYTEST_AICORE_LOCAL",
        ini="aicore_local",
        ini_type="bool",
    )
    local_engine: Setting[str] = _declared(
        "local: what the steps run in: auto (whatever isolates them), sandbox, docker or process (default: auto)",
        reads="engine",
        default="auto",
        metavar="NAME",
        ini="aicore_local_engine",
    )
    local_images: Setting[Mapping[str, Path]] = _declared(
        "local: folders with the Dockerfiles of images, one a line: docker.io/me/train:* = training",
        reads="folders",
        default={},
        metavar="IMAGE",
        ini="aicore_local_images",
        ini_type="linelist",
    )
    local_store: Setting[Mapping[str, Path | S3Address]] = _declared(
        "local: what takes the place of object stores, one a line: default = data, or models = s3://bucket/prefix; a"
        " value alone is that of default",
        reads="stores",
        default={},
        metavar="FOLDER",
        ini="aicore_local_store",
        ini_type="linelist",
    )
    local_secrets: Setting[Path | None] = _declared(
        "local: YAML file with the values of secrets that workflows name, by name and key",
        reads="path",
        default=None,
        metavar="FILE",
        ini="aicore_local_secrets",
    )
    local_config_maps: Setting[Path | None] = _declared(
        "local: YAML file with the values of ConfigMaps that workflows name, by name and key",
        reads="path",
        default=None,
        metavar="FILE",
        ini="aicore_local_config_maps",
    )
    local_substitute: Setting[bool] = _declared(
        "local: this machine's programs may take the place of images without a folder, also where CI is set",
        reads="switch",
        default=False,
        ini="aicore_local_substitute",
        ini_type="bool",
    )
    local_network: Setting[bool] = _declared(
        "local: whether steps reach the network; what Tracking() logs arrives also without (default: true)",
        reads="switch",
        default=True,
        ini="aicore_local_network",
        ini_type="bool",
    )
    # Each session would leave more files, so it has no ini value.
    local_keep: Setting[bool] = _declared(
        "local: keep the files of the steps in aicore-kept, and show the command that repeats a failed step by hand",
        reads="switch",
        default=False,
        flag="--aicore-local-keep",
    )
    local_memory: Setting[str] = _declared(
        "local: what the memory of a resource plan is: advice, or plan to end what takes more (default: advice)",
        reads="memory",
        default="advice",
        metavar="WORD",
        ini="aicore_local_memory",
    )
    service_key: Setting[Path | Secret | None] = _declared(
        "service key of SAP AI Core (JSON file; its content in the environment variable PYTEST_AICORE_SERVICE_KEY);"
        " without it SAP's own lookup: AICORE_* variables, profile, VCAP_SERVICES",
        reads="service_key",
        default=None,
        metavar="FILE",
        flag="--aicore-service-key",
        environment="PYTEST_AICORE_SERVICE_KEY",
        ini="aicore_service_key",
    )
    resource_group: Setting[str] = _declared(
        "resource group of the trainings (default: default)",
        reads="resource_group",
        default="default",
        metavar="NAME",
        flag="--aicore-resource-group",
        environment="AICORE_RESOURCE_GROUP",
        ini="aicore_resource_group",
    )
    workflows: Setting[tuple[Path, ...]] = _declared(
        "folders with the workflow YAML files, one a line, globs allowed: services/*/workflows (default: workflows)",
        reads="workflow_folders",
        default=(Path(DEFAULT_WORKFLOWS),),
        metavar="DIR",
        flag="--aicore-workflows",
        ini="aicore_workflows",
        ini_type="linelist",
    )
    poll_interval: Setting[float] = _declared(
        "seconds between two polls of a running execution (default: 5)",
        reads="seconds",
        default=5.0,
        metavar="S",
        flag="--aicore-poll-interval",
        ini="aicore_poll_interval",
        ini_type="number",
    )
    timeout: Setting[float] = _declared(
        "seconds after which a training that has not ended fails its tests (default: 3600)",
        reads="seconds",
        default=3600.0,
        metavar="S",
        flag="--aicore-timeout",
        ini="aicore_timeout",
        ini_type="number",
    )
    output: Setting[Path | None] = _declared(
        "write id, name and URL of the output artifacts to this JSON file when all tests have passed",
        reads="written_file",
        default=None,
        metavar="FILE",
        flag="--aicore-output",
        ini="aicore_output",
    )
    report: Setting[Path | None] = _declared(
        "write all training runs of the session to this JSON file, for other tools; also when tests fail",
        reads="written_file",
        default=None,
        metavar="FILE",
        flag="--aicore-report",
        ini="aicore_report",
    )
    html: Setting[Path | None] = _declared(
        "write all training runs of the session as a page: to this file, or to a folder if the name has no .html",
        reads="written_file",
        default=None,
        metavar="FILE",
        flag="--aicore-html",
        ini="aicore_html",
    )
    job_summary: Setting[bool] = _declared(
        "append the training runs to the summary of a GitHub Actions job, GITHUB_STEP_SUMMARY (default: true)",
        reads="switch",
        default=True,
        ini="aicore_job_summary",
        ini_type="bool",
    )
    block_network: Setting[bool] = _declared(
        "offline: block all network access of the test process",
        reads="switch",
        default=False,
        ini="aicore_block_network",
        ini_type="bool",
    )
    emulator_start: Setting[float | None] = _declared(
        "offline: when the emulator's time begins, for example 2025-01-01T00:00:00Z (default: shortly before now)",
        reads="moment",
        default=None,
        metavar="TIME",
        ini="aicore_emulator_start",
    )
    check: Setting[bool] = _declared(
        "collect workflow YAML files as tests: their checks, and their contracts",
        reads="switch",
        default=False,
        flag="--aicore-check",
        ini="aicore_check",
        ini_type="bool",
    )
    # A person must review changes of golden files, so it has no ini value.
    update: Setting[bool] = _declared(
        "update golden files: contracts of workflows, rendered manifests, and (local, live) baselines",
        reads="switch",
        default=False,
        flag="--aicore-update",
    )
    contracts: Setting[Path | None] = _declared(
        "folder with the golden contracts (default: contracts beside the workflows folder)",
        reads="path",
        default=None,
        metavar="DIR",
        ini="aicore_contracts",
    )
    check_strict: Setting[bool] = _declared(
        "warnings of the checks fail, too",
        reads="switch",
        default=False,
        ini="aicore_check_strict",
        ini_type="bool",
    )
    check_ignore: Setting[tuple[str, ...]] = _declared(
        "rules that are not checked, one a line: AIC302, or PATTERN: AIC302 for some files only",
        reads="lines",
        default=(),
        metavar="RULE",
        ini="aicore_check_ignore",
        ini_type="linelist",
    )
    resource_plans: Setting[tuple[str, ...]] = _declared(
        "resource plans and instance types of the tenant besides those that SAP documents, one a line",
        reads="lines",
        default=(),
        metavar="NAME",
        ini="aicore_resource_plans",
        ini_type="linelist",
    )
    live_resource_groups: Setting[tuple[str, ...]] = _declared(
        "resource groups that live sessions may use, one a line (default: any)",
        reads="lines",
        default=(),
        metavar="NAME",
        ini="aicore_live_resource_groups",
        ini_type="linelist",
    )
    max_parallel: Setting[int] = _declared(
        "live and local: how many trainings run at once (default: 10, local as many as there are processors)",
        reads="count",
        default=10,
        metavar="N",
        flag="--aicore-max-parallel",
        ini="aicore_max_parallel",
    )
    ledger: Setting[Path | None] = _declared(
        "live: file that records what the session starts (default: aicore/ledger.jsonl in pytest's cache folder)",
        reads="path",
        default=None,
        metavar="FILE",
        flag="--aicore-ledger",
        ini="aicore_ledger",
    )
    keep: Setting[bool] = _declared(
        "live: leave running executions running at the end",
        reads="switch",
        default=False,
        flag="--aicore-keep",
    )
    resume: Setting[bool] = _declared(
        "live: resume unfinished executions of an earlier session instead of stopping them",
        reads="switch",
        default=False,
        flag="--aicore-resume",
        ini="aicore_resume",
        ini_type="bool",
    )
    no_resume: Setting[bool] = _declared(
        "live: stop unfinished executions of an earlier session",
        reads="switch",
        default=False,
        flag="--aicore-no-resume",
    )
    budget: Setting[float | None] = _declared(
        "live: how long the session's executions may run together, for example 45m",
        reads="duration",
        default=None,
        metavar="T",
        flag="--aicore-budget",
        ini="aicore_budget",
    )
    prices: Setting[Mapping[str, Price]] = _declared(
        "what an hour of a resource plan costs, one a line: train.l = 3.20 EUR",
        reads="prices",
        default={},
        metavar="PRICE",
        ini="aicore_prices",
        ini_type="linelist",
    )
    reuse: Setting[bool] = _declared(
        "live: reuse artifacts and configurations that pytest-aicore created with the same content",
        reads="switch",
        default=False,
        ini="aicore_reuse",
        ini_type="bool",
    )
    stream_logs: Setting[bool] = _declared(
        "live: print the log of the execution that a test waits for while it grows",
        reads="switch",
        default=False,
        flag="--aicore-stream-logs",
    )

    @property
    def real_option(self) -> str | None:
        """The option by which trainings really run, on AI Core or on this machine; None if they are emulated."""
        return "--aicore-live" if self.live.value else "--aicore-local" if self.local.value else None

    @property
    def resumes(self) -> bool:
        """Whether unfinished executions of an earlier session are resumed."""
        return self.resume.value and not self.no_resume.value

    def by_name(self) -> dict[str, Setting[Any]]:
        """Return the settings by name."""
        return dict(vars(self))


OPTIONS = tuple(each for each in vars(Settings).values() if isinstance(each, Option))
"""All options, in the order of the reference page."""
