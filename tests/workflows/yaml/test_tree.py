"""The tree: where each key and value stands, what a scalar is, what aliases and merge keys become."""

from __future__ import annotations

import pickle

import pytest

from pytest_aicore.workflows import SourceError
from pytest_aicore.workflows.yaml.source import MAXIMUM_DEPTH, MAXIMUM_NODES, parse, parse_all
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, walk

pytestmark = pytest.mark.usefixtures("parser")


def scalar(text: str) -> ScalarNode:
    """Return the value of `key: <text>`."""
    root = parse(f"key: {text}").root
    assert isinstance(root, MappingNode)
    node = root.values["key"]
    assert isinstance(node, ScalarNode)
    return node


def mapping(text: str) -> MappingNode:
    """Return the map that a text is."""
    root = parse(text).root
    assert isinstance(root, MappingNode)
    return root


class TestPlaces:
    TEXT = (
        "metadata:\n"
        "  name: train # a comment\n"
        "  labels: {a: 'x', \"b\": [1, 22]}\n"
        "spec:\n"
        "  args:\n"
        "    - >\n"
        "      first\n"
        "      second\n"
        "\n"
        "    - plain\n"
        "      continued\n"
        "  empty:\n"
        "  last: é😀z\n"
    )

    @pytest.mark.parametrize(
        ("path", "key", "value"),
        [
            (["metadata"], (1, 1), (2, 3, 3, 33)),
            (["metadata", "name"], (2, 3), (2, 9, 2, 14)),
            (["metadata", "labels"], (3, 3), (3, 11, 3, 33)),
            (["metadata", "labels", "a"], (3, 12), (3, 15, 3, 18)),
            (["metadata", "labels", "b"], (3, 20), (3, 25, 3, 32)),
            (["metadata", "labels", "b", 1], None, (3, 29, 3, 31)),
            (["spec", "args"], (5, 3), (6, 5, 11, 16)),
            (["spec", "args", 0], None, (6, 7, 10, 1)),
            (["spec", "args", 1], None, (10, 7, 11, 16)),
            (["spec", "empty"], (12, 3), (12, 8, 12, 8)),
            (["spec", "last"], (13, 3), (13, 9, 13, 12)),
        ],
    )
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_keys_and_values(
        self, line_end: str, path: list[str | int], key: tuple[int, int] | None, value: tuple[int, int, int, int]
    ) -> None:
        node: object = parse(self.TEXT.replace("\n", line_end)).root
        found = None
        for part in path:
            if isinstance(node, MappingNode):
                assert isinstance(part, str)
                found, node = (node.keys[part].line, node.keys[part].column), node.values[part]
            else:
                assert isinstance(node, SequenceNode)
                assert isinstance(part, int)
                found, node = None, node.items[part]
        assert found == key
        assert isinstance(node, (MappingNode, SequenceNode, ScalarNode))
        assert (node.line, node.column, node.end_line, node.end_column) == value

    def test_a_byte_order_mark_takes_no_column(self) -> None:
        root = parse(b"\xef\xbb\xbfname: x").root
        assert isinstance(root, MappingNode)
        assert (root.keys["name"].line, root.keys["name"].column) == (1, 1)

    def test_lines_are_those_of_the_file(self) -> None:
        document = parse("a: 1 # x\r\n\r\n  # y\r\nb: 2")
        assert document.lines == ["a: 1 # x", "", "  # y", "b: 2"]
        assert [document.line(number) for number in (0, 1, 4, 5)] == ["", "a: 1 # x", "b: 2", ""]

    def test_what_an_alias_means_stands_where_its_anchor_is(self) -> None:
        root = mapping("a: &x [1]\nb: *x\n")
        assert root.values["b"] is root.values["a"]
        assert (root.keys["b"].line, root.values["b"].line) == (2, 1)
        assert (root.end_line, root.end_column) == (2, 2)


class TestScalars:
    @pytest.mark.parametrize(
        ("written", "kind", "value"),
        [
            ("2.0", "float", "2.0"),
            ('"2.0"', "string", "2.0"),
            ("'2.0'", "string", "2.0"),
            ("!!str 2.0", "string", "2.0"),
            ('!!float "2"', "float", "2"),
            ("1.0.0", "string", "1.0.0"),
            ("0.20", "float", "0.20"),
            (".5", "float", ".5"),
            ("1e3", "float", "1e3"),
            ("-1.5E-7", "float", "-1.5E-7"),
            (".inf", "float", ".inf"),
            ("-.Inf", "float", "-.Inf"),
            (".nan", "float", ".nan"),
            ("7", "integer", "7"),
            ("-7", "integer", "-7"),
            ("+7", "integer", "+7"),
            ("0x1F", "integer", "0x1F"),
            ("0o17", "integer", "0o17"),
            ("017", "integer", "017"),
            ("0b11", "integer", "0b11"),
            ("1_000", "integer", "1_000"),
            ("08", "float", "08"),
            ("1:30", "string", "1:30"),
            ("2024-01-31", "string", "2024-01-31"),
            ("v1", "string", "v1"),
            (".", "string", "."),
            ("--", "string", "--"),
            ("1.2.", "string", "1.2."),
            ("true", "boolean", "true"),
            ("True", "boolean", "true"),
            ("TRUE", "boolean", "true"),
            ("yes", "boolean", "true"),
            ("on", "boolean", "true"),
            ("y", "boolean", "true"),
            ("false", "boolean", "false"),
            ("No", "boolean", "false"),
            ("OFF", "boolean", "false"),
            ("tRUE", "string", "tRUE"),
            ('"true"', "string", "true"),
            ("", "null", None),
            ("~", "null", None),
            ("null", "null", None),
            ("NULL", "null", None),
            ("nULL", "string", "nULL"),
            ('""', "string", ""),
            ('"null"', "string", "null"),
            ("|-\n  2.0", "string", "2.0"),
            ("!custom 3", "string", "3"),
            ("=", "string", "="),
        ],
    )
    def test_what_kubernetes_takes_it_for(self, written: str, kind: str, value: str | None) -> None:
        node = scalar(written)
        assert (node.kind, node.value) == (kind, value)

    @pytest.mark.parametrize(
        ("written", "style", "text"),
        [
            ("a b", "", "a b"),
            ("'it''s'", "'", "it's"),
            (r'"tab\tx\x41\u00e9\/"', '"', "tab\tx\x41\u00e9/"),
            ("|\n  a\n   b\n\n  c\n", "|", "a\n b\n\nc\n"),
            (">\n  a\n  b\n\n  c\n", ">", "a b\nc\n"),
            (">-\n  a\n  b", ">", "a b"),
            ("|+\n  a\n\n", "|", "a\n\n"),
            ("|2 # comment\n    a\n", "|", "  a\n"),
            ("a\n  b\n\n  c", "", "a b\nc"),
            ("a\tb", "", "a\tb"),
        ],
    )
    def test_how_it_was_written(self, written: str, style: str, text: str) -> None:
        node = scalar(written)
        assert (node.style, node.text) == (style, text)

    def test_no_tag_makes_a_python_object(self) -> None:
        node = scalar("!!python/name:os.system x")
        assert (node.text, node.tag, node.kind) == ("x", "tag:yaml.org,2002:python/name:os.system", "string")


class TestMaps:
    def test_a_key_given_twice_is_remembered_with_both_places_and_the_last_value_counts(self) -> None:
        document = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n")
        assert isinstance(document.root, MappingNode)
        assert document.root.text("a") == "2"
        assert [(found.first.text, found.first.line, found.second.line) for found in document.duplicates] == [
            ("c", 2, 2),
            ("a", 1, 3),
        ]
        assert document.root.keys["a"].line == 3

    def test_keys_are_texts_whatever_they_look_like(self) -> None:
        assert list(mapping("1: a\ntrue: b\n~: c\n'': d\n").values) == ["1", "true", "~", ""]

    def test_merged_keys_stand_behind_the_maps_own_which_win(self) -> None:
        root = mapping("base: &base {a: 1, b: 1}\nmine:\n  <<: *base\n  b: 2\n  c: 3\n")
        mine = root.mapping("mine")
        assert {key: mine.text(key) for key in mine.values} == {"b": "2", "c": "3", "a": "1"}
        assert mine.keys["a"].line == 1

    def test_of_several_merged_maps_the_first_wins(self) -> None:
        root = mapping("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nmine: {<<: [*x, *y], c: 3}\n")
        assert {key: root.mapping("mine").text(key) for key in ("a", "b", "c")} == {"a": "1", "b": "2", "c": "3"}

    def test_merging_is_no_duplicate(self) -> None:
        assert parse("x: &x {a: 1}\nmine: {<<: *x, a: 2}\n").duplicates == ()

    def test_a_quoted_merge_sign_is_a_key(self) -> None:
        assert list(mapping('"<<": {a: 1}\n').values) == ["<<"]

    def test_questions_never_raise(self) -> None:
        root = mapping("scalar: x\nlist: [1, {a: 1}, [2]]\nmap: {a: 1}\nnothing:\n")
        assert [root.text(key) for key in ("scalar", "list", "map", "nothing", "absent")] == [
            "x",
            None,
            None,
            None,
            None,
        ]
        assert [list(root.mapping(key).values) for key in ("scalar", "list", "map", "nothing", "absent")] == [
            [],
            [],
            ["a"],
            [],
            [],
        ]
        assert [len(root.items_of(key)) for key in ("scalar", "list", "map", "absent")] == [0, 3, 0, 0]
        assert [len(root.mappings_of(key)) for key in ("scalar", "list", "map", "absent")] == [0, 1, 0, 0]
        assert root.get("absent") is None

    def test_walking_meets_parents_first_and_the_order_of_the_file(self) -> None:
        nodes = list(walk(parse("a: [1, {b: 2}]\nc: 3\n").root))
        assert [type(node).__name__ for node in nodes] == [
            "MappingNode",
            "SequenceNode",
            "ScalarNode",
            "MappingNode",
            "ScalarNode",
            "ScalarNode",
        ]
        assert [node.text for node in nodes if isinstance(node, ScalarNode)] == ["1", "2", "3"]


class TestTexts:
    @pytest.mark.parametrize(
        "data",
        [
            "name: größe",
            "name: größe".encode(),
            b"\xef\xbb\xbf" + "name: größe".encode(),
            "\ufeffname: größe",
            b"\xff\xfe" + "name: größe".encode("utf-16-le"),
            b"\xfe\xff" + "name: größe".encode("utf-16-be"),
            b"\xff\xfe\x00\x00" + "name: größe".encode("utf-32-le"),
            '{"name": "gr\\u00f6\\u00dfe"}',
            '{\n\t"name":\t"größe"\t}',
            "---\nname: größe\n...\n",
            "%YAML 1.1\n---\nname: größe\n",
            "# comment\n\nname:\tgröße \t# comment\n",
            "---\n# nothing\n---\nname: größe\n---\n",
        ],
    )
    def test_accepted(self, data: str | bytes) -> None:
        root = parse(data).root
        assert isinstance(root, MappingNode)
        assert root.text("name") == "größe"

    def test_several_documents_are_told_apart(self) -> None:
        documents = parse_all("a: 1\na: 2\n---\nb: 1\n---\nc: 1\nc: 2\n", "x.yaml")
        assert [
            (list(document.root.values), len(document.duplicates))
            for document in documents
            if isinstance(document.root, MappingNode)
        ] == [
            (["a"], 1),
            (["b"], 0),
            (["c"], 1),
        ]


class TestLimits:
    def test_aliases_count_as_often_as_they_are_used(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
        with pytest.raises(SourceError) as caught:
            parse("\n".join(lines), "bomb.yaml")
        assert str(caught.value) == (
            "bomb.yaml:5:35: The file has more than 50,000 values, aliases written out; no template needs so many.\n"
            "     5 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]\n"
            "       |                                   ^\n"
            "Remove the aliases (`*name`), or move data out of the template."
        )

    def test_a_chain_of_merges_does_not_explode(self) -> None:
        lines = ["a0: &a0 {k0: 1}"] + [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 200)]
        with pytest.raises(SourceError) as caught:
            parse("\n".join(lines))
        assert caught.value.problem.kind == "too-many-nodes"

    def test_an_alias_inside_its_own_anchor_is_refused(self) -> None:
        with pytest.raises(SourceError) as caught:
            parse("a: &x\n  b: [*x]\n", "w.yaml")
        assert str(caught.value) == (
            "w.yaml:2:7: `*x` is inside the value of `&x`: the value would have no end.\n"
            "     2 |   b: [*x]\n"
            "       |       ^\n"
            "Write the value out."
        )

    @pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
    def test_depth(self, opening: str) -> None:
        with pytest.raises(SourceError) as caught:
            parse(opening * 200_000)
        assert caught.value.problem.kind == "too-deep"

    def test_depth_through_aliases(self) -> None:
        lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAXIMUM_DEPTH + 1)]
        with pytest.raises(SourceError) as caught:
            parse("\n".join(lines))
        assert caught.value.problem.kind == "too-deep"

    def test_as_deep_and_as_large_as_allowed(self) -> None:
        assert len(list(walk(parse("[" * MAXIMUM_DEPTH + "]" * MAXIMUM_DEPTH).root))) == MAXIMUM_DEPTH
        assert len(list(walk(parse("- x\n" * (MAXIMUM_NODES - 1)).root))) == MAXIMUM_NODES


def test_an_error_travels_between_processes_with_its_problem() -> None:
    with pytest.raises(SourceError) as caught:
        parse("a: [", "w.yaml")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problem) == (str(caught.value), caught.value.problem)
