"""Where settings come from, and what is said of those that cannot be used."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config import options, settings
from pytest_aicore.config.markers import aicore, aicore_deployment, marker_signature
from pytest_aicore.config.options import OPTIONS
from pytest_aicore.config.setting import Setting
from pytest_aicore.config.settings import OFFLINE_HOST, Given, read_settings
from pytest_aicore.emulator import Emulator
from pytest_aicore.errors import SettingsError
from pytest_aicore.objects.s3_address import S3Address
from pytest_aicore.plugin import MARKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path("/project")


def given(
    option: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    ini: Mapping[str, object] | None = None,
) -> Given:
    return Given(
        option=(option or {}).get,
        environment=environment or {},
        ini=(ini or {}).get,
        directory=ROOT / "here",
        ini_directory=ROOT / "ini",
        root=ROOT,
    )


def test_defaults() -> None:
    settings = read_settings(given())
    assert settings.by_name() == {
        "live": Setting(False, "default"),
        "local": Setting(False, "default"),
        "local_engine": Setting("auto", "default"),
        "local_images": Setting({}, "default"),
        "local_store": Setting({}, "default"),
        "local_secrets": Setting(None, "default"),
        "local_config_maps": Setting(None, "default"),
        "local_substitute": Setting(False, "default"),
        "local_keep": Setting(False, "default"),
        "local_memory": Setting("advice", "default"),
        "local_network": Setting(True, "default"),
        "service_key": Setting(None, "default"),
        "resource_group": Setting("default", "default"),
        "workflows": Setting((ROOT / "workflows",), "default"),
        "poll_interval": Setting(5.0, "default"),
        "timeout": Setting(3600.0, "default"),
        "output": Setting(None, "default"),
        "report": Setting(None, "default"),
        "html": Setting(None, "default"),
        "job_summary": Setting(True, "default"),
        "block_network": Setting(False, "default"),
        "emulator_start": Setting(None, "default"),
        "check": Setting(False, "default"),
        "update": Setting(False, "default"),
        "contracts": Setting(None, "default"),
        "check_strict": Setting(False, "default"),
        "check_ignore": Setting((), "default"),
        "resource_plans": Setting((), "default"),
        "live_resource_groups": Setting((), "default"),
        "max_parallel": Setting(10, "default"),
        "ledger": Setting(None, "default"),
        "keep": Setting(False, "default"),
        "resume": Setting(False, "default"),
        "no_resume": Setting(False, "default"),
        "budget": Setting(None, "default"),
        "prices": Setting({}, "default"),
        "reuse": Setting(False, "default"),
        "stream_logs": Setting(False, "default"),
    }


def test_every_setting_is_declared_once_and_read() -> None:
    declared = [option.name for option in OPTIONS]
    assert declared == [name for name, value in vars(options.Settings).items() if isinstance(value, options.Option)]
    assert set(declared) == set(inspect.get_annotations(options.Settings))
    assert list(read_settings(given()).by_name()) == declared


def test_setting_without_a_reader_is_refused() -> None:
    with pytest.raises(TypeError, match="reads"):
        options.Option("what is it", default=1)  # type: ignore[call-arg]


def test_setting_whose_reader_there_is_not_is_refused_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = options.Option("what is it", reads="second", default=1)
    planted.__set_name__(options.Settings, "planted")
    monkeypatch.setattr(options, "OPTIONS", (*OPTIONS, planted))
    with pytest.raises(TypeError, match="setting planted: unknown reader 'second'; expected one of 'count', "):
        runpy.run_path(settings.__file__)


def test_option_beats_environment_beats_ini() -> None:
    option = {"aicore_resource_group": "from-option"}
    environment = {"AICORE_RESOURCE_GROUP": "from-environment"}
    ini = {"aicore_resource_group": "from-ini"}
    read = [
        read_settings(given(option, environment, ini)),
        read_settings(given(None, environment, ini)),
        read_settings(given(None, None, ini)),
    ]
    assert [settings.resource_group for settings in read] == [
        Setting("from-option", "--aicore-resource-group"),
        Setting("from-environment", "environment AICORE_RESOURCE_GROUP"),
        Setting("from-ini", "ini aicore_resource_group"),
    ]


def test_empty_environment_variable_is_none() -> None:
    assert read_settings(given(environment={"AICORE_RESOURCE_GROUP": " "})).resource_group.is_default


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"option": {"aicore_workflows": "flows"}}, ROOT / "here" / "flows"),
        ({"ini": {"aicore_workflows": "flows"}}, ROOT / "ini" / "flows"),
        ({"option": {"aicore_workflows": "/elsewhere"}}, Path("/elsewhere")),
        ({"option": {"aicore_workflows": "~/flows"}}, Path.home() / "flows"),
    ],
)
def test_paths_are_relative_to_where_they_were_written(where: dict[str, Any], expected: Path) -> None:
    assert read_settings(given(**where)).workflows.value == (expected,)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"ini": {"aicore_workflows": ["a/flows", "b/flows"]}}, ["a/flows", "b/flows"]),
        ({"ini": {"aicore_workflows": ["?/flows", "b/flows", "b/../a/flows"]}}, ["a/flows", "b/flows"]),
        ({"ini": {"aicore_workflows": ["**/flows"]}}, ["[c]/flows", "a/deep/flows", "a/flows", "b/flows"]),
        ({"ini": {"aicore_workflows": ["[b]/flows", "[c]/flows", "[d]/flows"]}}, ["b/flows", "[c]/flows", "[d]/flows"]),
        ({"option": {"aicore_workflows": "a/*/flows"}}, ["a/deep/flows"]),
    ],
)
def test_several_workflows_folders(tmp_path: Path, where: dict[str, Any], expected: list[str]) -> None:
    for folder in ("a/flows", "b/flows", "a/deep/flows", "[c]/flows", ".hidden/flows"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "flows").write_text("")
    found = given(**where)
    found.directory = found.ini_directory = tmp_path
    assert read_settings(found).workflows.value == tuple(tmp_path / folder for folder in expected)


def test_a_key_in_the_place_of_folders_is_not_repeated() -> None:
    for key in (
        ['{"clientid": "sb-1",', '"clientsecret": "sEcReT-of-1234567890"}'],
        ["eyJjbGllbnRpZCI6ICJ4" * 4, "eCJ9"],
    ):
        with pytest.raises(SettingsError) as caught:
            read_settings(given(ini={"aicore_workflows": key}))
        hidden = ", ".join(f"*** ({len(line)} characters, not shown because they may be a secret)" for line in key)
        assert str(caught.value).startswith(
            f"ini aicore_workflows = {hidden}: expected a path, but this is the content"
        )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("no", False), ("off", False)],
)
def test_live_by_environment(text: str, value: bool) -> None:
    environment = {"PYTEST_AICORE_LIVE": text, "AICORE_RESOURCE_GROUP": "team"}
    assert read_settings(given(environment=environment)).live == Setting(value, "environment PYTEST_AICORE_LIVE")


def test_file_cannot_switch_live_mode_on() -> None:
    assert read_settings(given(ini={"aicore_live": "true"})).live == Setting(False, "default")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"environment": {"PYTEST_AICORE_LIVE": "maybe"}},
            "environment PYTEST_AICORE_LIVE = maybe: expected 1, true, yes or on, or 0, false, no or off.",
        ),
        (
            {"option": {"aicore_timeout": "soon"}},
            "--aicore-timeout = soon: expected a number of seconds greater than 0, for example 3600.",
        ),
        (
            {"ini": {"aicore_poll_interval": "0"}},
            "ini aicore_poll_interval = 0: expected a number of seconds greater than 0, for example 3600.",
        ),
        (
            {"option": {"aicore_poll_interval": "inf"}},
            "--aicore-poll-interval = inf: expected a number of seconds greater than 0, for example 3600.",
        ),
        (
            {"environment": {"AICORE_RESOURCE_GROUP": "a b"}},
            (
                "environment AICORE_RESOURCE_GROUP = a b: a resource group has 3 to 253 letters, digits, dots and hyphens, and"
                " begins and ends with a letter or digit."
            ),
        ),
        (
            {"option": {"aicore_resource_group": "NAME"}},  # as our own messages write it
            "--aicore-resource-group = NAME: it was left to be filled in. Put the real value in its place.",
        ),
        (
            {"option": {"aicore_output": "../workflows/training_output.json"}},
            (
                "--aicore-output = /project/here/../workflows/training_output.json: the file would be in the workflows folder"
                " /project/workflows, which AI Core's Git sync reads. Write it elsewhere."
            ),
        ),
    ],
)
def test_bad_values_name_their_source(where: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(given(**where))
    assert str(caught.value) == message


def test_offline_host_is_the_emulators() -> None:
    assert Emulator().base_url == OFFLINE_HOST


def test_registered_markers_show_their_schemas() -> None:
    schemas: dict[str, Callable[..., object]] = {
        "aicore": aicore,
        "aicore_deployment": aicore_deployment,
        "aicore_script": Emulator.script,
    }
    signatures = [marker.partition("): ")[0] + ")" for marker in MARKERS if "(" in marker.partition(":")[0]]
    assert signatures == [marker_signature(name, schema) for name, schema in schemas.items()]


# In a real session -------------------------------------------------------------------------------------------------


def test_header_names_everything_with_its_source(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.mkdir("flows")
    ini = project.path / "tox.ini"
    ini.write_text(ini.read_text() + "\naicore_timeout = 60\naicore_block_network = yes\n")
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "team-a")
    result = project.runpytest_inprocess("--aicore-workflows=flows", "--aicore-poll-interval=0.5")
    result.stdout.fnmatch_lines(
        [
            "aicore: offline (default), emulator at https://api.ai.aicore.invalid",
            "aicore: resource group team-a (from environment AICORE_RESOURCE_GROUP), workflows flows (from --aicore-workflows)",
            (
                "aicore: polling interval 0.5 s (from --aicore-poll-interval), timeout 60 s (from ini aicore_timeout), block network"
                " true (from ini aicore_block_network)"
            ),
        ],
        consecutive=True,
    )


def test_header_of_a_project_that_has_nothing_to_do_with_us(empty_project: pytest.Pytester) -> None:
    empty_project.runpytest_inprocess().stdout.no_fnmatch_line("aicore:*")
    empty_project.runpytest_inprocess("-v").stdout.fnmatch_lines(["aicore: offline (default), *"])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--aicore-timeout=soon",
            "--aicore-timeout = soon: expected a number of seconds greater than 0, for example 3600.",
        ),
        (
            "-oaicore_timeout=soon",
            "ini aicore_timeout*soon*expected a number of seconds greater than 0, for example 3600.",
        ),
        ("-oaicore_block_network=maybe", "*aicore_block_network*maybe*"),
        ("--aicore-output=workflows/out.json", "--aicore-output = */workflows/out.json: the file would be in *"),
    ],
)
def test_bad_value_stops_the_session_with_one_line(project: pytest.Pytester, argument: str, message: str) -> None:
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("question", ["--help", "--version", "-VV"])
def test_questions_about_pytest_survive_our_settings(project: pytest.Pytester, question: str) -> None:
    ini = project.path / "tox.ini"
    ini.write_text(ini.read_text() + "\naicore_timeout = soon\n")
    result = project.runpytest_inprocess(question, "--aicore-poll-interval=never", "--aicore-output=workflows/x")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "toml",
    [
        "[tool.pytest.ini_options]\naicore_timeout = 60\naicore_block_network = true",
        "[tool.pytest.ini_options]\naicore_timeout = '60'\naicore_block_network = 'true'",
        pytest.param(
            "[tool.pytest]\naicore_timeout = 60\naicore_block_network = true",
            marks=pytest.mark.skipif(pytest.version_tuple < (9,), reason="native TOML came with pytest 9"),
        ),
    ],
)
def test_toml_files(pytester: pytest.Pytester, toml: str) -> None:
    pytester.makepyprojecttoml(toml)
    result = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:randomly")
    result.stdout.fnmatch_lines(
        ["aicore: timeout 60 s (from ini aicore_timeout), block network true (from ini aicore_block_network)"]
    )


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="native TOML came with pytest 9")
@pytest.mark.parametrize("value", ["'flows'", "['flows']", "'''\nflows\n'''"])
def test_one_folder_needs_no_list_in_native_toml(pytester: pytest.Pytester, value: str) -> None:
    """As before there could be several; pytest itself takes lists alone."""
    pytester.mkdir("flows")
    pytester.makepyprojecttoml(f"[tool.pytest]\naicore_workflows = {value}")
    result = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:randomly")
    result.stdout.fnmatch_lines(["aicore: *workflows flows (from ini aicore_workflows)"])


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="native TOML came with pytest 9")
def test_another_value_of_native_toml_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest]\naicore_workflows = 3")
    result = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:randomly")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: ini aicore_workflows: *expects a list for type 'linelist', got int: 3"])


def test_every_option_and_ini_value_explains_itself(project: pytest.Pytester) -> None:
    text = " ".join(project.runpytest_inprocess("--help").stdout.str().split())
    for option in OPTIONS:
        assert " ".join(option.help.split()) in text
        for name in (option.flag, option.ini):
            assert name is None or name in text


def test_every_fixture_explains_itself(project: pytest.Pytester) -> None:
    lines = project.runpytest_inprocess("--fixtures").outlines
    ours = [number for number, line in enumerate(lines) if line.startswith("aicore_")]
    assert {lines[number].split()[0] for number in ours} == {
        "aicore_artifact",
        "aicore_artifacts",
        "aicore_class_environment",
        "aicore_client",
        "aicore_clock",
        "aicore_configuration",
        "aicore_deploy",
        "aicore_deployment",
        "aicore_emulator",
        "aicore_environment",
        "aicore_execution",
        "aicore_module_environment",
        "aicore_plan",
        "aicore_run",
        "aicore_server",
        "aicore_session_environment",
        "aicore_store",
        "aicore_training_output",
        "aicore_trajectories",
        "aicore_workflow",
    }
    for number in ours:
        assert lines[number + 1].strip() not in ("", "no docstring available")


def test_every_marker_explains_itself(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--markers")
    for marker in MARKERS:
        assert f"@pytest.mark.{marker}" in result.stdout.str()


def test_local_of_a_file_gives_way_to_live_and_to_the_command_line() -> None:
    """Live costs money, so only the command line stands above it; both there would be two answers."""
    ini = {"aicore_local": True}
    named = {"aicore_resource_group": "default"}
    live = read_settings(given({"aicore_live": True, **named}, ini=ini))
    assert (live.live.value, live.local.value) == (True, False)
    local = read_settings(given({"aicore_local": True}, {"PYTEST_AICORE_LIVE": "1"}))
    assert (local.live.value, local.local.value) == (False, True)
    assert read_settings(given(environment={"PYTEST_AICORE_LOCAL": "1"})).local.value
    with pytest.raises(SettingsError) as refused:
        read_settings(given({"aicore_live": True, "aicore_local": True, **named}))
    assert str(refused.value) == (
        "--aicore-local: not together with --aicore-live: trainings are carried out on this machine, or on the real SAP"
        " AI Core."
    )


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (
            "aicore_local_engine",
            "sandbx",
            "unknown engine; expected one of 'auto', 'sandbox', 'docker', 'process'. Did you mean",
        ),
        ("aicore_local_images", ["docker.io/me/leaf:1"], "'docker.io/me/leaf:1': expected NAME = FOLDER."),
        ("aicore_local_images", ["docker.io/me/leaf:1 = "], "'docker.io/me/leaf:1 =': expected NAME = FOLDER."),
        ("aicore_local_images", ["leaf = no-such"], "'leaf = no-such': there is no such folder in /"),
        ("aicore_local_store", ["no-such"], "'no-such': there is no such folder in /"),
        ("aicore_local_store", ["models ="], "'models =': expected NAME = FOLDER, or NAME = s3://BUCKET/PREFIX."),
        ("aicore_local_store", ["models = s3://"], "'models = s3://': expected s3://BUCKET/PREFIX."),
        ("aicore_local_store", ["s3://-no-/a"], "'s3://-no-/a': expected s3://BUCKET/PREFIX."),
    ],
)
def test_folders_and_engines_that_are_not_there(name: str, value: object, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(given(ini={name: value}))
    assert f"ini {name} = " in str(refused.value)
    assert why in str(refused.value)


def test_object_stores_in_s3() -> None:
    lines = ["s3://my-bucket", "models = s3://other/a=b/c/", "raw=s3://third/x y"]
    assert read_settings(given(ini={"aicore_local_store": lines})).local_store.value == {
        "default": S3Address("my-bucket"),
        "models": S3Address("other", "a=b/c"),
        "raw": S3Address("third", "x y"),
    }


def test_folders_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    for name in ("data", "models", "image"):
        (tmp_path / name).mkdir()
    lines = {"aicore_local_store": ["data", "models = models"], "aicore_local_images": ["me/leaf:* = image"]}
    at = given(ini=lines)
    settings = read_settings(Given(at.option, {}, at.ini, tmp_path, tmp_path, tmp_path))
    assert settings.local_store.value == {"default": tmp_path / "data", "models": tmp_path / "models"}
    assert settings.local_images.value == {"me/leaf:*": tmp_path / "image"}
    twice = given(ini={"aicore_local_store": ["data", "default = models"]})
    with pytest.raises(SettingsError, match="'default = models' is the second value of one name"):
        read_settings(Given(twice.option, {}, twice.ini, tmp_path, tmp_path, tmp_path))
