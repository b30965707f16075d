"""``python -m suite stamp``: writes down the commit, for a tree that leaves its git checkout."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from suite.harness.commands.arguments import EXIT_FINISHED
from suite.harness.errors import InputError

DESCRIPTION = (
    "Writes the commit and a digest of the sources into a small file that git ignores. In a copy of this tree without "
    "its git folder, records then name the commit, as long as the sources are the same."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add none."""
    del parser


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Write the stamp and print what it says."""
    del arguments, packages
    from suite.harness.provenance import TREE, git_state
    from suite.harness.stamp import write_stamp

    commit, dirty = git_state(TREE)
    if commit is None:
        raise InputError(f"git knows no commit of {TREE}, so there is nothing to stamp it with")
    path = write_stamp(TREE, commit, dirty)
    print(f"{path}: commit {commit[:10]}{', with changes that are not committed' if dirty else ''}.")
    return EXIT_FINISHED
