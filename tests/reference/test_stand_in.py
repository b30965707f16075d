"""Our functions stand in for torchdiffeq's in unittest files that import it by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torchdiffeq as real

import suite
from reference import stand_in
from reference.__main__ import main
from reference.stand_in import Deviation, Outcome, in_place, run

PROBLEMS = """
import torch

def decay(t, y):
    return -y
"""

TESTS = """
import math
import unittest

import torch
import torchdiffeq
from torchdiffeq import odeint_adjoint as adjoint

from problems import decay


class TestDecay(unittest.TestCase):
    def test_solution(self):
        for method in ("dopri5", "rk4"):
            with self.subTest(method=method):
                y = torchdiffeq.odeint(decay, torch.ones(3), torch.linspace(0, 1, 11), method=method)
                self.assertLess((y[-1] - math.exp(-1)).abs().max(), 1e-5)

    def test_adjoint(self):
        y0 = torch.ones(3, requires_grad=True)
        adjoint(decay, y0, torch.tensor([0.0, 1.0]), adjoint_params=())[-1].sum().backward()
        self.assertLess((y0.grad - math.exp(-1)).abs().max(), 1e-5)

    def test_functions(self):
        self.assertEqual(torchdiffeq.odeint.__module__.split(".")[0], "suite")
        self.assertEqual(torchdiffeq.__version__, "0.2.5")
        self.assertTrue(callable(torchdiffeq.odeint_event) and callable(torchdiffeq.odeint_dense))

    def test_that_fails_for_one_method(self):
        for method in ("euler", "midpoint"):
            with self.subTest(method=method):
                self.assertEqual(method, "midpoint", "not this one")

    def test_error(self):
        raise RuntimeError("broken\\nin two lines")

    @unittest.skip("another day")
    def test_skipped(self):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "problems.py").write_text(PROBLEMS)
    (tmp_path / "tiny_tests.py").write_text(TESTS)
    return tmp_path


def test_every_test_has_an_outcome_with_its_cases_and_failures(folder: Path) -> None:
    outcomes = {outcome.test.removeprefix("tiny_tests.TestDecay."): outcome for outcome in run(folder)}
    assert len(outcomes) == 6
    for name, cases in (("test_solution", 2), ("test_adjoint", 1), ("test_functions", 1)):
        assert (outcomes[name].failures, outcomes[name].cases) == ([], cases)
    ((case, error),) = outcomes["test_that_fails_for_one_method"].failures
    assert case == "(method='euler')"
    assert error.startswith("AssertionError: 'euler' != 'midpoint'")
    assert outcomes["test_that_fails_for_one_method"].cases == 2
    assert outcomes["test_error"].failures == [("", "RuntimeError: broken")]
    assert outcomes["test_skipped"].skipped == "another day"


def test_the_real_library_and_the_path_are_back_afterwards(folder: Path) -> None:
    path = list(sys.path)
    run(folder)
    assert sys.modules["torchdiffeq"] is real
    assert sys.path == path
    assert not {"problems", "tiny_tests"} & set(sys.modules)
    with in_place() as module:
        assert sys.modules["torchdiffeq"] is module
        assert module.odeint is suite.odeint
    assert sys.modules["torchdiffeq"] is real


def test_listed_deviation_explains_its_case_and_no_other() -> None:
    outcome = Outcome("a.B.c", 2, [("(method='x')", "E: 1"), ("(method='y')", "E: 2")])
    assert outcome.unexplained((Deviation("a.B.c", "method='x'", "why"),)) == [("(method='y')", "E: 2")]
    assert outcome.unexplained((Deviation("a.B.c", "", "why"),)) == []
    assert len(outcome.unexplained((Deviation("a.B.d", "", "why"),))) == 2


def test_command_fails_where_a_test_fails_that_is_no_listed_deviation(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["stand-in", str(folder)]) == 1
    assert "RuntimeError: broken" in capsys.readouterr().out
    listed = tuple(
        Deviation(f"tiny_tests.TestDecay.{name}", "", f"reason of {name}")
        for name in ("test_error", "test_that_fails_for_one_method")
    )
    monkeypatch.setattr(stand_in, "DEVIATIONS", listed)
    assert main(["stand-in", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "reason of test_error" in out
    assert "reason of test_that_fails_for_one_method" in out


def test_folder_without_test_files_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stand-in", str(tmp_path)]) == 2
    assert "holds no test files" in capsys.readouterr().err


def test_command_runs_in_a_process_of_its_own(folder: Path) -> None:
    command = [sys.executable, "-m", "reference", "stand-in", str(folder)]
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=wide)
    assert done.returncode == 1, done.stderr
    assert "test_solution" in done.stdout
