"""The wheel holds what runs and nothing measured, and the pins cover every requirement."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(Requirement, re.findall(r"^[^#\s].*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files in the wheel by name."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("depthmark-*.whl")
    with zipfile.ZipFile(built) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def wheel(contents: dict[str, bytes]) -> set[str]:
    """Names of the files in the wheel."""
    return set(contents)


def _tree(*patterns: str) -> set[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    return {path for path in found if not path.startswith(("reports/records/", "reports/site/", "reports/asv/"))}


def test_wheel_holds_every_module_and_all_that_they_read(wheel: set[str]) -> None:
    modules = _tree("suite/**/*.py", "reference/**/*.py", "reports/**/*.py")
    resources = _tree("reference/**/*.toml", "reports/templates/**/*.*")
    assert resources
    assert modules | resources <= wheel


def test_wheel_holds_no_records_tests_or_results(wheel: set[str]) -> None:
    folders = {name.split("/")[0] for name in wheel}
    assert folders == {"suite", "reference", "reports", f"depthmark-{PROJECT['project']['version']}.dist-info"}
    assert not [name for name in wheel if name.startswith(("reports/records/", "reports/site/", "reports/asv/"))]
    assert not [name for name in wheel if name.endswith((".jsonl", ".safetensors", ".pyc"))]


def test_wheel_names_no_folder_of_the_machine_that_built_it(contents: dict[str, bytes]) -> None:
    assert [name for name, content in contents.items() if str(ROOT).encode() in content] == []


@pytest.mark.parametrize("extra", ["", "build", *PROJECT["project"]["optional-dependencies"]])
def test_pins_satisfy_every_requirement(extra: str) -> None:
    required = {
        "": PROJECT["project"]["dependencies"],
        "build": PROJECT["build-system"]["requires"],
        **PROJECT["project"]["optional-dependencies"],
    }[extra]
    for requirement in map(Requirement, required):
        pin = PINS[canonicalize_name(requirement.name)]
        (version,) = (specifier.version for specifier in pin.specifier if specifier.operator == "==")
        assert requirement.specifier.contains(version), f"{pin} is not {requirement}"


def test_airspeed_velocity_uses_the_pinned_versions() -> None:
    matrix = json.loads((ROOT / "asv.conf.json").read_text())["matrix"]["req"]
    for name, versions in matrix.items():
        assert [f"{name}=={version}" for version in versions] == [str(PINS[name])]


def test_airspeed_velocity_loads_the_benchmarks_of_the_suite() -> None:
    configuration = json.loads((ROOT / "asv.conf.json").read_text())
    assert (ROOT / configuration["benchmark_dir"] / "solvers.py").is_file()
