"""`aicore_store` and the content of output artifacts where nothing is trained: the emulator's object store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.once

HEAD = """
import io
import json
from pathlib import Path

import pytest
from pytest_aicore import Artifact, StoreError

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
"""
NOT_TRAINED = (
    "this output has no content, because offline no training code runs. `pytest --aicore-local` trains it on this"
    ' machine; the marker argument emulated={"outputs": {"text-model-tutorial": {"model.json": "..."}}} plays it'
    " offline."
)


@pytest.fixture
def passes(project: pytest.Pytester) -> Callable[..., None]:
    """A function that runs tests, all of which must pass."""

    def run(source: str, count: int = 1) -> None:
        project.makepyfile(test_it=HEAD + source)
        project.runpytest_inprocess("--tb=long").assert_outcomes(passed=count)

    return run


@pytest.fixture
def refusal(project: pytest.Pytester) -> Callable[[str], str]:
    """A function that runs a test, and returns the sentence of the only error that its report shows."""

    def run(source: str) -> str:
        project.makepyfile(test_it=HEAD + source)
        result = project.runpytest_inprocess("--tb=long")
        result.assert_outcomes(failed=1)
        (said,) = [line for line in result.outlines if line.startswith("E ")]
        return said.removeprefix("E       StoreError: ")

    return run


def test_what_was_put_is_read(passes: Callable[..., None]) -> None:
    passes(
        """
def test_it(aicore_store, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.csv").write_bytes(b"b")
    assert aicore_store.put("ai://default/data/a.csv", "\\u00e4") == "ai://default/data/a.csv"
    aicore_store.put("ai://default/data/more", tmp_path / "folder")
    aicore_store.put("ai://default/data/bytes", b"\\xff")
    aicore_store.put("ai://default/data", {"x/y": "1", "a.csv": "second"})
    assert aicore_store.list("ai://default/data") == [
        "ai://default/data/a.csv",
        "ai://default/data/bytes",
        "ai://default/data/more/b.csv",
        "ai://default/data/x/y",
    ]
    assert [aicore_store.get(url) for url in aicore_store.list("ai://default")] == [b"second", b"\\xff", b"b", b"1"]
    with aicore_store.open("ai://default/data/x/y") as file:
        assert json.load(file) == 1
    assert aicore_store.list("ai://default/other") == []
"""
    )


def test_what_a_test_puts_ends_with_it_and_what_a_wider_fixture_puts_stays(passes: Callable[..., None]) -> None:
    passes(
        """
@pytest.fixture(scope="module")
def data(aicore_store):
    return aicore_store.put("ai://default/data", "wide")

def test_first(aicore_store, data):
    aicore_store.put("ai://default/data", "mine")
    aicore_store.put("ai://default/other", "mine")

def test_second(aicore_store, data):
    assert aicore_store.get(data) == b"wide"
    assert aicore_store.list("ai://default") == [data]
""",
        count=2,
    )


def test_what_clients_upload_is_in_the_same_store(passes: Callable[..., None]) -> None:
    passes(
        """
def test_it(aicore_store, aicore_client):
    import requests

    url = f"{aicore_client.base_url}/dataset/files/default/data/a.csv"
    headers = {"Authorization": aicore_client.rest_client.get_token(), "AI-Resource-Group": "default"}
    assert requests.put(url, data=b"a,b", headers=headers).status_code == 201
    assert aicore_store.get("ai://default/data/a.csv") == b"a,b"
    aicore_store.put("ai://default/data/b.csv", "mine")
    assert requests.get(url.replace("a.csv", "b.csv"), headers=headers).content == b"mine"
"""
    )


def test_an_output_that_a_script_plays(passes: Callable[..., None]) -> None:
    passes(
        """
@pytest.mark.aicore_script(outputs={"text-model-tutorial": {"model.json": "[1]", "sub/b": b"2"}})
def test_folder(aicore_execution, aicore_store):
    model = aicore_execution.output_artifacts["text-model-tutorial"]
    assert isinstance(model, Artifact) and model.kind is Artifact.Kind.MODEL
    assert model == aicore_execution.execution.output_artifacts[0]
    assert json.load(model.open("model.json")) == [1]
    assert model.path.name == "text-model-tutorial" and model.path is model.path
    assert (model.path / "sub" / "b").read_bytes() == b"2"
    assert aicore_store.list(model.url) == [f"{model.url}/model.json", f"{model.url}/sub/b"]
    with pytest.raises(StoreError, match="is a folder. ai://default/e.* has: 'model.json', 'sub/b'."):
        model.open()
    with pytest.raises(StoreError, match="Did you mean 'ai://default/e.*/model.json'"):
        model.open("modle.json")

@pytest.mark.aicore_script(outputs={"text-model-tutorial": "the model"})
def test_file(aicore_execution):
    model = aicore_execution.output_artifacts["text-model-tutorial"]
    assert model.open().read() == b"the model"
    assert model.path.read_text() == "the model"

@pytest.mark.aicore_script(outputs={"text-model-tutorial": {"only.bin": "the model"}})
def test_the_only_file_needs_no_name(aicore_execution):
    assert aicore_execution.output_artifacts["text-model-tutorial"].open().read() == b"the model"
""",
        count=3,
    )


@pytest.mark.parametrize(
    ("use", "url"),
    [
        ("model.path", ""),
        ("model.open()", ""),
        ("model.open('model.json')", "/model.json"),
        ("aicore_store.get(model.url)", ""),
        ("aicore_store.list(model.url)", ""),
    ],
)
def test_reading_what_nobody_trained_says_what_trains_and_what_plays(
    refusal: Callable[[str], str], use: str, url: str
) -> None:
    start = "def test_it(aicore_execution, aicore_store):\n"
    said = refusal(f"{start}    model = aicore_execution.output_artifacts['text-model-tutorial']\n    {use}\n")
    place = re.escape(f"/text-model-tutorial{url}: {NOT_TRAINED}")
    assert re.fullmatch(f"ai://default/e[0-9a-f]{{15}}{place}", said)


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (
            "put('ai://defualt/a', '')",
            "the resource group 'default' has no object-store secret 'defualt'. Did you mean 'default'? It has: 'default'.",
        ),
        (
            "put('ai://default/e1234567890abcde/model/x', '')",
            (
                "ai://default/e1234567890abcde/model/x: what is below ai://default/e1234567890abcde are the outputs of an"
                " execution, which nothing overwrites. Put it elsewhere, for example below ai://default/data."
            ),
        ),
        ("get('ai://default')", "'ai://default' names a whole object store: expected ai://SECRET/PATH."),
        ("get('ai://default/../x')", "'ai://default/../x' leads out of the object store 'default'."),
        (
            "get('ai://default/data/x')",
            "ai://default/data/x does not exist: there is no uploaded file default/data/x.",
        ),
        (
            "put('ai://default/x', 5)",
            "5 cannot be stored: expected bytes, text, a pathlib.Path, or a mapping of these.",
        ),
    ],
)
def test_mistakes_get_a_sentence(refusal: Callable[[str], str], use: str, said: str) -> None:
    assert refusal(f"def test_it(aicore_store):\n    aicore_store.{use}\n") == said
