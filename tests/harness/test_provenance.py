"""Where numbers come from, also where git knows nothing."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from suite.harness.provenance import cpu_name, dependencies, environment, git_state, source_state
from suite.harness.stamp import STAMP, write_stamp


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)


def make_tree(folder: Path) -> Path:
    (folder / "suite").mkdir(parents=True)
    (folder / "suite" / "declarations.py").write_text("A = 1\n")
    return folder


def test_a_checkout_has_a_commit_and_may_be_dirty(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    git(tree, "init")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "first")
    (tree / "notes.txt").write_text("not code")
    commit, dirty = git_state(tree)
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False
    (tree / "suite" / "declarations.py").write_text("A = 2\n")
    git_state.cache_clear()
    assert git_state(tree) == (commit, True)


@pytest.mark.parametrize("outer_is_a_checkout", [False, True])
def test_an_exported_tree_has_none_even_inside_another_checkout(tmp_path: Path, outer_is_a_checkout: bool) -> None:
    if outer_is_a_checkout:
        git(tmp_path, "init")
        git(tmp_path, "commit", "--allow-empty", "-m", "of something else")
    assert git_state(make_tree(tmp_path / "exported")) == (None, None)


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    git_state.cache_clear()
    assert git_state(make_tree(tmp_path / "tree")) == (None, None)


def test_an_exported_tree_has_the_commit_of_its_stamp(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    write_stamp(tree, "a" * 40, False)
    assert source_state(tree) == ("a" * 40, False)
    (tree / "suite" / "__pycache__").mkdir()
    (tree / "suite" / "__pycache__" / "declarations.pyc").write_bytes(b"made by running it")
    source_state.cache_clear()
    assert source_state(tree) == ("a" * 40, False)
    (tree / "suite" / "more.py").write_text("B = 1\n")
    source_state.cache_clear()
    assert source_state(tree) == (None, None)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"commit": 1, "dirty": false, "sources": ""}', "\xff"])
def test_a_stamp_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / STAMP).write_text(content, encoding="latin-1")
    assert source_state(tree) == (None, None)


def test_where_git_knows_the_tree_no_stamp_counts(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    git(tree, "init")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "first")
    write_stamp(tree, "a" * 40, True)
    assert source_state(tree) == git_state(tree) != ("a" * 40, True)


def test_dependencies_are_those_pinned_or_else_those_installed(tmp_path: Path) -> None:
    installed = dependencies(tmp_path / "nothing")
    assert installed.startswith("installed sha256:")
    (tmp_path / "constraints.txt").write_bytes(b"torch==2.13.0\n")
    digest = hashlib.sha256(b"torch==2.13.0\n").hexdigest()
    assert dependencies(tmp_path) == f"constraints.txt sha256:{digest}"


def test_the_environment_of_a_cpu_cell() -> None:
    found = environment("cpu")
    assert found["device_name"] == found["cpu"] == cpu_name() != ""
    assert found["driver"] is None
    assert found["tf32"] is False


@pytest.fixture
def tf32_flags() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("tf32_flags")
@pytest.mark.parametrize(("matmul", "convolution"), [(True, False), (False, True), (False, False)])
def test_tf32_is_noted_for_a_cuda_cell(matmul: bool, convolution: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = matmul
    torch.backends.cudnn.allow_tf32 = convolution
    assert environment("cuda")["tf32"] is (matmul or convolution)
