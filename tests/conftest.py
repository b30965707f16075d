"""What every test shares: one thread, untimed benchmarks unless asked for, and the records of one smoke run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.made_once import make_once

ROOT = Path(__file__).parents[1]

torch.set_num_threads(1)  # as the benchmarks run, whichever tests are collected


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmark", action="store_true", help="Time the benchmarks beside the other tests.")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let a plain ``pytest`` run each benchmark once, untimed; any benchmark option of the command line times them."""
    if not any(str(argument).startswith("--benchmark") for argument in config.invocation_params.args):
        config.option.benchmark_disable = True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Write down what decides a time besides the processor."""
    machine_info["torch"] = torch.__version__
    machine_info["threads"] = torch.get_num_threads()
    machine_info["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else ""


@pytest.fixture
def loops() -> None:
    """Skip where no device can repeat steps by itself."""
    from suite.solvers.graphs.device_loop import require_loops
    from suite.solvers.graphs.recorder import NotCapturableError

    try:
        require_loops()
    except NotCapturableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder of this run, which all processes that share its tests have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def smoke_records(shared_folder: Path) -> Path:
    """The records of every experiment's smoke profile on the CPU; to be read only.

    ``DEPTHMARK_SMOKE_RECORDS`` names a folder that may hold them already: the run goes on from what is there.
    """
    records = Path(os.environ.get("DEPTHMARK_SMOKE_RECORDS") or shared_folder / "smoke-records")
    command = [sys.executable, "-m", "suite", "run", "--profile", "smoke", "--device", "cpu", "--records", str(records)]
    command += ["--jobs", str(os.cpu_count() or 1)]  # while one process of the run makes them, the others wait

    def run() -> None:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    make_once(shared_folder / "smoke-records", run)
    return records
