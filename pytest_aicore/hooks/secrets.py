"""Removes secrets at each place through which pytest shows or writes what happened.

These places are few, and other plugins inherit them: reports of tests, subtests and collection (JUnit XML,
JSON, HTML and pytest-xdist take theirs from them) with everything that is in them; warnings; internal errors; names of
tests; the terminal's writer, which also pytest-timeout and `--setup-show` use; the trace of `--debug`; handlers of
logging; and two with writers of their own, JUnit's document and Allure's files.
"""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config.options import SECRET_VARIABLES
from pytest_aicore.echo import shown
from pytest_aicore.hooks.live_log import LiveLog
from pytest_aicore.redact import HIDDEN, Redactor
from pytest_aicore.training.service.credentials import secrets_around

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

LOGGERS = (
    "ai-api-client-sdk",
    "ai-core-sdk",
    "requests",
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)
"""The loggers of requests to AI Core. At DEBUG the SDK logs payloads, parameters and whole answers."""
_HANDLERS = ("report_handler", "log_cli_handler", "log_file_handler")
"""The handlers of pytest's own logging plugin, where they exist. What `caplog` gives to tests is not changed."""
_AS_THEY_ARE = frozenset(
    {"nodeid", "id", "_id", "location", "keywords", "outcome", "when", "duration", "start", "stop", "result"}
)
"""The attributes of a report that identify or measure it, and are not changed."""
_DEEPEST = 12


def clean_exception(error: BaseException, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
    """Remove secrets from an exception that is shown where no hook is called.

    Args:
        error: whose message is shown.
        environment: the environment variables when the session began.
        arguments: of the command line, also from `addopts`; pytest repeats those that it cannot use.
    """
    given = map(_given, arguments)
    secrets = secrets_around(environment=environment).union(text for text in given if text and shown(text) != text)
    redact = Redactor(lambda: secrets)
    error.args = tuple(redact(each) if isinstance(each, str) else each for each in error.args)
    if isinstance(getattr(error, "msg", None), str):
        error.msg = redact(error.msg)  # type: ignore[attr-defined]


def _given(argument: str) -> str:
    """Return the value of an argument of the command line, without its name if it has one.

    A value may have a name as well (`--option=AICORE_SERVICE_KEY='{...}'`), and names are not secrets: our own
    messages contain them.
    """
    name, _, value = argument.partition("=")
    return _given(value) if value.strip("=") and (name.startswith("-") or name.isidentifier()) else argument


class Hiding:
    """The hooks.

    Args:
        config: of the session.
        environment: the environment variables when the session began.
    """

    def __init__(self, config: pytest.Config, environment: Mapping[str, str]) -> None:
        self._config = config
        self._sources: list[Callable[[], set[str]]] = []
        self._undo: list[Callable[[], None]] = []
        self._attached: set[int] = set()
        self._taken: set[str] = set()
        self._found = secrets_around(environment=environment)
        self._seen: list[str | None] = []
        self._live_log: LiveLog | None = None
        self.redact = Redactor(self._known)
        self._hide_in_loggers()
        _hide_in_allure(self.redact, self._undo)

    def _known(self) -> set[str]:
        now = [*map(os.environ.get, SECRET_VARIABLES)]
        if now != self._seen:  # a fixture or a `.env` file has set others
            self._seen = now
            self._found |= secrets_around()
        return self._found.union(*(source() for source in self._sources))

    def know(self, source: Callable[[], set[str]]) -> None:
        """Hide the secrets of another source, too.

        Args:
            source: returns its current secrets.
        """
        self._sources.append(source)
        self.redact("")  # now: a process forked while a thread does this for the first time could never log

    def end(self) -> None:
        """Restore everything."""
        while self._undo:
            self._undo.pop()()

    def no_test_prints(self) -> None:
        """Write to the live log what the plugin's threads have logged."""
        if self._live_log is not None:
            self._live_log.write()

    # The hooks ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Hide secrets in what `--debug` and the variable `PYTEST_DEBUG` write about every call of a hook."""
        root = self._config.trace.root
        write = getattr(root, "_writer", None)
        if write is not None:
            root.setwriter(lambda text: write(self.redact(text)))

    def pytest_plugin_registered(self, plugin: object, manager: pytest.PytestPluginManager) -> None:
        """Hide secrets in what writes to the terminal and in pytest's handlers of logging, whenever they come."""
        name = manager.get_name(plugin)
        if id(plugin) in self._attached:
            return
        self._attached.add(id(plugin))
        if name == "terminalreporter":
            self._hide_in_terminal(plugin)
        elif name == "logging-plugin":
            self._hide_in_handlers(plugin)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, None, None]:
        """Remove secrets from the reason of a `pytest.exit` that is shown before any report exists."""
        _hide_in_allure(self.redact, self._undo)
        try:
            return (yield)
        except pytest.exit.Exception as error:
            error.msg = self.redact(str(error.msg))
            error.args = (error.msg,)
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Remove secrets from a report, after other plugins have added to it."""
        report = yield
        self.clean(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remove secrets from what was added to a report since, as subtests do; before it is shown."""
        self.clean(report)
        self.no_test_prints()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Remove secrets from the names of what was collected."""
        report = yield
        self.rename([item for item in report.result or () if isinstance(item, pytest.Item)])
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remove secrets from a report of collection."""
        self.clean(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Remove secrets from a warning; those of unraisable exceptions and threads have whole tracebacks."""
        shown = str(warning_message.message)
        clean = self.redact(shown)
        if clean != shown:
            warning_message.message = _with_text(warning_message.message, clean)
        warning_message.filename = self.redact(warning_message.filename)  # a warning may have any text

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Remove secrets from a traceback of pytest itself, which shows local variables as well."""
        self._walk(excrepr, 0)

    @pytest.hookimpl(trylast=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Remove secrets from what `--full-trace` shows; the terminal keeps it in a private attribute."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        self._walk(getattr(reporter, "_keyboardinterrupt_memo", None), 0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Remove secrets from JUnit's document, where `record_xml_attribute` and similar fixtures write at once."""
        self._hide_in_junit()

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Remove secrets from warnings after pytest has stopped recording them."""
        before = warnings.showwarning

        def show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
            text = warnings.formatwarning(message, category, filename, lineno, line)
            (file or sys.stderr).write(self.redact(text))

        warnings.showwarning = show
        self._undo.append(partial(setattr, warnings, "showwarning", before))

    def rename(self, items: Sequence[pytest.Item]) -> None:
        """Remove secrets from the names of parametrised tests, which are in every report and in pytest's cache.

        Args:
            items: that were collected.
        """
        for item in items:
            name = item.name
            clean = self.redact(name) if "[" in name else name
            if clean == name:
                continue
            path, number = item.nodeid.removesuffix(name), 1
            while path + clean in self._taken:  # two tests must have different names
                number += 1
                clean = f"{self.redact(name).removesuffix(']')}-{number}]"
            self._taken.add(path + clean)
            item.name = clean
            _set_nodeid(item, path + clean)
            item.__dict__.pop("location", None)

    # What they use ------------------------------------------------------------------------------------------------

    def clean(self, report: Any) -> None:
        """Remove secrets from everything that a report has.

        Args:
            report: of a test, a subtest or collection.
        """
        for name, value in list(vars(report).items()):
            if name == "user_properties":
                report.user_properties = [
                    (self._walk(key, 0), self.redact.data(inner, str(key))) for key, inner in value
                ]
            elif name not in _AS_THEY_ARE and value:
                new = self._walk(value, 0)
                if new is not value:
                    setattr(report, name, new)
        if HIDDEN in str(getattr(report, "nodeid", "")) and isinstance(getattr(report, "keywords", None), Mapping):
            report.keywords = {self.redact(name): value for name, value in report.keywords.items()}

    def _walk(self, value: Any, depth: int) -> Any:
        """Return the replacement of a piece of a report; objects are changed in place."""
        if isinstance(value, str):
            return self.redact(value)
        if depth > _DEEPEST or value is None or isinstance(value, (int, float, bytes)):
            return value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            # A secret may span lines.
            if any(each.endswith("\n") for each in value):
                return self.redact("".join(value)).splitlines(keepends=True)
            return self.redact("\n".join(value)).split("\n")
        if type(value) in (list, tuple):
            return type(value)(self._walk(each, depth + 1) for each in value)
        if isinstance(value, dict) or type(value).__name__ == "mappingproxy":
            return self.redact.data(value)
        if hasattr(value, "toterminal") or dataclasses.is_dataclass(value) or hasattr(value, "__attrs_attrs__"):
            for name in _attributes(value):
                inner = getattr(value, name)
                new = self._walk(inner, depth + 1)
                if new is not inner:
                    object.__setattr__(value, name, new)
        return value

    def _hide_in_terminal(self, reporter: Any) -> None:
        writer = reporter._tw  # noqa: SLF001  all callers of `config.get_terminal_writer()` get this writer
        for name in ("write", "write_raw"):
            inner = getattr(writer, name, None)
            if inner is not None:
                setattr(writer, name, self._hiding_writer(inner))
                self._undo.append(partial(delattr, writer, name))

    def _hiding_writer(self, inner: Callable[..., None]) -> Callable[..., None]:
        def write(msg: str, **how: Any) -> None:
            inner(self.redact(msg) if len(msg) > 1 else msg, **how)

        return write

    def _hide_in_handlers(self, plugin: object) -> None:
        for name in _HANDLERS:
            handler = getattr(plugin, name, None)
            if isinstance(handler, logging.Handler):
                before = handler.formatter
                handler.setFormatter(_Formatter(before or logging.Formatter(), self.redact))
                self._undo.append(partial(handler.setFormatter, before))
                if getattr(handler, "capture_manager", None) is not None:
                    self._live_log = LiveLog(handler)
                    self._undo.append(self._live_log.end)

    def _hide_in_loggers(self) -> None:
        filter_ = _Filter(self.redact)
        for logger in map(logging.getLogger, LOGGERS):
            logger.addFilter(filter_)
            self._undo.append(partial(logger.removeFilter, filter_))

    def _hide_in_junit(self) -> None:
        from _pytest.junitxml import xml_key

        document: Any = self._config.stash.get(xml_key, None)
        if document is None:
            return
        document.global_properties[:] = [
            (self.redact(str(name)), self.redact.data(value, str(name))) for name, value in document.global_properties
        ]
        for node in document.node_reporters_ordered:
            tree = node.to_xml()
            for element in tree.iter():
                element.text = element.text and self.redact(element.text)
                for name, value in element.attrib.items():
                    element.set(name, self.redact.data(value, name))
            node.to_xml = lambda tree=tree: tree


def _set_nodeid(item: Any, nodeid: str) -> None:
    """Give an item another id; pytest has no way to do so."""
    if hasattr(item, "_id"):  # pytest 9.2 and newer
        item._id = type(item._id).parse(nodeid)  # noqa: SLF001
    else:
        item._nodeid = nodeid  # noqa: SLF001


def _attributes(value: object) -> list[str]:
    """Return the names of what an object has, with or without a dictionary."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return [
        name for name in (*getattr(value, "__dict__", ()), *slots) if hasattr(value, name) and name != "__weakref__"
    ]


def _with_text(warning: Warning | str, text: str) -> Warning | str:
    """Return a warning of the same kind with another text; the original is not changed."""
    if isinstance(warning, str):
        return text
    with suppress(Exception):  # a class of the user may refuse
        clean = copy.copy(warning)
        clean.args = (text,)
        if str(clean) == text:
            return clean
    return pytest.PytestWarning(text)


def _hide_in_allure(redact: Redactor, undo: list[Callable[[], None]]) -> None:
    """Hide secrets in what Allure writes, if it is installed: it reads exceptions itself, not reports."""
    manager = getattr(sys.modules.get("allure_commons"), "plugin_manager", None)
    for name in ("report_result", "report_container", "report_attached_data", "report_globals"):
        hook = getattr(getattr(manager, "hook", None), name, None)
        for implementation in hook.get_hookimpls() if hook is not None else ():
            inner = implementation.function
            if not isinstance(inner, _Clean):
                implementation.function = _Clean(inner, redact)
                undo.append(partial(setattr, implementation, "function", inner))


class _Clean:
    """Calls a function of Allure's with arguments that have no secrets."""

    def __init__(self, inner: Callable[..., Any], redact: Redactor) -> None:
        self._inner = inner
        self._redact = redact

    def __call__(self, *arguments: Any) -> Any:
        return self._inner(*(self._of(each) for each in arguments))

    def _of(self, value: Any, name: str = "") -> Any:
        if isinstance(value, bytes):
            try:
                return self._redact(value.decode()).encode()
            except UnicodeDecodeError:
                return value  # an image
        if isinstance(value, list):
            return [self._of(each) for each in value]
        if hasattr(value, "__attrs_attrs__"):
            label = getattr(value, "name", "")
            for attribute in _attributes(value):
                of = label if attribute == "value" and isinstance(label, str) else ""
                setattr(value, attribute, self._of(getattr(value, attribute), of))
            return value
        return self._redact.data(value, name) if isinstance(value, (str, dict)) else value


class _Filter(logging.Filter):
    """Removes secrets from the records of loggers of requests."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:
            # The caller must get the error, as without the plugin; `logging` shows the arguments then.
            record.args = self._redact.data(record.args)
            return True
        clean = self._redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


class _Formatter(logging.Formatter):
    """Formats as another one does, without secrets; the record is not changed."""

    def __init__(self, inner: logging.Formatter, redact: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._inner.format(record))
