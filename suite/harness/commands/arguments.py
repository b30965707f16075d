"""Arguments that several commands share, and the parser that reports bad input in one sentence."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from suite.declarations import PROFILES, Cell, DeviceClass
from suite.harness.errors import InputError

EXIT_FINISHED, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

KEPT_RECORDS = Path("reports/records")
"""Where records are kept in the repository, in a folder for each machine."""

RECORD_FOLDERS = (Path("records"), KEPT_RECORDS)
"""Where records are read from unless told otherwise: local ones, and those kept in the repository."""


class OneSentenceParser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit with the code for bad input."""
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}\n")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose cells and say where their records and data are."""
    parser.add_argument(
        "experiments",
        nargs="*",
        metavar="ID",
        help="Ids of experiments, or globs such as 'chen2018/*'. Without any, all experiments are taken.",
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="Takes these variants of the chosen experiments only, and the cells they need.",
    )
    parser.add_argument(
        "--profile", choices=PROFILES, default="quick", help="Sizes of the experiments. The default is quick."
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda", "auto"),
        default="auto",
        help="Class of device. The default, auto, takes a CUDA device where there is one.",
    )
    parser.add_argument(
        "--seeds",
        type=positive,
        metavar="N",
        help="Takes the seeds 0 to N-1. By default each experiment says how many its profile takes.",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        help="Replaces a setting of the chosen experiments. It can be given several times.",
    )
    add_records_dir(parser)
    add_data_dir(parser)


def add_records_dir(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the folder a command writes to."""
    parser.add_argument(
        "--records",
        type=Path,
        default=Path("records"),
        metavar="DIR",
        help="Folder of records and trained models. The default is records.",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a folder of data."""
    parser.add_argument(
        "--data-dir", type=folder, metavar="DIR", help="Folder that is looked into first for data sets."
    )


def selected_cells(arguments: argparse.Namespace, packages: Sequence[str], *, download: bool) -> list[Cell]:
    """Return the planned cells of the selection arguments.

    Raises:
        InputError: When something that was asked for does not exist.
    """
    from suite.harness.plan import plan

    if arguments.records.exists() and not arguments.records.is_dir():
        raise InputError(f"--records names {arguments.records}, which is not a folder")
    return plan(
        arguments.experiments,
        arguments.profile,
        _device(arguments.device),
        arguments.seeds,
        arguments.data_dir,
        dict(arguments.overrides),
        variants=arguments.variants,
        packages=packages,
        download=download,
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, not {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text!r}")
    return number


def assignment(text: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"NAME=VALUE is needed, not {text!r}")
    return name, value


def add_record_folders(parser: argparse.ArgumentParser) -> None:
    """Add the folders that records are read from; none given stands for ``RECORD_FOLDERS``."""
    parser.add_argument(
        "--records",
        type=folder,
        nargs="+",
        action="extend",
        metavar="DIR",
        help="Folders of records. The default is records and reports/records, where they exist.",
    )


def folder(text: str) -> Path:
    """Read the path of a folder that exists."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


def _device(name: str) -> DeviceClass:
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("--device cuda was asked for, but torch finds no CUDA device here")
    return "cuda" if available and name != "cpu" else "cpu"
