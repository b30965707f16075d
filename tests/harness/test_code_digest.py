"""The code digest covers what a module imports, and nothing that leaves its meaning alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from suite.harness import code_digest as module
from suite.harness import import_closure as walk
from suite.harness.code_digest import cell_code, code_digest
from suite.harness.import_closure import import_closure
from suite.harness.registry import experiments
from tests.harness.tiny_cells import MakeCell

FILES = {
    "__init__.py": "",
    "artefact.py": "from .inner import first\nfrom digest_case import second\nfrom .public import late_value\n\n"
    "def run():\n    return first.RATE\n",
    "inner/__init__.py": "",
    "inner/first.py": "RATE = 0.5\n",
    "second.py": "def late():\n    from digest_case.third import VALUE\n    return VALUE\n",
    "third.py": "VALUE = 1\n",
    "public/__init__.py": "from .asked import late_value\nfrom .other import VALUE\n\n"
    '__all__ = ["VALUE", "late_value"]\n',
    "public/asked.py": "def late_value():\n    return 1\n",
    "public/other.py": "VALUE = 1\n",
    "unrelated.py": "VALUE = 2\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "digest_case"
    for name, text in FILES.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    walk._locations.cache_clear()
    return package


def digest() -> str:
    walk._passed_on.cache_clear()
    return code_digest(["digest_case.artefact"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("artefact.py", FILES["artefact.py"] + "# a comment\n"),
        (
            "artefact.py",
            '"""A docstring."""\n' + FILES["artefact.py"].replace("    return", '    """Return."""\n    return'),
        ),
        ("inner/first.py", 'RATE   =  (0.5)\n"""What it is."""\n'),
        ("unrelated.py", "VALUE = 3\n"),
        ("public/other.py", "VALUE = 2\n"),
        ("public/__init__.py", 'from .asked import late_value\n\n__all__ = ["late_value"]\n'),
    ],
)
def test_comments_docstrings_layout_and_other_modules_do_not_count(folder: Path, name: str, text: str) -> None:
    before = digest()
    (folder / name).write_text(text)
    assert digest() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("artefact.py", FILES["artefact.py"].replace("first.RATE", "first.RATE * 2")),
        ("inner/first.py", "RATE = 0.25\n"),
        ("inner/__init__.py", "RATE = 0.5\n"),
        ("third.py", "VALUE = 2\n"),
        ("public/asked.py", "def late_value():\n    return 2\n"),
        ("public/__init__.py", FILES["public/__init__.py"] + "from . import other as asked_for_its_effect\n"),
        ("public/__init__.py", FILES["public/__init__.py"] + "VALUE = 3\n"),
        ("second.py", FILES["second.py"].replace("third", "unrelated")),
    ],
)
def test_what_is_imported_counts_however_deep(folder: Path, name: str, text: str) -> None:
    before = digest()
    (folder / name).write_text(text)
    assert digest() != before


def test_a_module_without_source_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match="absent_module"):
        code_digest(["absent_module.artefact"])


def test_meters_seeds_data_sets_and_needed_experiments_belong_to_a_cell(
    make_cell: MakeCell, packages: tuple[str, ...]
) -> None:
    registered = experiments(packages)

    def covered(experiment: str, variant: str) -> set[str]:
        return set(import_closure(module._starting_modules(make_cell(experiment, variant), registered)))

    always = {"suite.harness.meters.saved_bytes", "suite.harness.seeds", "suite.declarations"}
    assert always | {"tiny_experiments.outcomes"} <= covered("tiny/outcomes", "finishes")
    assert "tiny_experiments.models" not in covered("tiny/outcomes", "finishes")
    assert {"suite.datasets.mnist", "suite.datasets.digits"} <= covered("tiny/digits", "count")
    assert not any(name.startswith("suite.harness.executors") for name in covered("tiny/digits", "count"))


def test_every_variant_of_an_experiment_has_the_same_digest(make_cell: MakeCell, packages: tuple[str, ...]) -> None:
    registered = experiments(packages)
    variants = registered["tiny/using"].variants
    assert len({cell_code(make_cell("tiny/using", variant), registered) for variant in variants}) == 1


def test_the_digest_of_a_cell_is_64_hexadecimal_digits(make_cell: MakeCell, packages: tuple[str, ...]) -> None:
    code = cell_code(make_cell("tiny/outcomes", "finishes"), experiments(packages))
    assert len(code) == 64
    assert int(code, 16)
