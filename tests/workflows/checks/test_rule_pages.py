"""The pages about the checks say what the checks say."""

from __future__ import annotations

import re

from pytest_aicore.workflows.checks import RULES, CheckOptions, check_document
from pytest_aicore.workflows.checks.reference import page
from pytest_aicore.workflows.contracts.rules import rules_by_id
from tests.places import ROOT

DOCS = ROOT / "docs"
CHECKS = (DOCS / "checks.md").read_text(encoding="utf-8")
OPTIONS = CheckOptions(argo_types=False)


def test_the_page_of_rules_is_made_of_the_rules() -> None:
    """`python -m pytest_aicore.workflows.checks.reference > docs/rules.md` writes it anew."""
    assert (DOCS / "rules.md").read_text(encoding="utf-8") == page(rules_by_id(RULES.values()).values())


def test_every_rule_has_its_anchor_on_that_page() -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        name, _, anchor = rule.anchor.partition("#")
        assert name == "docs/rules.md"
        assert f'<a id="{anchor}"></a>' in text


def test_the_comments_of_the_page_take_back_what_they_name() -> None:
    text = (DOCS.parent / "workflows" / "training_workflow_tutorial.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"^.*aicore: ignore.*$", CHECKS, re.MULTILINE)
    assert len(lines) == 3
    text = re.sub(r"^  name: .*$", lines[0], text, count=1, flags=re.MULTILINE)
    text = re.sub(r"(?=^    executables.ai.sap.com/name)", f"{lines[1]}\n", text, flags=re.MULTILINE)
    text = re.sub(r"(executables.ai.sap.com/name: ).*", r"\1<YOUR_EXECUTABLE>", text)
    text = text.replace("resourcePlan", "other") + lines[2] + "\n"
    assert check_document(text, options=OPTIONS) == []
    without = re.sub(r"# aicore: .*", "", text)
    assert {finding.rule for finding in check_document(without, options=OPTIONS)} == {"AIC307", "AIC322", "AIC313"}


def test_ids_and_names_are_unique_and_tell_the_layer() -> None:
    layers = {"document": "1", "argo": "2", "aicore": "3", "folder": "4"}
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    for rule_id, rule in RULES.items():
        assert rule_id == rule.id
        assert re.fullmatch(rf"AIC{layers[rule.layer]}\d\d", rule_id)
        assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", rule.name)
        assert not rule.summary.endswith(".")
        assert rule.explanation.endswith((".", ")"))
