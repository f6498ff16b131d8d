"""What a training ended as is the test's result, so a test fails by it, although a fixture waited for the training.

pytest reports what a fixture raises as an error: something around the test is broken. That a training ended DEAD, or
too late, is the very answer that the test asked for. So such a verdict is kept while the fixtures are set up, and
raised in place of the body: for terminal, JUnit XML, `--lf`, `-x`, reruns and other plugins the test has *failed*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from pytest_aicore.errors import VerdictError, our_message

if TYPE_CHECKING:
    from collections.abc import Generator

__tracebackhide__ = our_message

PLUGIN_NAME = "aicore-verdicts"
_VERDICT: pytest.StashKey[BaseException | None] = pytest.StashKey()
_AWAITED: pytest.StashKey[list[Awaited]] = pytest.StashKey()


class Awaited(Protocol):
    """Something that a test has started, and that decides about the test as well."""

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            pytest.fail.Exception: it ended otherwise than expected.
        """
        ...


def await_with_body(item: pytest.Item, started: Awaited) -> None:
    """Have something awaited when the body of a test has returned."""
    item.stash.setdefault(_AWAITED, []).append(started)


class Verdicts:
    """The hooks."""

    @pytest.hookimpl(wrapper=True, trylast=True)  # the innermost, so for other plugins the fixtures are set up
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep a verdict for the call."""
        item.stash[_VERDICT] = None
        item.stash[_AWAITED] = []
        try:
            yield
        except (VerdictError, pytest.fail.Exception) as error:
            has_no_call = item.config.getoption("setuponly", default=False)
            if has_no_call or not _is_verdict(error):
                raise
            item.stash[_VERDICT] = error

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report a verdict as that of the body, in the one setup that these hooks could not follow.

        A session begins to use the plugin within it, where a fixture asks for one of ours by `getfixturevalue`.
        """
        report = yield
        has_no_call = item.config.getoption("setuponly", default=False)
        if call.when == "setup" and call.excinfo is not None and not has_no_call and _is_verdict(call.excinfo.value):
            report.when = "call"
        return report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Raise a verdict instead of calling the body; after the body, wait for what it has started."""
        verdict = item.stash.get(_VERDICT, None)
        if verdict is not None:
            raise verdict
        result = yield
        for started in item.stash.get(_AWAITED, []):
            started.finish()
        return result


def _is_verdict(error: BaseException) -> bool:
    """Return whether an error of a fixture is a verdict; `failing_plainly` raises a failure in its context."""
    return isinstance(error, VerdictError) or isinstance(error.__context__, VerdictError)
