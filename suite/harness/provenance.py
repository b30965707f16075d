"""Where numbers come from: the commit, the versions, the device, the processor and the pinned dependencies."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

import suite
from suite.declarations import DeviceClass
from suite.harness.stamp import stamped
from suite.models.product_precision import tf32_is_allowed

TREE = Path(suite.__file__).resolve().parent.parent
"""The folder that holds the packages."""

_TRACKED = ("suite", "reference", "pyproject.toml", "constraints.txt")
_TIMEOUT = 10.0  # seconds for git or nvidia-smi, which answer at once or hang on a broken mount or driver


def code(digest: str) -> dict[str, Any]:
    """Return the ``code`` member of a record's header."""
    commit, dirty = source_state(TREE)
    return {"digest": digest, "commit": commit, "dirty": dirty}


def environment(device: DeviceClass) -> dict[str, Any]:
    """Return the ``environment`` member of a record's header, for a cell that has just run on ``device``."""
    cuda = device == "cuda"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "driver": _driver() if cuda else None,
        "device_name": device_name(device),
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "dependencies": dependencies(TREE),
        "tf32": cuda and any(tf32_is_allowed()),
    }


def device_name(device: DeviceClass) -> str:
    """Return the name of the device of a class that cells run on here."""
    return torch.cuda.get_device_name() if device == "cuda" and torch.cuda.is_available() else cpu_name()


@cache
def source_state(tree: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a source tree and whether its code differs from it.

    Where git does not know the tree, they are those of its stamp; twice None without one of these sources.
    """
    state = git_state(tree)
    return state if state[0] is not None else stamped(tree)


@cache
def git_state(tree: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a source tree and whether its code differs from it; twice None where git does not know.

    An exported tree or an installed package may lie inside the checkout of something else, whose commit says nothing
    about it; so the tree must be the top of a checkout that tracks it.
    """
    top = _output("git", "-C", str(tree), "rev-parse", "--show-toplevel")
    tracked = _output("git", "-C", str(tree), "ls-files", "--", "suite/declarations.py")
    commit = _output("git", "-C", str(tree), "rev-parse", "--verify", "HEAD")
    if not top or not tracked or not commit or Path(top).resolve() != tree.resolve():
        return None, None
    changes = _output("git", "-C", str(tree), "status", "--porcelain", "--", *_TRACKED)
    return commit, None if changes is None else bool(changes)


@cache
def dependencies(tree: Path) -> str:
    """Return a digest of the dependencies: of ``constraints.txt`` where it is found, or of what is installed."""
    constraints = tree / "constraints.txt"
    if constraints.is_file():
        return f"constraints.txt sha256:{hashlib.sha256(constraints.read_bytes()).hexdigest()}"
    installed = sorted(f"{each.name}=={each.version}" for each in importlib.metadata.distributions())
    return f"installed sha256:{hashlib.sha256(chr(10).join(installed).encode()).hexdigest()}"


@cache
def cpu_name() -> str:
    """Return the processor's name as its maker gives it, or its architecture."""
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


@cache
def _driver() -> str | None:
    return _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0")


def _output(*command: str) -> str | None:
    """Return what a command prints, or None when it is not there, fails or hangs."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
