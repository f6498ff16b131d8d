"""Secrets do not leave: every door through which pytest shows what happened to a test is passed without them.

The doors are reports (tracebacks with local variables, captured output and logs, crash messages; JUnit XML and
pytest-xdist take theirs from them), internal errors, and handlers of logging.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_aicore.session import Session

LOGGERS = (
    "ai-api-client-sdk",
    "ai-core-sdk",
    "requests",
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)
"""Who logs requests to AI Core. At DEBUG the SDK logs payloads, parameters and whole answers."""
_HANDLERS = ("report_handler", "log_cli_handler", "log_file_handler")
"""Of pytest's own logging plugin; what is not there is not used. What `caplog` gives to tests stays as it is."""
_DEEPEST = 12


class Hiding:
    """The hooks.

    Args:
        config: of the session.
        session: whose secrets are hidden.
    """

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._terminal = config.pluginmanager.get_plugin("terminalreporter")
        self.redact = Redactor(session.secrets)
        self._filter = _Filter(self.redact)
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self._filter)
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        handlers = [getattr(plugin, name, None) for name in _HANDLERS]
        self._handlers = [handler for handler in handlers if isinstance(handler, logging.Handler)]
        self._formatters = [handler.formatter for handler in self._handlers]
        for handler in self._handlers:
            handler.setFormatter(_Formatter(handler.formatter or logging.Formatter(), self.redact))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take the secrets out of a report, after everybody has added to it."""
        report = yield
        self._clean(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Take the secrets out of a traceback of pytest itself, which shows local variables as well."""
        self._walk(excrepr, 0)

    @pytest.hookimpl(trylast=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Take the secrets out of what `--full-trace` shows; the terminal keeps it in a private attribute."""
        self._walk(getattr(self._terminal, "_keyboardinterrupt_memo", None), 0)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Leave logging as it was."""
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)
        for handler, formatter in zip(self._handlers, self._formatters, strict=True):
            handler.setFormatter(formatter)

    def _clean(self, report: pytest.TestReport) -> None:
        longrepr = report.longrepr
        if isinstance(longrepr, str):
            report.longrepr = self.redact(longrepr)
        elif isinstance(longrepr, tuple):
            report.longrepr = (longrepr[0], longrepr[1], self.redact(longrepr[2]))
        else:
            self._walk(longrepr, 0)
        report.sections = [(title, self.redact(text)) for title, text in report.sections]
        report.user_properties = [
            (name, self.redact(value) if isinstance(value, str) else value) for name, value in report.user_properties
        ]

    def _walk(self, value: Any, depth: int) -> Any:
        """Return what stands for a piece of a traceback; objects are changed where they are."""
        if isinstance(value, str):
            return self.redact(value)
        if depth > _DEEPEST or value is None or isinstance(value, (int, float, bytes)):
            return value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return self.redact("\n".join(value)).split("\n")  # what is secret may span lines
        if type(value) in (list, tuple):
            return type(value)(self._walk(each, depth + 1) for each in value)
        if hasattr(value, "toterminal"):
            for name, inner in list(vars(value).items()):
                new = self._walk(inner, depth + 1)
                if new is not inner:
                    object.__setattr__(value, name, new)
        return value


class _Filter(logging.Filter):
    """Takes the secrets out of a record of somebody who logs requests."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            return True  # whoever logs it must hear of it
        clean = self._redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


class _Formatter(logging.Formatter):
    """Formats as another one does, without secrets; the record stays as it is."""

    def __init__(self, inner: logging.Formatter, redact: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._inner.format(record))


def begin(config: pytest.Config, session: Session) -> Hiding:
    """Hide the secrets of a session from now on."""
    hiding = Hiding(config, session)
    hiding.redact("")  # now: a process forked while a thread does this for the first time could never log
    config.pluginmanager.register(hiding, "aicore-hiding")
    return hiding
