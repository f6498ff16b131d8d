"""What stands behind the doors of pytest: each piece of a report, a log, a warning, a name, and who comes first."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.hooks import environment_at_start
from pytest_aicore.hooks.context import hiding_of
from pytest_aicore.hooks.secrets import Hiding, clean_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWN = "mine-Sec3t-of-a-p1ece"
MET = "met-Sec3t-of-the-envir0nment"
"""A secret that the environment has had; from then on everybody in this process hides it."""
LINES = "first-Line-0f-it\nsecond-Line-0f-it"
"""A secret that spans lines."""
NAMED = "swordfish"
"""A secret that only its name tells."""


@pytest.fixture
def hiding(pytestconfig: pytest.Config) -> Iterator[Hiding]:
    """What hides the secrets of a session, without being one of its plugins."""
    hiding = Hiding(pytestconfig, os.environ)
    hiding.know(lambda: {OWN, LINES})
    yield hiding
    hiding.end()


# Reports ------------------------------------------------------------------------------------------------------------


def report(**what: Any) -> pytest.TestReport:
    usual: dict[str, Any] = {
        "nodeid": "test_it.py::test_it", "location": ("test_it.py", 1, "test_it"), "keywords": {}, "outcome": "failed",
        "longrepr": None, "when": "call",
    }  # fmt: skip
    return pytest.TestReport(**{**usual, **what})


def test_everything_that_a_report_has_is_clean(hiding: Hiding) -> None:
    its = report(
        longrepr=f"long {OWN}",
        sections=[("log", f"section {OWN}"), (f"title {OWN}", "")],
        user_properties=[("a", OWN), ("password", NAMED), ("n", 7), ("deep", [{"token": NAMED}])],
        wasxfail=f"because {OWN}",
        another={"x": OWN},
        number=3,
    )
    hiding.clean(its)
    assert its.longrepr == "long ***"
    assert its.sections == [("log", "section ***"), ("title ***", "")]
    assert its.user_properties == [("a", "***"), ("password", "***"), ("n", 7), ("deep", [{"token": "***"}])]
    assert (its.wasxfail, its.another, its.number) == ("because ***", {"x": "***"}, 3)


@pytest.mark.parametrize(
    "name",
    ["nodeid", "id", "_id", "location", "keywords", "outcome", "when", "duration", "start", "stop", "result"],
)
def test_what_identifies_and_measures_a_report_stays(hiding: Hiding, name: str) -> None:
    its = SimpleNamespace(**{name: [OWN], "sections": [OWN]})
    hiding.clean(its)
    assert vars(its) == {name: [OWN], "sections": ["***"]}


def test_what_has_no_secret_is_the_same_object(hiding: Hiding) -> None:
    longrepr, sections = ("a", 1, "b"), [("log", "text")]
    its = report(longrepr=longrepr, sections=sections)
    hiding.clean(its)
    assert (its.longrepr, its.sections) == (longrepr, sections)


@pytest.mark.parametrize(
    ("nodeid", "keywords", "clean"),
    [
        ("test_it[***]", {OWN: 1, "test": 2}, {"***": 1, "test": 2}),
        ("test_it[***]", MappingProxyType({OWN: 1}), {"***": 1}),
        ("test_it", {OWN: 1}, {OWN: 1}),
        ("test_it[***]", [OWN], [OWN]),
    ],
)
def test_keywords_have_the_names_of_tests(hiding: Hiding, nodeid: str, keywords: Any, clean: object) -> None:
    its = SimpleNamespace(nodeid=nodeid, keywords=keywords)
    hiding.clean(its)
    assert its.keywords == clean


def test_report_without_a_name_or_keywords_is_clean(hiding: Hiding) -> None:
    for its in (SimpleNamespace(text=OWN), SimpleNamespace(text=OWN, nodeid="test_it[***]")):
        hiding.clean(its)
        assert its.text == "***"


@dataclass
class Data:
    text: Any
    other: Any = None


class Shown:
    def __init__(self, text: Any) -> None:
        self.text = text

    def toterminal(self, _: object) -> None:
        """Be a piece of a traceback."""


class Slots:
    __slots__ = ("__weakref__", "text", "unset")
    __attrs_attrs__ = ()

    def __init__(self, text: Any) -> None:
        self.text = text


class Frozen(Slots):
    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Opaque:
    def __init__(self) -> None:
        self.text = OWN


@pytest.mark.parametrize(
    ("piece", "clean"),
    [
        (OWN, "***"),
        ((OWN, 1, (OWN,)), ("***", 1, ("***",))),
        ([OWN, 1], ["***", 1]),
        ([("x", OWN)], [("x", "***")]),
        (["a", *LINES.split("\n"), "b"], ["a", "***", "b"]),
        (["a\n", "first-Line-0f-it\n", "second-Line-0f-it\n", "b"], ["a\n", "***\n", "b"]),
        ([], []),
        ({"x": OWN, "password": NAMED}, {"x": "***", "password": "***"}),
        (MappingProxyType({"x": OWN}), {"x": "***"}),
        (None, None),
        (7, 7),
        (7.5, 7.5),
        (True, True),
        (OWN.encode(), OWN.encode()),
        (frozenset([OWN]), frozenset([OWN])),
    ],
)
def test_pieces_of_a_report(hiding: Hiding, piece: Any, clean: object) -> None:
    its = SimpleNamespace(piece=(piece,))
    hiding.clean(its)
    assert its.piece == (clean,)
    assert type(its.piece[0]) is type(clean)


@pytest.mark.parametrize("kind", [Data, Slots, Frozen, Shown])
def test_objects_of_a_report_are_changed_where_they_are(hiding: Hiding, kind: Callable[[Any], Any]) -> None:
    inner = kind(OWN)
    outer = kind([inner, OWN])
    hiding.clean(SimpleNamespace(longrepr=outer))
    assert inner.text == "***"
    assert outer.text == [inner, "***"]


def test_objects_that_nobody_shows_are_left_alone(hiding: Hiding) -> None:
    opaque = Opaque()
    its = SimpleNamespace(thing=opaque)
    hiding.clean(its)
    assert its.thing is opaque
    assert opaque.text == OWN


def test_what_lies_very_deep_is_left_alone(hiding: Hiding) -> None:
    depths = {}
    for depth in (12, 13):
        depths[depth] = bottom = Data(OWN)
        nested: Any = bottom
        for _ in range(depth):
            nested = (nested,)
        hiding.clean(SimpleNamespace(nested=nested))
    assert (depths[12].text, depths[13].text) == ("***", OWN)
    chain: Any = Data(OWN)
    objects = [chain]
    for _ in range(13):
        chain = Data(OWN, chain)
        objects.append(chain)
    hiding.clean(SimpleNamespace(chain=chain))
    assert [each.text for each in reversed(objects)] == ["***"] * 13 + [OWN]
    endless = Data(OWN)
    endless.other = [endless, (endless,)]
    hiding.clean(SimpleNamespace(endless=endless))
    assert endless.text == "***"


def test_traceback_with_local_variables_is_clean(hiding: Hiding) -> None:
    def inner(secret: str) -> None:
        raise ValueError(f"broken {secret}")

    try:
        try:
            inner(OWN)
        except ValueError as error:
            raise RuntimeError(f"caused by {OWN}") from error
    except RuntimeError:
        shown = pytest.ExceptionInfo.from_current().getrepr(showlocals=True, style="long")
    assert OWN in str(shown)
    its = report(longrepr=shown)
    hiding.clean(its)
    text = str(its.longrepr)
    assert "broken ***" in text
    assert "caused by ***" in text
    assert "= '***'" in text
    assert OWN not in text.replace("OWN", "")


# Hooks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "order"),
    [
        ("pytest_configure", {"tryfirst": True}),
        ("pytest_sessionstart", {"wrapper": True, "tryfirst": True}),
        ("pytest_runtest_makereport", {"wrapper": True, "tryfirst": True}),
        ("pytest_runtest_logreport", {"tryfirst": True}),
        ("pytest_make_collect_report", {"wrapper": True, "tryfirst": True}),
        ("pytest_collectreport", {"tryfirst": True}),
        ("pytest_warning_recorded", {"tryfirst": True}),
        ("pytest_internalerror", {"tryfirst": True}),
        ("pytest_keyboard_interrupt", {"trylast": True}),
        ("pytest_sessionfinish", {"tryfirst": True}),
        ("pytest_unconfigure", {"tryfirst": True}),
    ],
)
def test_who_shows_something_comes_after_who_hides(
    pytestconfig: pytest.Config, hiding: Hiding, hook: str, order: dict[str, bool]
) -> None:
    said = pytestconfig.pluginmanager.parse_hookimpl_opts(hiding, hook)
    assert said is not None
    assert {name: value for name, value in said.items() if value} == order


def run(wrapper: Any, result: object) -> Any:
    """Let a wrapper see a result, and return what it makes of it."""
    next(wrapper)
    with pytest.raises(StopIteration) as caught:
        wrapper.send(result)
    return caught.value.value


def test_hooks_that_see_reports_clean_them(hiding: Hiding) -> None:
    its = report(longrepr=OWN)
    assert run(hiding.pytest_runtest_makereport(), its) is its
    assert its.longrepr == "***"
    added: Any = SimpleNamespace(text=OWN)
    hiding.pytest_runtest_logreport(added)
    assert added.text == "***"
    collected: Any = SimpleNamespace(longrepr=OWN)
    hiding.pytest_collectreport(collected)
    assert collected.longrepr == "***"


def test_internal_error_is_clean(hiding: Hiding) -> None:
    shown = Shown(OWN)
    hiding.pytest_internalerror(shown)
    assert shown.text == "***"


def test_what_full_trace_shows_is_clean(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICORE_CLIENT_SECRET", MET)
    config = pytester.parseconfigure("-p", "no:randomly")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    memo = reporter._keyboardinterrupt_memo = Shown(MET)
    hiding_of(config).pytest_keyboard_interrupt()
    assert memo.text == "***"
    del reporter._keyboardinterrupt_memo
    hiding_of(config).pytest_keyboard_interrupt()
    config.pluginmanager.unregister(reporter)
    hiding_of(config).pytest_keyboard_interrupt()


def test_reason_of_an_exit_is_clean(hiding: Hiding) -> None:
    wrapper: Any = hiding.pytest_sessionstart()
    next(wrapper)
    with pytest.raises(pytest.exit.Exception) as caught:
        wrapper.throw(pytest.exit.Exception(f"because {OWN}"))
    assert (caught.value.msg, caught.value.args) == ("because ***", ("because ***",))
    assert run(hiding.pytest_sessionstart(), None) is None


def test_trace_of_debug_is_clean(hiding: Hiding) -> None:
    written: list[str] = []
    writers: list[Any] = []
    root = SimpleNamespace(_writer=written.append, setwriter=writers.append)
    hiding._config = SimpleNamespace(trace=SimpleNamespace(root=root))  # type: ignore[assignment]
    hiding.pytest_configure()
    writers[0](f"call {OWN}")
    assert written == ["call ***"]
    for root in (SimpleNamespace(_writer=None, setwriter=writers.append), SimpleNamespace(setwriter=writers.append)):
        hiding._config = SimpleNamespace(trace=SimpleNamespace(root=root))  # type: ignore[assignment]
        hiding.pytest_configure()
    assert len(writers) == 1


# Names of tests -----------------------------------------------------------------------------------------------------


def item(name: str) -> Any:
    return SimpleNamespace(name=name, nodeid=f"test_it.py::{name}", _nodeid=f"test_it.py::{name}", location="cached")


def test_names_of_parametrised_tests_are_clean_and_stay_apart(hiding: Hiding) -> None:
    items = [
        item(name) for name in (f"test_it[{OWN}]", f"test_it[{OWN}]", "test_it[x]", f"test_{OWN}", f"test_it[{OWN}]")
    ]
    wrapper = hiding.pytest_make_collect_report()
    assert run(wrapper, SimpleNamespace(result=None)).result is None
    hiding.rename(items)
    assert [each.name for each in items] == [
        "test_it[***]", "test_it[***-2]", "test_it[x]", f"test_{OWN}", "test_it[***-3]",
    ]  # fmt: skip
    assert [each._nodeid for each in items] == [f"test_it.py::{each.name}" for each in items]
    assert [hasattr(each, "location") for each in items] == [False, False, True, True, False]


def test_collected_tests_are_renamed_and_nothing_else(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICORE_CLIENT_SECRET", MET)
    file = pytester.makepyfile(
        test_it=f"import pytest\n@pytest.mark.parametrize('x', [{MET!r}, 'y'])\ndef test_id(x): pass"
    )
    items, _ = pytester.inline_genitems(file, "-p", "no:randomly")
    assert [(each.name, each.nodeid, each.location[2]) for each in items] == [
        ("test_id[***]", "test_it.py::test_id[***]", "test_id[***]"),
        ("test_id[y]", "test_it.py::test_id[y]", "test_id[y]"),
    ]


# Warnings -----------------------------------------------------------------------------------------------------------


class Twice(UserWarning):
    def __str__(self) -> str:
        return f"{self.args[0]}, and {OWN}"


class Refuses(UserWarning):
    def __copy__(self) -> Refuses:
        raise TypeError


@pytest.mark.parametrize(
    ("warning", "kind", "text"),
    [
        (UserWarning(f"warned {OWN}"), UserWarning, "warned ***"),
        (DeprecationWarning(f"warned {OWN}"), DeprecationWarning, "warned ***"),
        (f"warned {OWN}", str, "warned ***"),
        (Twice("x"), pytest.PytestWarning, "x, and ***"),
        (Refuses(f"warned {OWN}"), pytest.PytestWarning, "warned ***"),
    ],
)
def test_warning_stays_of_its_kind(hiding: Hiding, warning: Any, kind: type, text: str) -> None:
    recorded: Any = SimpleNamespace(message=warning, filename=OWN)
    before = str(warning)
    hiding.pytest_warning_recorded(recorded)
    assert (type(recorded.message), str(recorded.message), recorded.filename) == (kind, text, "***")
    assert str(warning) == before
    clean: Any = SimpleNamespace(message=UserWarning("nothing"), filename="f.py")
    known = clean.message
    hiding.pytest_warning_recorded(clean)
    assert clean.message is known


def test_warnings_that_nobody_records_any_more_are_clean(
    hiding: Hiding, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warnings.showwarning
    hiding.pytest_unconfigure()
    warnings.showwarning(UserWarning(f"late {OWN}"), UserWarning, "of_the_user.py", 7, None, f"x = {OWN!r}")
    assert capsys.readouterr().err == "of_the_user.py:7: UserWarning: late ***\n  x = '***'\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        written: list[str] = []
        warnings.showwarning(UserWarning("late"), UserWarning, "f.py", 7, SimpleNamespace(write=written.append))  # type: ignore[arg-type]
    assert written == ["f.py:7: UserWarning: late\n"]
    hiding.end()
    assert warnings.showwarning is before


# Logging ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ai-api-client-sdk", "ai-core-sdk", "requests", "urllib3", "urllib3.connection", "urllib3.connectionpool",
        "urllib3.util.retry",
    ],
)  # fmt: skip
def test_who_logs_requests_is_heard_without_secrets(
    hiding: Hiding, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger(name)
    with caplog.at_level(logging.DEBUG, logger=name):
        log.debug("sent %s", OWN)
        log.debug("sent %s", "nothing")
        hiding.end()
        log.debug("sent %s", OWN)
    assert [record.getMessage() for record in caplog.records] == ["sent ***", "sent nothing", f"sent {OWN}"]
    assert [record.args for record in caplog.records] == [None, ("nothing",), (OWN,)]


class Manager:
    def __init__(self, name: str) -> None:
        self.name = name

    def get_name(self, _: object) -> str:
        return self.name


def register(hiding: Hiding, name: str, plugin: Any) -> None:
    hiding.pytest_plugin_registered(plugin, Manager(name))  # type: ignore[arg-type]


def test_handlers_of_pytest_write_no_secrets(hiding: Hiding) -> None:
    names = ("report_handler", "log_cli_handler", "log_file_handler")
    handlers = {name: logging.StreamHandler() for name in names}
    handlers["report_handler"].setFormatter(logging.Formatter("said: %(message)s"))
    before = {name: handler.formatter for name, handler in handlers.items()}
    plugin = SimpleNamespace(**handlers, caplog_handler=logging.StreamHandler())
    register(hiding, "another", plugin)
    assert plugin.report_handler.formatter is before["report_handler"]
    plugin = SimpleNamespace(**vars(plugin))
    for _ in range(2):
        register(hiding, "logging-plugin", plugin)
    record = logging.LogRecord("of.the.user", logging.INFO, "f.py", 1, "logged %s", (OWN,), None)
    assert [handlers[name].format(record) for name in names] == ["said: logged ***", "logged ***", "logged ***"]
    assert record.getMessage() == f"logged {OWN}"
    assert plugin.caplog_handler.formatter is None
    hiding.end()
    assert {name: handler.formatter for name, handler in handlers.items()} == before


def test_plugin_without_handlers_is_no_trouble(hiding: Hiding) -> None:
    register(hiding, "logging-plugin", SimpleNamespace(report_handler=object(), log_cli_handler=None))


# The terminal -------------------------------------------------------------------------------------------------------


class Writer:
    def __init__(self) -> None:
        self.written: list[Any] = []

    def write(self, msg: str, **how: object) -> None:
        self.written.append((msg, how))

    def write_raw(self, msg: str, **how: object) -> None:
        self.written.append((f"raw {msg}", how))


def test_terminal_is_written_without_secrets(hiding: Hiding) -> None:
    writer = Writer()
    reporter = SimpleNamespace(_tw=writer)
    for _ in range(2):
        register(hiding, "terminalreporter", reporter)
    writer.write(f"failed {OWN}", red=True)
    writer.write_raw(f"{OWN}", flush=True)
    writer.write(".")
    assert writer.written == [("failed ***", {"red": True}), ("raw ***", {"flush": True}), (".", {})]
    hiding.end()
    writer.write(OWN)
    assert writer.written[-1] == (OWN, {})
    old: Any = SimpleNamespace(_tw=SimpleNamespace(write=writer.write))
    register(hiding, "terminalreporter", old)
    old._tw.write(OWN)
    assert writer.written[-1] == ("***", {})


# JUnit and Allure ---------------------------------------------------------------------------------------------------


def test_document_of_junit_is_clean(hiding: Hiding) -> None:
    from xml.etree import ElementTree as ET

    from _pytest.junitxml import xml_key

    tree = ET.fromstring(f'<testcase name="{OWN}" password="{NAMED}"><system-out>{OWN}</system-out><empty/></testcase>')
    node = SimpleNamespace(to_xml=lambda: tree)
    other = SimpleNamespace(to_xml=lambda: ET.Element("testcase"))
    document = SimpleNamespace(
        global_properties=[("suite", OWN), ("password", NAMED)], node_reporters_ordered=[node, other]
    )
    its = document.global_properties
    stash: Any = pytest.Stash()
    hiding._config = SimpleNamespace(stash=stash)  # type: ignore[assignment]
    hiding.pytest_sessionfinish()
    stash[xml_key] = document
    hiding.pytest_sessionfinish()
    assert its == [("suite", "***"), ("password", "***")]
    assert ET.tostring(node.to_xml(), encoding="unicode") == (
        '<testcase name="***" password="***"><system-out>***</system-out><empty /></testcase>'
    )
    assert other.to_xml().tag == "testcase"


def test_what_allure_writes_is_clean_until_the_end(
    pytestconfig: pytest.Config, hiding: Hiding, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("report_result", "report_container", "report_attached_data", "report_globals")
    written: list[Any] = []

    def write(*arguments: Any) -> str:
        written.append(arguments)
        return "written"

    hooks = {name: SimpleNamespace(function=write) for name in names}
    hook = SimpleNamespace(
        **{name: SimpleNamespace(get_hookimpls=lambda its=its: [its]) for name, its in hooks.items()}
    )
    monkeypatch.setitem(sys.modules, "allure_commons", SimpleNamespace(plugin_manager=SimpleNamespace(hook=hook)))
    other = Hiding(pytestconfig, os.environ)
    other.know(lambda: {OWN})
    for name in names:
        assert hooks[name].function(f"{name} {OWN}", {"x": OWN}, 7) == "written"
    assert written == [(f"{name} ***", {"x": "***"}, 7) for name in names]
    known = [each.function for each in hooks.values()]
    run(other.pytest_sessionstart(), None)
    assert [each.function for each in hooks.values()] == known
    other.end()
    assert [each.function for each in hooks.values()] == [write] * 4


def test_allure_that_comes_late_is_found_when_the_session_starts(
    hiding: Hiding, monkeypatch: pytest.MonkeyPatch
) -> None:
    implementation = SimpleNamespace(function=lambda text: text)
    hook = SimpleNamespace(report_result=SimpleNamespace(get_hookimpls=lambda: [implementation]))
    monkeypatch.setitem(sys.modules, "allure_commons", SimpleNamespace(plugin_manager=SimpleNamespace(hook=hook)))
    run(hiding.pytest_sessionstart(), None)
    assert implementation.function(OWN) == "***"


# What is known ------------------------------------------------------------------------------------------------------


def test_secret_that_comes_with_the_environment_is_known_from_then_on(
    hiding: Hiding, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AICORE_CLIENT_SECRET", "AICORE_KEY_STR"):
        with monkeypatch.context() as patch:
            patch.setenv(name, f"later-Sec3t-of-{name}")
            assert hiding.redact(f"it is later-Sec3t-of-{name}.") == "it is ***."
        assert hiding.redact(f"it was later-Sec3t-of-{name}.") == "it was ***."
    hiding.know(lambda: {"another-Sec3t-0f-it"})
    assert hiding.redact(f"{OWN} another-Sec3t-0f-it") == "*** ***"


def test_secrets_of_the_beginning_are_hidden_though_they_are_gone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICORE_CLIENT_SECRET", "early-Sec3t-0f-it")
    config = pytester.parseconfig("-p", "no:randomly")
    monkeypatch.delenv("AICORE_CLIENT_SECRET")
    assert Hiding(config, environment_at_start(config)).redact("early-Sec3t-0f-it") == "***"


def test_exceptions_that_no_hook_sees_are_clean() -> None:
    error = pytest.UsageError(f"bad {MET}", 7)
    clean_exception(error, {"AICORE_CLIENT_SECRET": MET})
    assert error.args == ("bad ***", 7)
    leaving = pytest.exit.Exception(f"bad {MET}")
    clean_exception(leaving, {"AICORE_CLIENT_SECRET": MET})
    assert (leaving.msg, leaving.args) == ("bad ***", ("bad ***",))


def test_everything_is_undone_in_the_other_order(hiding: Hiding) -> None:
    reporter, writer = SimpleNamespace(_tw=Writer()), Writer()
    reporter._tw = writer
    register(hiding, "terminalreporter", reporter)
    hiding.end()
    hiding.end()
    assert "write" not in vars(writer)


def test_begun_once(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("-p", "no:randomly")
    first = hiding_of(config)
    assert hiding_of(config) is first
    assert config.pluginmanager.get_plugin("aicore-hiding") is first
