"""Archives of a records folder: what they hold, what does not fit, and which ones are refused."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.harness.archive_layout import is_allowed
from suite.harness.errors import InputError
from suite.harness.machine_name import machine_name
from suite.harness.packing import pack
from suite.harness.record_file import REPLAYS, write_record
from suite.harness.store import ModelStore
from suite.harness.unpacking import unpack

CODE = "cd" * 32


def record(folder: Path, header: Mapping[str, Any], key: str, **changes: Any) -> Path:
    made = copy.deepcopy(dict(header))
    made["cell"]["key"] = key
    made |= changes
    path = folder / "tiny" / "outcomes" / f"finishes-smoke-cpu-s0-{key}-{CODE[:8]}.jsonl"
    write_record(path, made, [{"metric": "count", "value": 1, "unit": "1"}])
    return path


def checkpoint(folder: Path, key: str, done: int) -> Path:
    path = folder / "checkpoints" / f"{key}-{CODE[:16]}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"loop": {"done": done, "parts": {"weights": torch.zeros(100)}}}, path)
    return path


@pytest.fixture
def records(tmp_path: Path, header: Mapping[str, Any]) -> Path:
    folder = tmp_path / "records"
    record(folder, header, "0" * 16)
    record(folder, header, "1" * 16, start="2025-02-02T03:04:05.000000+00:00")
    checkpoint(folder, "2" * 16, 5)
    ModelStore(folder).keep("0" * 16, {"weight": torch.ones(3)}, code=CODE, provenance={"cell": {}})
    return folder


def members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_what_was_packed_is_unpacked_once(records: Path, tmp_path: Path) -> None:
    packed = pack(records, tmp_path / "out")
    assert [path.name for path in packed.archives] == ["depthmark-1.zip"]
    assert packed.members == 6
    assert packed.left_out == []
    there = tmp_path / "there"
    unpacked = unpack(tmp_path / "out", there / "kept", there / "records")
    assert (unpacked.written.total(), unpacked.unchanged) == (6, 0)
    before = contents(there)
    assert {name: content for name, (content, _) in before.items()} == {
        f"kept/cpu-a/{name}" if name.startswith("tiny") else f"records/{name}": content
        for name, (content, _) in contents(records).items()
    }
    again = unpack(tmp_path / "out", there / "kept", there / "records")
    assert (again.written.total(), again.unchanged) == (0, 6)
    assert contents(there) == before
    assert ModelStore(there / "records").has("0" * 16, CODE)


def test_replays_stay_where_they_are(records: Path, tmp_path: Path) -> None:
    kept = tmp_path / "there" / "kept"
    for folder in (records, kept / "cpu-a"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPLAYS).write_text("a line\n")
    packed = pack(records, tmp_path / "out")
    assert (packed.members, packed.left_out) == (6, [])
    unpack(tmp_path / "out", kept, tmp_path / "there" / "records")
    assert [path.relative_to(kept).as_posix() for path in kept.rglob(REPLAYS)] == [f"cpu-a/{REPLAYS}"]
    assert (kept / "cpu-a" / REPLAYS).read_text() == "a line\n"


def test_the_most_valuable_files_come_first_and_the_rest_is_named(records: Path, tmp_path: Path) -> None:
    (records / "tiny" / "outcomes" / "cut-off.jsonl").write_text('{"schema"')
    (records / "checkpoints" / ".host+1+0.tmp").write_text("half")
    big = records / "checkpoints" / f"{'3' * 16}-{CODE[:16]}.pt"
    big.write_bytes(os.urandom(5000))
    size = 3200  # two records, or a checkpoint
    packed = pack(records, tmp_path / "out", most=2, largest=size)
    names = [members(path) for path in packed.archives]
    assert [name.split("-s0-")[1][:2] for name in names[0] if name.startswith("records/")] == ["11", "00"]
    assert any(name.startswith("checkpoints/2222") for name in names[1])
    assert all(path.stat().st_size <= size for path in packed.archives)
    assert [line.partition(":")[0] for line in packed.left_out] == [
        "records/tiny/outcomes/cut-off.jsonl",
        f"checkpoints/{big.name}",
        *(line.partition(":")[0] for line in packed.left_out if line.startswith("models/")),
    ]
    assert "not a complete record" in packed.left_out[0]
    assert "larger than an archive" in packed.left_out[1]


def test_no_archive_is_larger_than_it_may_be(records: Path, header: Mapping[str, Any], tmp_path: Path) -> None:
    for number in range(40):
        record(records, header, f"{number:016x}")
    for largest in range(2000, 9000, 777):
        packed = pack(records, tmp_path / "out", most=3, largest=largest)
        assert max(path.stat().st_size for path in packed.archives) <= largest
        assert packed.members + len(packed.left_out) >= 40


def test_archives_of_an_earlier_time_are_replaced(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "depthmark-7.zip").write_text("old")
    (out / "notes.txt").write_text("not ours")
    first = pack(records, out).archives[0].read_bytes()
    assert sorted(path.name for path in out.iterdir()) == ["depthmark-1.zip", "notes.txt"]
    assert pack(records, out).archives[0].read_bytes() == first


def test_newer_and_finished_records_and_further_checkpoints_win(
    records: Path, header: Mapping[str, Any], tmp_path: Path
) -> None:
    out, kept, local = tmp_path / "out", tmp_path / "kept", tmp_path / "local"
    failed = {"status": "failed", "error": {"type": "A", "message": "b", "traceback": ""}}
    pack(records, out)
    newer = record(kept / "a", header, "0" * 16, start="2026-01-02T03:04:05.000000+00:00")
    replaced = record(kept / "a", header, "1" * 16, start="2026-01-02T03:04:05.000000+00:00", **failed)
    further = checkpoint(local, "2" * 16, 6)
    superfluous = checkpoint(local, "1" * 16, 1)
    before = newer.read_bytes(), further.read_bytes()
    unpack(out, kept, local, "a")
    assert (newer.read_bytes(), further.read_bytes()) == before
    assert replaced.read_bytes() == (records / replaced.relative_to(kept / "a")).read_bytes()
    assert not superfluous.exists()
    checkpoint(local, "2" * 16, 4)
    unpack(out, kept, local, "a")
    assert further.read_bytes() == (records / "checkpoints" / further.name).read_bytes()


Change = Callable[[dict[str, bytes]], object]


def rewrite(path: Path, change: Change, *, with_manifest: bool) -> None:
    """Change an archive's members, and its manifest so that only the change itself is wrong."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    if with_manifest:
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items() if name != "manifest.json"}
        content["manifest.json"] = json.dumps({"format": 1, "members": digests}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def named(content: dict[str, bytes], start: str) -> str:
    return next(name for name in content if name.startswith(start))


CHANGES: list[tuple[Change, bool, str]] = [
    (lambda each: each.update({named(each, "records/"): b"{}\n"}), False, "does not have the digest in the manifest"),
    (lambda each: each.update({named(each, "records/"): b"{}\n"}), True, "line 1: header lacks"),
    (lambda each: each.update({named(each, "models/"): b"zero"}), True, "does not have the digest in its name"),
    (lambda each: each.pop(named(each, "checkpoints/")), False, "manifest and members differ in checkpoints/"),
    (lambda each: each.update({"../outside.jsonl": b""}), True, "is no name of a record"),
    (lambda each: each.update({"records/../../a/b.jsonl": b""}), True, "is no name of a record"),
    (lambda each: each.pop("manifest.json"), False, "its manifest is missing"),
    (lambda each: each.update({"manifest.json": b'{"format": 2, "members": {}}'}), False, "has the format 2"),
    (
        lambda each: each.update({named(each, "records/").replace("0" * 16, "9" * 16): each[named(each, "records/")]}),
        True,
        "is the record of another cell",
    ),
]


@pytest.mark.parametrize(("change", "with_manifest", "message"), CHANGES)
def test_a_damaged_archive_is_refused_before_anything_is_written(
    change: Change, with_manifest: bool, message: str, header: Mapping[str, Any], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    record(records, header, "0" * 16)
    checkpoint(records, "2" * 16, 5)
    weights = torch.ones(3)
    ModelStore(records).keep("0" * 16, {"weight": weights}, code=CODE, provenance={"cell": {}})
    out = tmp_path / "out"
    (archive,) = pack(records, out).archives
    (out / "depthmark-0.zip").write_bytes(b"not looked at, as its name is none of ours")
    (out / "depthmark-2.zip").write_bytes(archive.read_bytes())
    rewrite(out / "depthmark-2.zip", change, with_manifest=with_manifest)
    with pytest.raises(InputError) as refusal:
        unpack(out, tmp_path / "kept", tmp_path / "local")
    assert message in str(refusal.value)
    assert "depthmark-2.zip" in str(refusal.value)
    assert "nothing was imported" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "local").exists()


def test_a_cut_off_archive_is_refused(records: Path, tmp_path: Path) -> None:
    (archive,) = pack(records, tmp_path / "out").archives
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(InputError, match="is damaged or no archive of ours"):
        unpack(tmp_path / "out", tmp_path / "kept", tmp_path / "local")


def test_a_folder_without_archives_or_a_bad_machine_is_named(records: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        unpack(tmp_path / "absent", tmp_path / "kept", tmp_path / "local")
    with pytest.raises(InputError, match=r"holds no archive, such as depthmark-1\.zip"):
        unpack(records, tmp_path / "kept", tmp_path / "local")
    with pytest.raises(InputError, match="a machine's name"):
        unpack(records, tmp_path / "kept", tmp_path / "local", "../up")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "records/a/b/../c.jsonl", "models/a.safetensors", "checkpoints/x.pt", "manifest.json", ""]
)
def test_other_names_are_no_members(name: str) -> None:
    assert not is_allowed(name)


@pytest.mark.parametrize(
    ("device", "cuda", "name"),
    [
        ("NVIDIA H200", True, "h200"),
        ("NVIDIA H100 80GB HBM3", True, "h100"),
        ("NVIDIA A100-SXM4-40GB", True, "a100"),
        ("Tesla V100-PCIE-16GB", True, "v100"),
        ("NVIDIA GeForce RTX 4090", True, "rtx-4090"),
        ("Intel(R) Xeon(R) Processor @ 2.50GHz", False, "cpu-xeon"),
        ("AMD EPYC 7763 64-Core Processor", False, "cpu-epyc-7763-64"),
        ("", True, "unnamed"),
    ],
)
def test_machines_are_named_by_their_device(device: str, cuda: bool, name: str) -> None:
    assert machine_name(device, cuda=cuda) == name
