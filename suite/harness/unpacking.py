"""Unpacking archives that another machine packed: all are checked before anything is written."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suite.harness import schema
from suite.harness.archive_layout import (
    ARCHIVE_NAME,
    CHECKPOINT,
    FORMAT,
    LARGEST_ARCHIVE,
    MANIFEST,
    RECORD,
    WEIGHTS,
    archive_name,
    is_allowed,
)
from suite.harness.atomic import write_atomically
from suite.harness.errors import InputError, SchemaError
from suite.harness.interrupted import forget, reached
from suite.harness.machine_name import machine_name
from suite.harness.record_file import read_header

_LARGEST_MEMBER = 16 * LARGEST_ARCHIVE
"""Bytes of an unpacked member: more is no text of ours, but meant to fill the memory."""

_MACHINE = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass
class Unpacked:
    """What was unpacked: how many files were written, in which folders, and how many were there already."""

    written: Counter[Path] = field(default_factory=Counter)
    unchanged: int = 0


def unpack(folder: Path, kept_dir: Path, records_dir: Path, machine: str | None = None) -> Unpacked:
    """Unpack every archive of a folder.

    A record replaces one of the same cell and code that is older, unless it failed and the other finished; a checkpoint
    replaces one that is not as far. What the records make superfluous, the checkpoints of their cells, is removed.

    Args:
        folder: Where the archives are.
        kept_dir: Where records go, into a folder for the machine that each names.
        records_dir: Where checkpoints and trained models go.
        machine: The name of that folder, instead of one made from the name of the device.

    Raises:
        InputError: When there is no archive, or one is damaged or holds what it must not; nothing is written then.
    """
    if machine is not None and not _MACHINE.fullmatch(machine):
        raise InputError(f"a machine's name is made of lower-case letters, digits and hyphens, unlike {machine!r}")
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    archives = sorted(path for path in folder.iterdir() if ARCHIVE_NAME.fullmatch(path.name))
    if not archives:
        raise InputError(f"{folder} holds no archive, such as {archive_name(1)}")
    members: dict[str, bytes] = {}
    headers: dict[str, dict[str, Any]] = {}
    for path in archives:
        found = _members(path)
        headers |= _headers(path, found)
        members |= found
    result = Unpacked()
    for name, content in sorted(members.items(), key=lambda member: _order(member[0])):
        if name in headers:
            header = headers[name]
            target = kept_dir / (machine or _machine(header)) / name.removeprefix("records/")
            better = _is_better(header, read_header(target))
            if header["status"] == "finished":
                forget(records_dir, header["cell"]["key"], header["code"]["digest"])
        else:
            target = records_dir / name
            better = _is_further(content, target) if CHECKPOINT.fullmatch(name) else True
        if better and not (target.is_file() and target.read_bytes() == content):
            write_atomically(target, content)
            result.written[target.parent] += 1
        else:
            result.unchanged += 1
    return result


def _members(path: Path) -> dict[str, bytes]:
    """Return the checked members of an archive by their names."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.file_size > _LARGEST_MEMBER:
                    raise _damaged(path, f"{info.filename!r} is too large")
            contents = {info.filename: archive.read(info) for info in archive.infolist()}
        manifest = json.loads(contents.pop(MANIFEST))
        version, digests = manifest["format"], manifest["members"]
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "its manifest is missing or cannot be read") from error
    if version != FORMAT or not isinstance(digests, dict):
        raise InputError(f"{path} has the format {version!r}, and this version reads {FORMAT}; nothing was imported")
    if contents.keys() != digests.keys():
        different = ", ".join(sorted(contents.keys() ^ digests.keys()))
        raise _damaged(path, f"manifest and members differ in {different}")
    for name, content in contents.items():
        if not is_allowed(name):
            raise _damaged(path, f"{name!r} is no name of a record, checkpoint or model")
        digest = hashlib.sha256(content).hexdigest()
        if digest != digests[name]:
            raise _damaged(path, f"{name} does not have the digest in the manifest")
        weights = WEIGHTS.fullmatch(name)
        if weights is not None and weights["digest"] != digest:
            raise _damaged(path, f"{name} does not have the digest in its name")
    return contents


def _headers(path: Path, members: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return the headers of an archive's records, which are complete and in the place that their cell has."""
    headers = {}
    for name, content in members.items():
        place = RECORD.fullmatch(name)
        if place is None:
            continue
        try:
            header, _ = schema.parse_bytes(content, Path(name))
        except SchemaError as error:
            raise _damaged(path, str(error)) from error
        cell, code = header["cell"], header["code"]["digest"]
        if (cell["experiment"], cell["key"], code[:8]) != (place["experiment"], place["key"], place["code"]):
            raise _damaged(path, f"{name} is the record of another cell")
        headers[name] = header
    return headers


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"{path} is damaged or no archive of ours: {reason}; nothing was imported")


def _order(name: str) -> tuple[bool, bool, str]:
    """Records come first, and the index of models last: nobody may find there what is not yet written."""
    return not name.startswith("records/"), name.startswith("models/index/"), name


def _machine(header: Mapping[str, Any]) -> str:
    return machine_name(header["environment"]["device_name"], cuda=header["cell"]["device"] == "cuda")


def _is_better(header: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Return whether a record is to take the place of another of the same cell and code."""
    if other is None:
        return True
    return _merit(header) > _merit(other)


def _merit(header: Mapping[str, Any]) -> tuple[bool, str]:
    return header["status"] == "finished", header["start"]


def _is_further(content: bytes, target: Path) -> bool:
    """Return whether a checkpoint, or note beside one, is to take the place of what is there."""
    if not target.is_file() or target.suffix == ".json":
        return True
    here, there = reached(target), reached(content)
    return here is None or (there is not None and (there.loop, there.step) > (here.loop, here.step))
