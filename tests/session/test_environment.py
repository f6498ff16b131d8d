"""`aicore_environment`: code under test builds its own client."""

from __future__ import annotations

import pytest

LEAKS = {
    "AICORE_SERVICE_KEY": '{"clientid": "leaked"}',
    "AICORE_CLIENT_ID": "leaked",
    "AICORE_CERT_URL": "https://leaked.example",
    "AICORE_PROFILE": "leaked",
    "AICORE_CONFIG": "/leaked.json",
    "AICORE_EXECUTION_ID": "leaked",
    "AICORE_TRACKING_ENDPOINT": "https://leaked.example",
    "VCAP_SERVICES": '{"aicore": [{"label": "aicore", "credentials": {"clientid": "leaked"}}]}',
    "SKIP_AUTHORIZATION": "true",
}


@pytest.fixture
def _leaky_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LEAKS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_leaky_machine")
def test_from_env_works_and_nothing_of_the_machine_leaks_in(project: pytest.Pytester) -> None:
    pytest.importorskip("ai_core_sdk.credentials", reason="only sap-ai-sdk-core has AICoreV2Client.from_env")
    project.makepyfile(
        """
        from ai_core_sdk.ai_core_v2_client import AICoreV2Client

        def test_it(aicore_environment):
            client = AICoreV2Client.from_env()
            assert "text-clf-tutorial" in [scenario.id for scenario in client.scenario.query().resources]
            assert client.base_url == aicore_environment.variables["AICORE_BASE_URL"]
        """
    )
    project.runpytest_inprocess("--aicore-resource-group=team-a").assert_outcomes(passed=1)


@pytest.mark.usefixtures("_leaky_machine")
def test_variables_are_those_of_the_emulator_and_no_others(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import json, os

        def test_it(aicore_environment, aicore_emulator):
            ours = {{name: value for name, value in os.environ.items() if name.startswith("AICORE_")}}
            home = ours.pop("AICORE_HOME")
            assert os.listdir(home) == []
            assert ours == {{
                "AICORE_AUTH_URL": aicore_emulator.auth_url + "/oauth/token",
                "AICORE_BASE_URL": aicore_emulator.base_url + "/v2",
                "AICORE_CLIENT_ID": aicore_emulator.service_key["clientid"],
                "AICORE_CLIENT_SECRET": aicore_emulator.service_key["clientsecret"],
                "AICORE_RESOURCE_GROUP": "default",
            }}
            assert "VCAP_SERVICES" not in os.environ and "SKIP_AUTHORIZATION" not in os.environ
            assert aicore_emulator.service_key["clientsecret"] not in repr(aicore_environment)
            key = json.loads(aicore_environment.service_key_file.read_text())
            assert key["serviceurls"] == dict.fromkeys(["AI_API_URL", "ML_API_URL"], aicore_emulator.base_url)
            assert key["clientsecret"] == aicore_emulator.service_key["clientsecret"]
            assert aicore_environment.service_key_file.stat().st_mode & 0o077 == 0
            global file
            file = aicore_environment.service_key_file

        def test_afterwards():
            assert not file.exists()
            for name, value in {LEAKS!r}.items():
                assert os.environ[name] == value
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)
