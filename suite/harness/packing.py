"""Packing a records folder into a few archives of limited size, the most valuable files first."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from suite.harness import schema
from suite.harness.archive_layout import (
    ARCHIVE_NAME,
    FORMAT,
    LARGEST_ARCHIVE,
    MANIFEST,
    MOST_ARCHIVES,
    archive_name,
    is_allowed,
)
from suite.harness.atomic import write_atomically
from suite.harness.errors import SchemaError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive
_OF_A_MEMBER = 30 + 46  # bytes of its two headers, beside its name in each
_OF_A_DIGEST = 64 + 16  # bytes of its line in the manifest, beside its name
_OF_AN_ARCHIVE = 512  # bytes of its last header, and of the manifest without lines


@dataclass(frozen=True)
class Packed:
    """What was packed.

    Attributes:
        archives: The archives.
        members: How many files they hold together.
        left_out: What they do not hold, with the reason.
    """

    archives: list[Path]
    members: int
    left_out: list[str]


def pack(records_dir: Path, folder: Path, *, most: int = MOST_ARCHIVES, largest: int = LARGEST_ARCHIVE) -> Packed:
    """Write archives of what a records folder has; those of an earlier time in the same place are replaced.

    Records go first, the newest before older ones, then checkpoints, then trained models, so that what does not fit is
    what is missed least.

    Args:
        records_dir: The records folder.
        folder: Where the archives go.
        most: How many there may be.
        largest: Bytes that one may have.
    """
    archives: list[_Archive] = []
    left_out: list[str] = []
    for unit in _units(records_dir, left_out):
        size = unit.size
        if size + _OF_AN_ARCHIVE > largest:
            left_out.append(f"{unit.name}: larger than an archive ({size / 2**20:.1f} MiB)")
            continue
        room = next((archive for archive in archives if archive.size + size <= largest), None)
        if room is None and len(archives) == most:
            left_out.append(f"{unit.name}: no room left ({size / 2**20:.1f} MiB)")
            continue
        if room is None:
            room = _Archive()
            archives.append(room)
        room.add(unit, size)
    paths = [folder / archive_name(number) for number in range(1, len(archives) + 1)]
    for path, archive in zip(paths, archives, strict=True):
        write_atomically(path, archive.content())
    for path in folder.iterdir() if folder.is_dir() else ():
        if ARCHIVE_NAME.fullmatch(path.name) and path not in paths:
            path.unlink()
    return Packed(paths, sum(len(archive.members) for archive in archives), left_out)


@dataclass
class _Unit:
    """Files that are of use only together, by the names they get as members."""

    files: dict[str, Path]

    @property
    def name(self) -> str:
        return next(iter(self.files))

    @property
    def size(self) -> int:
        """At most how many bytes they add to an archive."""
        headers = sum(_OF_A_MEMBER + _OF_A_DIGEST + 3 * len(name) for name in self.files)
        return headers + sum(map(_packed_size, self.files.values()))


@dataclass
class _Archive:
    members: dict[str, bytes] = field(default_factory=dict)
    size: int = _OF_AN_ARCHIVE

    def add(self, unit: _Unit, size: int) -> None:
        self.size += size
        self.members |= {name: path.read_bytes() for name, path in unit.files.items()}

    def content(self) -> bytes:
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in self.members.items()}
        manifest = json.dumps({"format": FORMAT, "members": digests}).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in {MANIFEST: manifest, **self.members}.items():
                kind = zipfile.ZIP_DEFLATED if _is_text(name) else zipfile.ZIP_STORED
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, kind)
        return buffer.getvalue()


def _is_text(name: str) -> bool:
    """Return whether compressing a file is worth it: weights and states hardly become smaller."""
    return name.endswith((".jsonl", ".json"))


def _packed_size(path: Path) -> int:
    # What zlib writes is what a zip file holds, and six bytes more.
    return len(zlib.compress(path.read_bytes())) if _is_text(path.name) else path.stat().st_size


def _units(records_dir: Path, left_out: list[str]) -> Iterator[_Unit]:
    yield from _records(records_dir, left_out)
    for path in _newest_first(records_dir, "checkpoints/*"):
        yield _Unit({f"checkpoints/{path.name}": path})
    entries: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in _newest_first(records_dir, "models/index/*.json"):
        try:
            entries[str(json.loads(path.read_bytes())["digest"])][f"models/index/{path.name}"] = path
        except (ValueError, KeyError, TypeError):
            left_out.append(f"models/index/{path.name}: damaged")
    for path in _newest_first(records_dir, "models/*.safetensors"):
        provenance = path.with_suffix(".json")
        files = {f"models/{each.name}": each for each in (path, provenance) if each.is_file()}
        yield _Unit(files | entries[path.stem])


def _records(records_dir: Path, left_out: list[str]) -> Iterator[_Unit]:
    starts = {}
    for path in records_dir.glob("*/*/[!.]*.jsonl"):
        name = f"records/{path.relative_to(records_dir).as_posix()}"
        try:
            header, _ = schema.parse(path)
        except SchemaError as error:
            left_out.append(f"{name}: not a complete record ({error})")
            continue
        starts[name] = header["start"], path
    for name, (_, path) in sorted(starts.items(), key=lambda entry: entry[1], reverse=True):
        yield _Unit({name: path})


def _newest_first(records_dir: Path, pattern: str) -> list[Path]:
    """Return the files of a kind that may go into an archive; temporary files have other names."""
    paths = [path for path in records_dir.glob(pattern) if is_allowed(path.relative_to(records_dir).as_posix())]
    return sorted(paths, key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
