"""After a run of all tests, the tests that docs/capabilities.md names must have run and passed.

A part of the tests (paths, -k, -m, --lf and the like) proves nothing about the table and is left
alone. With several workers the controller sees every report, and it alone judges.

No example of a law has a deadline: how long one takes is the machine's affair.
"""

from __future__ import annotations

import re
from pathlib import Path

import capability_table
import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_CHOOSERS = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
_CHANGING = re.compile(r"frozenset\(\{| at 0x[0-9a-f]")
_RESULTS = pytest.StashKey[dict[str, bool]]()
_PROBLEMS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_RESULTS] = {}
        config.pluginmanager.register(_Reports(config.stash[_RESULTS]))


class _Reports:
    """Notes how each test ended; a test that only set up (a skip) has not passed."""

    def __init__(self, results: dict[str, bool]) -> None:
        self._results = results

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self._results.get(report.nodeid, True)
        self._results[report.nodeid] = before and report.passed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names that change from process to process: workers must collect the same tests."""
    changing = [item.nodeid for item in items if _CHANGING.search(item.nodeid)]
    if changing:
        raise pytest.UsageError(f"these names print a set or an address: {changing}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if _RESULTS not in config.stash or not _is_whole(config):
        return
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return
    if session.shouldstop or session.shouldfail:
        return
    table = Path(config.rootpath) / "docs" / "capabilities.md"
    problems = capability_table.unproven(capability_table.read(table), config.stash[_RESULTS])
    config.stash[_PROBLEMS] = problems
    if problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(config: pytest.Config) -> bool:
    if config.option.collectonly or any(getattr(config.option, name, None) for name in _CHOOSERS):
        return False
    everything = {config.rootpath, *(config.rootpath / path for path in config.getini("testpaths"))}
    asked = {(config.invocation_params.dir / path).resolve() for path in config.args}
    return bool(asked & everything)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    problems = config.stash.get(_PROBLEMS, [])
    if problems:
        terminalreporter.section("capabilities without proof", red=True)
        for problem in problems:
            terminalreporter.write_line(problem)
