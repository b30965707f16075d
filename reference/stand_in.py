"""Our functions in place of torchdiffeq's, under its name: its own public tests then say whether we can replace it.

The test files are those of torchdiffeq's repository (its folder ``tests``), which are not part of this project.
"""

from __future__ import annotations

import importlib.util
import sys
import time
import unittest
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from types import ModuleType, TracebackType
from typing import Any

from rich.markup import escape
from rich.table import Table

import suite

NAME = "torchdiffeq"
VERSION = "0.2.5"
"""The version whose interface is stood in for."""

_FUNCTIONS = ("odeint", "odeint_adjoint", "odeint_dense", "odeint_event")


@dataclass(frozen=True)
class Deviation:
    """A test that fails by intent.

    Attributes:
        test: Id of the test: ``file.Class.method``.
        case: Words that the name of the failing case holds; empty for the whole test.
        reason: Why.
    """

    test: str
    case: str
    reason: str

    def covers(self, test: str, case: str) -> bool:
        """Say whether a failing case of a test is this deviation."""
        return test == self.test and self.case in case


DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        "odeint_tests.TestMinMaxStep.test_min_max_step",
        "",
        "scipy 1.17 LSODA does not keep to min_step; torchdiffeq itself evaluates as often, and fails too",
    ),
    Deviation(
        "odeint_tests.TestSolverError.test_odeint",
        "dtype=torch.complex64, device='cpu', ode='sine', method='fehlberg2'",
        "an error of 3.03e-4 where 3e-4 is asked (2.8e-4 in double precision), in 2 % fewer steps than torchdiffeq's",
    ),
)
"""Every intended difference from torchdiffeq that its tests notice."""


@dataclass
class Outcome:
    """What became of one test.

    Attributes:
        test: Its id: ``file.Class.method``.
        cases: Number of its cases that were run (sub-tests), 1 for a test without.
        failures: Name and error of every case that failed.
        skipped: Why it was skipped; empty where it was not.
        seconds: How long it took.
    """

    test: str
    cases: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    skipped: str = ""
    seconds: float = 0.0

    def unexplained(self, deviations: Sequence[Deviation] | None = None) -> list[tuple[str, str]]:
        """Return the failures that are no deviation, by default none of the listed ones."""
        known = DEVIATIONS if deviations is None else deviations
        return [
            (case, error) for case, error in self.failures if not any(each.covers(self.test, case) for each in known)
        ]


@contextmanager
def in_place() -> Iterator[ModuleType]:
    """Let ``import torchdiffeq`` find our functions for as long as this lasts."""
    module = ModuleType(NAME, f"Our functions under the name of {NAME}.")
    for name in _FUNCTIONS:
        setattr(module, name, getattr(suite, name))
    module.__dict__.update(__version__=VERSION, __all__=list(_FUNCTIONS))
    replaced = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == NAME}
    sys.modules[NAME] = module
    try:
        yield module
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
            del sys.modules[name]
        sys.modules.update(replaced)


def run(folder: Path) -> list[Outcome]:
    """Run the unittest files of a folder, ``*_tests.py``, with our functions in place of torchdiffeq's.

    Raises:
        FileNotFoundError: When there is none.
    """
    files = sorted(folder.glob("*_tests.py"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no test files, *_tests.py")
    results = _Results()
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        with in_place():
            for file in files:
                unittest.defaultTestLoader.loadTestsFromModule(_load(file)).run(results)
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == folder:
                del sys.modules[name]
    return results.outcomes


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return what became of every test, as a table for a terminal."""
    result = Table(title=f"{NAME}'s tests on our functions")
    for heading in ("test", "cases", "failed", "seconds", "deviations and errors"):
        result.add_column(heading, justify="right" if heading in ("cases", "failed", "seconds") else "left")
    for outcome in outcomes:
        style = "red" if outcome.unexplained() else "dim" if outcome.skipped else "green"
        result.add_row(
            f"[{style}]{escape(outcome.test)}[/]",
            str(outcome.cases),
            str(len(outcome.failures)),
            f"{outcome.seconds:.1f}",
            escape("\n".join(_words(outcome))),
        )
    return result


def _words(outcome: Outcome) -> list[str]:
    """Return why a test was skipped, which deviations it met, and which errors, each with its first case."""
    words = [outcome.skipped] if outcome.skipped else []
    words += [
        each.reason for each in DEVIATIONS if any(each.covers(outcome.test, case) for case, _ in outcome.failures)
    ]
    cases: dict[str, list[str]] = {}
    for case, error in outcome.unexplained():
        cases.setdefault(shorten(error, 100), []).append(case)
    return words + [f"{len(names)} x {error} {names[0]}" for error, names in cases.items()]


class _Results(unittest.TestResult):
    """Collects one outcome for each test."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[Outcome] = []
        self._started = 0.0

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().startTest(test)
        self._started = time.perf_counter()
        self.outcomes.append(Outcome(test.id()))

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().stopTest(test)
        self.outcomes[-1].seconds = time.perf_counter() - self._started
        self.outcomes[-1].cases = max(self.outcomes[-1].cases, 1)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        self.outcomes[-1].cases += 1
        if err is not None:
            self._failed(subtest.id().removeprefix(test.id()).strip(), err)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._failed("", err)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._failed("", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self.outcomes[-1].skipped = reason

    def _failed(self, case: str, err: tuple[type[BaseException], BaseException, TracebackType]) -> None:
        words = str(err[1]).strip().splitlines()
        self.outcomes[-1].failures.append((case, f"{err[0].__name__}: {words[0] if words else ''}"))


def _load(file: Path) -> ModuleType:
    """Import a test file under its own name."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module
