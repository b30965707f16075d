"""Finding experiments and libraries in packages named by strings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from suite.harness.errors import RegistryError
from suite.harness.registry import experiments, libraries

EXPERIMENT = """
from suite.declarations import Experiment, Settings
class {name}(Experiment):
    id = "{id}"
    title = "t"
    variants = {variants}
    profiles = {{"smoke": Settings()}}
    headline = "h"
    {last} = "c"
    def run(self, cell, meter): ...
"""


def write_package(folder: Path, name: str, source: str) -> str:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "artefact.py").write_text(source)
    return name


def described(name: str = "One", id: str = "p/one", variants: str = "('a',)", last: str = "paper_cost") -> str:
    return EXPERIMENT.format(name=name, id=id, variants=variants, last=last)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_a_plain_folder_on_the_path_is_enough(packages: tuple[str, ...]) -> None:
    assert {"tiny/outcomes", "tiny/training", "tiny/using"} <= experiments(packages).keys()


def test_an_absent_package_is_left_out() -> None:
    assert experiments(("absent_package.experiments",)) == {}
    assert libraries(("absent_package.libraries",)) == {}


def test_a_module_that_cannot_be_imported_is_named(folder: Path) -> None:
    package = write_package(folder, "registry_broken", "import absent_dependency_of_it")
    with pytest.raises(RegistryError, match=r"registry_broken\.artefact.*absent_dependency_of_it"):
        experiments((package,))


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("registry_attribute", described(last="cost"), r"registry_attribute\.artefact\.One.*'paper_cost'"),
        ("registry_id", described(id="one"), "paper/artefact"),
        ("registry_variant", described(variants="('a/b',)"), "'a/b'"),
        ("registry_no_variant", described(variants="()"), "at least one variant"),
        ("registry_alone", described(variants="('a',)\n    alone = ('a', 'b')"), "runs 'b' alone, which is no variant"),
        ("registry_twice", described() + described(name="Two"), "'p/one' is registered twice"),
    ],
)
def test_a_wrong_declaration_is_refused(folder: Path, name: str, source: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        experiments((write_package(folder, name, source),))


def test_a_third_party_is_found_by_its_entry_point(folder: Path) -> None:
    write_package(folder, "registry_third_party", described(id="third/party"))
    described_by = folder / "third_party-1.0.dist-info"
    described_by.mkdir()
    (described_by / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    entry = "[depthmark.experiments]\nparty = registry_third_party.artefact:{}\n"
    (described_by / "entry_points.txt").write_text(entry.format("One"))
    assert "third/party" in experiments(("absent_package_of_the_first_look",))
    (described_by / "entry_points.txt").write_text(entry.format("Absent"))
    with pytest.raises(RegistryError, match=r"entry point 'party' of depthmark\.experiments cannot be loaded"):
        experiments(("absent_package_of_the_second_look",))


def test_a_class_that_is_only_imported_is_not_registered_again(folder: Path) -> None:
    package = write_package(folder, "registry_imported", described())
    (folder / package / "other.py").write_text("from registry_imported.artefact import One")
    assert list(experiments((package,))) == ["p/one"]
