"""Mistakes as people make them, told once, where they are, in whole sentences."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.checks import check_document

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: ticket-train
  annotations:
    scenarios.ai.sap.com/name: Tickets
    executables.ai.sap.com/name: Training
    artifacts.ai.sap.com/ticket-model.kind: model
  labels:
    scenarios.ai.sap.com/id: support-tickets
    ai.sap.com/version: "2.0.0"
spec:
  entrypoint: main
  imagePullSecrets:
    - name: registry
  arguments:
    parameters:
      - name: EPOCHS
      - name: LANGUAGES
        value: '["en", "de"]'
  templates:
    - name: main
      dag:
        tasks:
          - name: clean
            template: clean
          - name: train
            template: train
            dependencies: [clean]
            withParam: "{{workflow.parameters.LANGUAGES}}"
            arguments:
              parameters:
                - name: language
                  value: "{{item}}"
              artifacts:
                - name: texts
                  from: "{{tasks.clean.outputs.artifacts.texts}}"
    - name: clean
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      inputs:
        artifacts:
          - name: tickets
            path: /data/tickets
      outputs:
        artifacts:
          - name: texts
            globalName: texts
            path: /data/texts
      container:
        image: docker.io/example/tickets:2
        command: ["/bin/sh", "-c"]
        args: ["python clean.py {{inputs.artifacts.tickets.path}}"]
    - name: train
      metadata:
        labels:
          ai.sap.com/resourcePlan: basic
      inputs:
        parameters:
          - name: language
        artifacts:
          - name: texts
            path: /data/texts
      outputs:
        artifacts:
          - name: model
            globalName: ticket-model
            path: /data/model
      container:
        image: docker.io/example/tickets:2
        command: ["/bin/sh", "-c"]
        args: ["python train.py {{inputs.parameters.language}} {{workflow.parameters.EPOCHS}}"]
        env:
          - name: SEED
            value: "42"
          - name: TOKEN
            valueFrom:
              secretKeyRef:
                name: hub
                key: token
"""

SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: ticket-serve
  annotations:
    scenarios.ai.sap.com/name: Tickets
    executables.ai.sap.com/name: Serving
  labels:
    scenarios.ai.sap.com/id: support-tickets
    ai.sap.com/version: "2.0.0"
spec:
  inputs:
    artifacts:
      - name: ticketmodel
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: infer.s
      annotations: |
        autoscaling.knative.dev/metric: concurrency
    spec: |
      predictor:
        imagePullSecrets:
          - name: registry
        minReplicas: 1
        containers:
          - name: kserve-container
            image: docker.io/example/ticket-serve:2
            ports:
              - containerPort: 9001
            env:
              - name: STORAGE_URI
                value: "{{inputs.artifacts.ticketmodel}}"
              - name: LEVEL
                value: "info"
"""


def said(text: str) -> list[str]:
    """Return what is found in a text: place, severity, rule, and all that is said."""
    return [
        f"{found.place.line}:{found.place.column} {found.severity.name.lower()} {found.rule}: "
        + " ".join(filter(None, (found.message, found.remedy, found.hint)))
        for found in check_document(text)
    ]


def test_without_a_mistake_nothing_is_said() -> None:
    assert said(TRAINING) == []
    assert said(SERVING) == []


@pytest.mark.parametrize(
    ("template", "old", "new", "expected"),
    [
        pytest.param(
            TRAINING,
            'value: "42"',
            "value: \u201c42\u201d",
            "76:20 error AIC119: These quotation marks are typographic, so YAML does not quote with them: they are "
            'part of the value. Write "42", with the straight quotation marks of the keyboard.',
            id="typographic quotation marks",
        ),
        pytest.param(
            TRAINING,
            'command: ["/bin/sh", "-c"]\n        args: ["python clean',
            'command: [\u201c/bin/sh\u201d, \u201c-c\u201d]\n        args: ["python clean',
            "53:19 error AIC119: These quotation marks are typographic, so YAML does not quote with them: they are "
            'part of the value. Write "/bin/sh", with the straight quotation marks of the keyboard.',
            id="typographic quotation marks in a list",
        ),
        pytest.param(
            SERVING,
            'value: "info"',
            "value: \u201cinfo\u201d",
            "36:24 error AIC119: These quotation marks are typographic, so YAML does not quote with them: they are "
            'part of the value. Write "info", with the straight quotation marks of the keyboard.',
            id="typographic quotation marks in a server",
        ),
        pytest.param(
            TRAINING,
            "template: clean\n",
            "template: clean\xa0\n",
            "26:23 error AIC119: The value ends with an invisible character, U+00A0, which is part of it. Remove it: "
            "type the line again.",
            id="invisible end",
        ),
        pytest.param(
            TRAINING,
            "entrypoint: main",
            "entrypoint:\xa0main",
            "13:14 error AIC119: The character U+00A0 only looks like a space. AI Core cannot read the file, and the "
            "synchronisation fails. Type a space instead: such characters come with text copied from a page or a "
            "chat.",
            id="no-break space behind a colon",
        ),
        pytest.param(
            TRAINING,
            "            path: /data/tickets",
            "\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0path: /data/tickets",
            "45:1 error AIC119: The character U+00A0 only looks like a space. AI Core cannot read the file, and the "
            "synchronisation fails. Type a space instead: such characters come with text copied from a page or a "
            "chat.",
            id="no-break spaces in the indentation",
        ),
        pytest.param(
            TRAINING,
            "entrypoint: main",
            "entrypoint\uff1a main",
            "13:13 error AIC119: The character U+FF1A only looks like a colon and a space. AI Core cannot read the "
            "file, and the synchronisation fails. Type a colon and a space instead: such characters come with text "
            "copied from a page or a chat.",
            id="wide colon",
        ),
        pytest.param(
            TRAINING,
            "    - name: registry",
            "    \u2013 name: registry",
            "15:5 error AIC119: A typographic dash, U+2013, does not begin an item of the list `imagePullSecrets:`. "
            "Write a hyphen, `-`, and a space.",
            id="dash before an item",
        ),
        pytest.param(
            TRAINING,
            "      - name: LANGUAGES",
            "      \u2013 name: LANGUAGES",
            "19:7 error AIC119: The character U+2013 only looks like a dash. AI Core cannot read the file, and the "
            "synchronisation fails. Type a dash instead: such characters come with text copied from a page or a chat.",
            id="dash before an item of two lines",
        ),
        pytest.param(
            TRAINING,
            "train.py {{inputs",
            "train.py \u2013language {{inputs",
            "73:33 warning AIC119: `\u2013language` begins with a typographic dash, so the program does not recognise "
            "it "
            "as an option. Write `--language`.",
            id="dash before an option",
        ),
        pytest.param(
            TRAINING,
            '["/bin/sh", "-c"]\n        args: ["python clean',
            '["/bin/sh", "\u2013c"]\n        args: ["python clean',
            "53:31 warning AIC119: `\u2013c` begins with a typographic dash, so the program does not recognise it as "
            "an "
            "option. Write `-c`.",
            id="dash before the option of the shell",
        ),
        pytest.param(
            TRAINING,
            '    ai.sap.com/version: "2.0.0"\n',
            "<<<<<<< HEAD\n"
            '    ai.sap.com/version: "2.0.0"\n'
            "=======\n"
            '    ai.sap.com/version: "2.1.0"\n'
            ">>>>>>> feature/x\n",
            "11:1 error AIC101: Git left a merge conflict here: the file has two versions of the lines around it. AI "
            "Core cannot read the file, and the synchronisation fails. Keep one of them, and remove the lines that "
            "begin with `<<<<<<<`, `=======` and `>>>>>>>`.",
            id="merge conflict",
        ),
        pytest.param(
            TRAINING,
            "apiVersion: argo",
            "```yaml\napiVersion: argo",
            "1:1 error AIC117: A string without quotes cannot begin with a back quote. AI Core cannot read the file, "
            "and the synchronisation fails. Remove it: it marks code in Markdown, and is not part of the file.",
            id="fence of Markdown",
        ),
        pytest.param(
            SERVING,
            "    spec: |\n",
            "    spec: | predictor\n",
            "22:12 error AIC101: Text follows `|`, which begins a block of lines. AI Core cannot read the file, and "
            "the synchronisation fails. Begin a new line after it, and indent the text deeper than this line.",
            id="text behind the sign of a block",
        ),
        pytest.param(
            TRAINING,
            "      - name: LANGUAGES",
            "        name: LANGUAGES",
            "19:9 error AIC110: The key `name` is given twice in one map, in line 18 and here; AI Core "
            "would only see the second. Put a dash before it if another item of the list begins here; "
            "else remove one of them.",
            id="dash of an item forgotten",
        ),
        pytest.param(
            TRAINING,
            "    - name: train\n      metadata",
            "      name: train\n      metadata",
            "55:7 error AIC110: The key `name` is given twice in one map, in line 38 and here; AI Core "
            "would only see the second. Put a dash before it if another item of the list begins here; "
            "else remove one of them.",
            id="dash of a template forgotten",
        ),
        pytest.param(
            TRAINING,
            "          - name: SEED",
            "            name: SEED",
            "75:13 error AIC107: `name: SEED` is not an item of the list `env:`, because it has no dash. AI Core "
            "cannot read the file, and the synchronisation fails. Write `- name: SEED`.",
            id="dash of the first item forgotten",
        ),
        pytest.param(
            SERVING,
            "              - name: STORAGE_URI",
            "                name: STORAGE_URI",
            "33:17 error AIC332: `name: STORAGE_URI` is not an item of the list `env:`, because it has no dash. "
            "KServe refuses it, so no deployment of it ever runs. Write `- name: STORAGE_URI`.",
            id="dash of a variable of a server forgotten",
        ),
        pytest.param(
            TRAINING,
            "                key: token\n",
            "                key: token\n"
            "apiVersion: argoproj.io/v1alpha1\n"
            "kind: WorkflowTemplate\n"
            "metadata:\n"
            "  name: another\n",
            "82:1 error AIC110: The key `apiVersion` is given twice in one map, in line 1 and here; AI Core would mix"
            " two templates. Put each template in its own file; in one file they need a line `---` between them.",
            id="second template pasted below",
        ),
        pytest.param(
            TRAINING,
            "        image: docker.io/example/tickets:2\n"
            '        command: ["/bin/sh", "-c"]\n'
            '        args: ["python clean',
            "      image: docker.io/example/tickets:2\n"
            '        command: ["/bin/sh", "-c"]\n'
            '        args: ["python clean',
            "52:7 error AIC106: This line is indented by 6 spaces, and line 53, which belongs to the "
            "same map, by 8. AI Core cannot read the file, and the synchronisation fails. Indent both "
            "by 8 spaces.",
            id="image beside the container",
        ),
        pytest.param(
            TRAINING,
            '        command: ["/bin/sh", "-c"]\n        args: ["python clean',
            '      command: ["/bin/sh", "-c"]\n        args: ["python clean',
            "53:7 error AIC106: This line is indented by 6 spaces, and line 54, which belongs to the "
            "same map, by 8. AI Core cannot read the file, and the synchronisation fails. Indent both "
            "by 8 spaces.",
            id="command beside the container",
        ),
        pytest.param(
            TRAINING,
            "            globalName: ticket-model\n            path: /data/model\n",
            "            path: /data/model\n        globalName: ticket-model\n",
            "69:9 error AIC235: `globalName` belongs in the last item of `artifacts` above it; in its current place "
            "it is silently ignored. Indent it like the other keys of that item.",
            id="key of the last item beside the list",
        ),
        pytest.param(
            TRAINING,
            "            globalName: ticket-model\n            path: /data/model\n",
            "            globalName: ticket-model\n"
            "            path: /data/model\n"
            "        archive:\n"
            "          none: {}\n",
            "70:9 warning AIC235: `archive` belongs in the last item of `artifacts` above it; in its current place it"
            " is silently ignored. Indent it like the other keys of that item.",
            id="archive beside the list",
        ),
        pytest.param(
            TRAINING,
            "        tasks:\n",
            "",
            "23:7 error AIC202: `dag` has to be a map, not a list. Argo refuses it, so each "
            "execution ends DEAD without a log. Put `tasks:` on a line above its items, and indent "
            "them below it.",
            id="tasks left out",
        ),
        pytest.param(
            TRAINING,
            "        tasks:\n",
            "        steps:\n",
            "24:9 error AIC201: A dag of Argo has no key `steps`: it is silently ignored. Write "
            "`tasks`. Did you mean 'tasks'?",
            id="steps of a dag",
        ),
        pytest.param(
            TRAINING,
            "dependencies: [clean]",
            "dependsOn: [clean]",
            "29:13 error AIC201: A dag task of Argo has no key `dependsOn`: it is silently ignored. Write "
            "`dependencies`. Did you mean 'dependencies'?",
            id="dependsOn",
        ),
        pytest.param(
            TRAINING,
            "dependencies: [clean]",
            "depends: [clean]",
            "29:13 error AIC202: `depends` has to be a string, not a list. Argo refuses it, so "
            "each execution ends DEAD without a log. Write `dependencies`, which takes a list, or "
            "names with `&&` between them.",
            id="depends as a list",
        ),
        pytest.param(
            TRAINING,
            "dependencies: [clean]",
            "dependencies: clean",
            "29:27 error AIC202: `dependencies` has to be a list of strings, not a string. "
            'Argo refuses it, so each execution ends DEAD without a log. Write a list: ["clean"].',
            id="dependencies as a string",
        ),
        pytest.param(
            TRAINING,
            "dependencies: [clean]",
            "dependencies: [train]",
            "29:28 error AIC214: The task `train` depends on itself: train -> train. Argo refuses it, "
            "so each execution ends DEAD without a log. Remove one of these dependencies.",
            id="task that waits for itself",
        ),
        pytest.param(
            TRAINING,
            "            template: clean\n",
            "            template: clean\n            dependencies: [train]\n",
            "27:28 error AIC214: The task `clean` depends on itself: clean -> train -> clean. Argo "
            "refuses it, so each execution ends DEAD without a log. Remove one of these dependencies.",
            id="circle",
        ),
        pytest.param(
            TRAINING,
            "    - name: train\n      metadata",
            "    - name: clean\n      metadata",
            "55:13 error AIC210: The template `clean` is declared twice, in line 38 and here. Argo "
            "refuses it, so each execution ends DEAD without a log. Remove one of them, or give it another name and "
            "call it by that.",
            id="template copied, its name kept",
        ),
        pytest.param(
            TRAINING,
            '                  from: "{{tasks',
            '                  value: "{{tasks',
            "37:19 error AIC201: An artifact of Argo has no key `value`: it is silently ignored. "
            "Write `from`. Did you mean 'from'?",
            id="value for from",
        ),
        pytest.param(
            TRAINING,
            "      outputs:\n        artifacts:\n          - name: model",
            "      outputs:\n"
            "        parameters:\n"
            "          - name: loss\n"
            "            path: /data/loss\n"
            "        artifacts:\n"
            "          - name: model",
            "68:13 error AIC235: A parameter of Argo has no key `path`: it is silently ignored. "
            "Put `valueFrom:` on a line above it, and indent it below.",
            id="output parameter with a path",
        ),
        pytest.param(
            TRAINING,
            "path: /data/tickets",
            "path: data/tickets",
            "45:19 warning AIC224: The path `data/tickets` is not absolute: it is mounted at `/data/tickets`, not in "
            "the working directory of the container. Write an absolute path, such as `/data/tickets`.",
            id="relative path of an input",
        ),
        pytest.param(
            TRAINING,
            "path: /data/model",
            "path: ./model",
            "69:19 warning AIC224: The path `./model` is not absolute: Argo looks for it in the working directory, "
            "which the image decides. Write an absolute path, such as `/model`.",
            id="relative path of an output",
        ),
        pytest.param(
            TRAINING,
            "secretKeyRef:",
            "secretRef:",
            "79:15 error AIC201: A source of an environment variable of Argo has no key `secretRef`: "
            "it is silently ignored. Write `secretKeyRef`. Did you mean 'secretKeyRef'?",
            id="secretRef",
        ),
        pytest.param(
            TRAINING,
            '          - name: SEED\n            value: "42"',
            "          - SEED=42",
            "75:13 error AIC202: This item has to be a map, not a string. Argo refuses it, so "
            'each execution ends DEAD without a log. Write `- name: SEED`, and `value: "42"` below it.',
            id="variable as in a shell",
        ),
        pytest.param(
            TRAINING,
            '          - name: SEED\n            value: "42"',
            '          - SEED: "42"',
            "75:13 error AIC203: This environment variable has no `name`. Argo refuses it, so each "
            "execution ends DEAD without a log. Write `- name: SEED`, and `value:` below it.",
            id="variable as key and value",
        ),
        pytest.param(
            TRAINING,
            "ai.sap.com/resourcePlan: basic",
            "ai.sap.com/resourcePlan=basic",
            "58:11 error AIC202: `labels` has to be a map, not a string. Argo refuses it, so each execution ends DEAD"
            " without a log. Write a colon and a space instead of the equals sign: without them the line is a string.",
            id="label with an equals sign",
        ),
        pytest.param(
            TRAINING,
            'args: ["python clean.py {{inputs.artifacts.tickets.path}}"]',
            "args:\n          - python clean.py --note note: yes {{inputs.artifacts.tickets.path}}",
            "55:13 error AIC202: This item has to be a string, not a map. Argo refuses it, so "
            "each execution ends DEAD without a log. Put the whole item in quotes: the colon and the "
            "space in it make a map of it.",
            id="colon in an item of args",
        ),
        pytest.param(
            TRAINING,
            "  imagePullSecrets:\n    - name: registry",
            "  imagePullSecrets: registry",
            "14:21 error AIC202: `imagePullSecrets` has to be a list of maps, not a string. "
            "Argo refuses it, so each execution ends DEAD without a log. Write `- name: registry` on a "
            "line of its own below it.",
            id="pull secret as a string",
        ),
        pytest.param(
            TRAINING,
            'value: "42"',
            'value: "workflow.parameters.EPOCHS"',
            "76:21 error AIC247: Argo replaces only placeholders in double braces: "
            "`workflow.parameters.EPOCHS` stays in the text. The container gets it unchanged. Write "
            "`{{workflow.parameters.EPOCHS}}`.",
            id="value without braces",
        ),
        pytest.param(
            TRAINING,
            '"{{workflow.parameters.LANGUAGES}}"',
            "workflow.parameters.LANGUAGES",
            "30:24 error AIC219: `withParam` has to be a JSON list, not `workflow.parameters.LANGUAGES`. Argo refuses"
            ' it, so each execution ends DEAD without a log. Write a placeholder ("{{...}}") or a JSON list; for a '
            "YAML list use `withItems`.",
            id="withParam without braces",
        ),
        pytest.param(
            TRAINING,
            "{{workflow.parameters.EPOCHS}}",
            "{{{workflow.parameters.EPOCHS}}}",
            "73:64 error AIC247: Argo replaces only placeholders in double braces: "
            "`{{{workflow.parameters.EPOCHS}}}` stays in the text. The container gets it unchanged. "
            "Write `{{workflow.parameters.EPOCHS}}`.",
            id="three braces",
        ),
        pytest.param(
            TRAINING,
            "{{workflow.parameters.EPOCHS}}",
            "{workflow.parameters.EPOCHS}}",
            "73:64 error AIC247: Argo replaces only placeholders in double braces: "
            "`{workflow.parameters.EPOCHS}}` stays in the text. The container gets it unchanged. Write "
            "`{{workflow.parameters.EPOCHS}}`.",
            id="first brace forgotten",
        ),
        pytest.param(
            TRAINING,
            "{{workflow.parameters.EPOCHS}}",
            "<workflow.parameters.EPOCHS>",
            "73:64 error AIC247: Argo replaces only placeholders in double braces: "
            "`<workflow.parameters.EPOCHS>` stays in the text. The container gets it unchanged. Write "
            "`{{workflow.parameters.EPOCHS}}`.",
            id="angle brackets",
        ),
        pytest.param(
            TRAINING,
            "{{workflow.parameters.EPOCHS}}",
            "{{spec.arguments.parameters.EPOCHS}}",
            "73:64 warning AIC245: Unknown variable `{{spec.arguments.parameters.EPOCHS}}`. "
            "Argo does not replace it: it stays in the text, braces included. Write "
            "`{{workflow.parameters.EPOCHS}}`.",
            id="path of the YAML as a reference",
        ),
        pytest.param(
            TRAINING,
            "{{workflow.parameters.EPOCHS}}",
            "{{workflow.arguments.parameters.EPOCHS}}",
            "73:64 error AIC245: Unknown workflow variable `arguments`. Argo refuses it, so each "
            "execution ends DEAD without a log. Write `{{workflow.parameters.EPOCHS}}`.",
            id="arguments in a reference",
        ),
        pytest.param(
            TRAINING,
            "{{inputs.artifacts.tickets.path}}",
            "{{inputs.artifacts.tickets}}",
            "54:33 error AIC245: An artifact is not a text: `{{inputs.artifacts.tickets}}` is not replaced, and the "
            "container gets it unchanged. Write `{{inputs.artifacts.tickets.path}}`, the path in the container.",
            id="artifact without path",
        ),
        pytest.param(
            TRAINING,
            "{{item}}",
            "{{items}}",
            "34:27 warning AIC245: The item of a loop is called `item`. Argo does not replace it: it "
            "stays in the text, braces included. Write `{{item}}`. Did you mean 'item'?",
            id="items",
        ),
        pytest.param(
            SERVING,
            '"{{inputs.artifacts.ticketmodel}}"',
            "inputs.artifacts.ticketmodel",
            "34:24 error AIC333: AI Core replaces only placeholders in double braces: "
            "`inputs.artifacts.ticketmodel` stays in the text. Write "
            "`{{inputs.artifacts.ticketmodel}}`.",
            id="server value without braces",
        ),
        pytest.param(
            TRAINING,
            "kind: Workflow",
            "Kind: Workflow",
            "2:1 error AIC201: A template has no key `Kind`: Kubernetes refuses it, or drops it with everything below"
            " it. Write `kind:`. Did you mean 'kind'?",
            id="Kind",
        ),
        pytest.param(
            TRAINING,
            "\nmetadata:\n  name",
            "\nmetdata:\n  name",
            "3:1 error AIC201: A template has no key `metdata`: Kubernetes refuses it, or drops it with everything "
            "below it. Write `metadata:`. Did you mean 'metadata'?",
            id="metadata misspelt",
        ),
        pytest.param(
            TRAINING,
            "  name: ticket-train",
            "  generateName: ticket-train-",
            "4:3 error AIC307: The template has no `metadata.name`, which is the executable id, so it "
            "is not synchronised. Write `name:` instead of `generateName:`: the id has to stay the "
            "same.",
            id="generateName",
        ),
        pytest.param(
            TRAINING,
            "    ai.sap.com/version",
            "    scenarios.ai.sap.com/version",
            "11:5 error AIC312: Unknown key `scenarios.ai.sap.com/version`, so AI Core ignores it. Write "
            "`ai.sap.com/version`. Did you mean 'ai.sap.com/version'?",
            id="version of the scenario",
        ),
        pytest.param(
            TRAINING,
            "    scenarios.ai.sap.com/id",
            "    ai.sap.com/scenario",
            "10:5 error AIC312: Unknown key `ai.sap.com/scenario`, so AI Core ignores it. Write "
            "`scenarios.ai.sap.com/id`. Did you mean 'scenarios.ai.sap.com/id'?",
            id="scenario as a label",
        ),
        pytest.param(
            TRAINING,
            "    artifacts.ai.sap.com/ticket-model.kind: model\n  labels:\n",
            "  labels:\n    artifacts.ai.sap.com/ticket-model.kind: model\n",
            "9:5 warning AIC311: AI Core reads `artifacts.ai.sap.com/ticket-model.kind` from the annotations, not "
            "from here. Move it to `metadata.annotations`.",
            id="annotation of an artifact among the labels",
        ),
        pytest.param(
            TRAINING,
            "    scenarios.ai.sap.com/name: Tickets\n"
            "    executables.ai.sap.com/name: Training\n"
            "    artifacts.ai.sap.com/ticket-model.kind: model\n"
            "  labels:\n",
            "    executables.ai.sap.com/name: Training\n"
            "    artifacts.ai.sap.com/ticket-model.kind: model\n"
            "  labels:\n"
            "    scenarios.ai.sap.com/name: All my tickets\n",
            "9:5 error AIC311: AI Core reads `scenarios.ai.sap.com/name` from the annotations, not from here. Move it"
            " to `metadata.annotations`.",
            id="name of the scenario among the labels",
        ),
        pytest.param(
            SERVING,
            "      labels: |\n        ai.sap.com/resourcePlan: infer.s\n      annotations: |\n",
            "      annotations: |\n        ai.sap.com/resourcePlan: infer.s\n",
            "19:9 warning AIC311: `ai.sap.com/resourcePlan` has no effect here: it is a label of the "
            "pods. Move it to the block `labels` beside this one.",
            id="plan among the annotations of a server",
        ),
        pytest.param(
            SERVING,
            "resourcePlan: infer.s",
            "resourcePlan:infer.s",
            "18:15 error AIC332: `spec.template.metadata.labels` is not a map. KServe refuses it, so no deployment of"
            " it ever runs. Put a space after the colon: without it the line is a string.",
            id="no space in the labels of a server",
        ),
        pytest.param(
            SERVING,
            "  inputs:\n",
            "  arguments:\n",
            "12:3 error AIC201: A serving specification of AI Core has no key `arguments`: it is silently ignored. "
            "Write `inputs`. Did you mean 'inputs'?",
            id="arguments of a server",
        ),
        pytest.param(
            SERVING,
            SERVING[SERVING.index("    spec: |") :],
            "",
            "15:3 error AIC336: The template has no `spec.template.spec`, so there is nothing to "
            "deploy. Add `spec: |` with a `predictor` in it.",
            id="no inner spec",
        ),
        pytest.param(
            SERVING,
            "containerPort",
            "port",
            "31:17 error AIC201: A container port of KServe has no key `port`: it is silently ignored. Write "
            "`containerPort`. Did you mean 'containerPort'?",
            id="port of a server",
        ),
        pytest.param(
            TRAINING,
            '["/bin/sh", "-c"]\n        args: ["python clean',
            '["/bin/sh -c"]\n        args: ["python clean',
            "53:9 error AIC316: `/bin/sh -c`, with its spaces, is taken for the name of one program, so the container"
            ' never starts. Write `command: ["/bin/sh", "-c"]`.',
            id="shell in one word",
        ),
        pytest.param(
            TRAINING,
            '["python clean.py {{inputs',
            '["python", "clean.py {{inputs',
            "54:26 warning AIC316: A shell with `-c` runs only the first item of `args`: this one is not part of the "
            "command line. Write the whole command line as one item.",
            id="command line in several items",
        ),
        pytest.param(
            TRAINING,
            'tickets:2\n        command: ["/bin/sh", "-c"]\n        args: ["python clean',
            'tickets:latest\n        command: ["/bin/sh", "-c"]\n        args: ["python clean',
            "52:16 hint AIC321: The image behind `latest` can change between runs. Name the "
            "version of the image, or its digest.",
            id="latest",
        ),
        pytest.param(
            TRAINING,
            'docker.io/example/tickets:2\n        command: ["/bin/sh", "-c"]\n        args: ["python clean',
            'https://docker.io/example/tickets:2\n        command: ["/bin/sh", "-c"]\n        args: ["python clean',
            "52:16 error AIC321: Invalid image name, so the pod never starts. Image names are lower case, without "
            "spaces: `docker.io/organisation/name:tag`. Did you mean 'docker.io/example/tickets:2'?",
            id="scheme before an image",
        ),
        pytest.param(
            TRAINING,
            "        env:\n",
            "        resources:\n          limits:\n            memory: 8 Gi\n        env:\n",
            "76:21 error AIC204: Invalid amount `8 Gi`; Kubernetes refuses the pod. Write "
            "a number with a suffix such as `m`, `M`, `G`, `Mi` or `Gi`. Did you mean '8Gi'?",
            id="blank in an amount",
        ),
    ],
)
def test_a_mistake_is_told_once_in_whole_sentences(template: str, old: str, new: str, expected: str) -> None:
    assert template.count(old) == 1
    assert said(template.replace(old, new)) == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- name: EPOCHS\n", "- name: EPOCHS\n        description: \u201cHow often\u201d each text is read\n"),
        ("- name: EPOCHS\n", "- name: EPOCHS\n        description: \u201cHow often\u201d\n"),
        ("scenarios.ai.sap.com/name: Tickets", "scenarios.ai.sap.com/name: \u201eTickets\u201c"),
        ('"python train.py ', '"echo 2023\u20132024 \u2013 again && python train.py '),
        (
            'args: ["python clean.py',
            'args: ["$0 $@", "python clean.py',
        ),
    ],
    ids=["part of a description", "description", "name", "dashes of a text", "positional parameters"],
)
def test_what_only_looks_like_a_mistake_is_none(old: str, new: str) -> None:
    assert TRAINING.count(old) == 1
    assert said(TRAINING.replace(old, new)) == []


def test_a_first_key_that_was_typed_twice_is_no_forgotten_dash() -> None:
    text = TRAINING.replace(
        "    - name: clean\n      metadata", "    - name: cleaning\n      name: clean\n      metadata"
    )
    (found,) = said(text)
    assert found == (
        "39:7 error AIC110: The key `name` is given twice in one map, in line 38 and here; AI Core would only see the "
        "second. Remove one of them."
    )
