"""Whether the code behind some records is the present one, or one that a replay found to give the same numbers."""

from __future__ import annotations

import pandas as pd

from reports.numerals import number
from suite.harness.replays import Replay, Replays
from suite.harness.varying_rows import TIME_UNITS


def code_note(cells: pd.DataFrame, present: str, replays: Replays) -> str:
    """Say how the code of some records relates to the present one; nothing where it is the present one.

    Args:
        cells: Records of one experiment on one class of device.
        present: Digest of the present code of the experiment.
        replays: What is known of code to give the same numbers.
    """
    older = cells[cells["code"] != present]
    if older.empty:
        return ""
    experiment, device = older["experiment"].iloc[0], older["device"].iloc[0]
    chains = [replays.chain(experiment, device, code, present) for code in sorted(older["code"].unique())]
    commits = sorted({str(commit)[:10] for commit in older["commit"]} - {""})
    plural = "s" if len(commits) > 1 else ""
    opening = f"Measured at commit{plural} {' and '.join(commits)}." if commits else "Measured outside a repository."
    if any(chain is None for chain in chains):
        return f"{opening} The code behind these numbers has changed since, and no replay compares the two."
    lines: list[Replay] = []
    for line in (each for chain in chains if chain is not None for each in chain):
        if line not in lines:
            lines.append(line)
    apart = any(line.left_out for line in lines)
    return (
        f"{opening} The code has changed since without changing a number: {'; '.join(map(_words, lines))}."
        f"{' Times, and what else was not compared, are of the older code.' if apart else ''}"
    )


def _words(line: Replay) -> str:
    apart = ", ".join(_apart(name, count) for name, count in line.left_out.items())
    return (
        f"{number(line.cells)} cells at profile {line.profile} gave the same {number(line.rows)} rows bit for bit on "
        f"{line.date} ({line.device_name}, torch {line.torch})"
        f"{f', rows that vary from run to run aside ({apart})' if apart else ''}"
    )


def _apart(name: str, count: int) -> str:
    return f"{number(count)} in {name}" if name in TIME_UNITS else f"{number(count)} of {name}"
