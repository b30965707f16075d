"""CIFAR-10 from synthetic binary files, and its real files where the folder of data has them."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from suite import datasets
from suite.datasets import catalogue, cifar10
from suite.datasets.cifar10 import BinaryImages, TrainingSplit, read_batches
from suite.datasets.data_files import DataFile, FileGroup
from suite.declarations import DataVersion, Profile
from suite.harness.data_versions import data_versions
from suite.harness.errors import PlanError

BATCH = 4
TRAINING = tuple(f"data_batch_{index}.bin" for index in range(1, 6))
FOLDERS = [os.environ.get(datasets.DATA_VARIABLE), Path(__file__).parents[3] / "shared" / "data"]
DATA_DIR = next((Path(each) / "cifar10" for each in FOLDERS if each and (Path(each) / "cifar10").is_dir()), None)


def batch(seed: int, classes: int = 10) -> bytes:
    """Four images of random pixels with random labels, as the binary version has them."""
    random = np.random.default_rng(seed)
    labels, pixels = random.integers(0, classes, (BATCH, 1)), random.integers(0, 256, (BATCH, 3072))
    return np.concatenate([labels, pixels], axis=1).astype(np.uint8).tobytes()


CONTENTS = {name: batch(seed) for seed, name in enumerate((*TRAINING, "test_batch.bin"))}


def group(names: tuple[str, ...]) -> FileGroup:
    return FileGroup("cifar10", tuple(DataFile(name, hashlib.sha256(CONTENTS[name]).hexdigest()) for name in names))


def archive(names: tuple[str, ...] = tuple(CONTENTS)) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as members:
        for name in names:
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(CONTENTS[name])
            members.addfile(info, io.BytesIO(CONTENTS[name]))
    return stream.getvalue()


@pytest.fixture(autouse=True)
def small_cifar10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BinaryImages:
    """24 images in CIFAR-10's place, an empty cache, no environment variable, and mirrors that never answer."""
    split = TrainingSplit(group(TRAINING), held_out=BATCH // 2)
    small = BinaryImages(group(tuple(CONTENTS)), split)
    monkeypatch.setitem(catalogue.DATA_SETS, "cifar10", small)
    monkeypatch.setitem(catalogue.DATA_SETS, "cifar10-split", split)
    monkeypatch.setattr(cifar10, "FILES", small.group)
    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)

    def refuse(*args: object, **options: object) -> None:
        raise ConnectionError("no network in this test")

    monkeypatch.setattr("pooch.retrieve", refuse)
    return small


def answer(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let the mirror give an archive."""

    def retrieve(url: str, *, known_hash: str, fname: str, path: Path, downloader: object) -> None:
        assert url == f"https://www.cs.toronto.edu/~kriz/{fname}"
        assert known_hash == f"sha256:{cifar10.ARCHIVE.sha256}"
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(content)

    monkeypatch.setattr("pooch.retrieve", retrieve)


def write_files(folder: Path, names: tuple[str, ...] = tuple(CONTENTS)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(CONTENTS[name])
    return folder


def resolve(data_dir: Path | None = None, *, download: bool = False, stand_in: bool = False) -> DataVersion:
    return datasets.resolve("cifar10", data_dir, download=download, stand_in=stand_in)


def load(data_dir: Path | None = None, name: str = "cifar10") -> datasets.ImageClassification:
    version = datasets.resolve(name, data_dir, download=False, stand_in=False)
    data = datasets.load(version, data_dir)
    assert isinstance(data, datasets.ImageClassification)
    return data


def test_planes_rows_and_columns_are_those_of_the_binary_version(tmp_path: Path) -> None:
    # The description of the binary version: one byte of label, then 1,024 bytes of red, of green and of blue, by rows.
    record = np.zeros(3073, dtype=np.uint8)
    record[0], record[1 + 33], record[1 + 1024 + 2], record[1 + 2048 + 64] = 7, 255, 51, 102
    (tmp_path / "batch.bin").write_bytes(record.tobytes())
    images, labels = read_batches([tmp_path / "batch.bin"])
    assert labels.tolist() == [7]
    assert images.shape == (1, 3, 32, 32)
    assert images.nonzero().tolist() == [[0, 0, 1, 1], [0, 1, 0, 2], [0, 2, 2, 0]]
    assert images[images > 0].tolist() == pytest.approx([1.0, 0.2, 0.4])


def test_all_six_files_give_the_official_split(tmp_path: Path) -> None:
    data = load(write_files(tmp_path))
    assert (data.version.name, data.version.stand_in_for) == ("cifar10", "")
    assert data.train_images.shape == (5 * BATCH, 3, 32, 32)
    assert data.test_images.shape == (BATCH, 3, 32, 32)
    assert data.train_images.dtype == torch.float32
    expected = np.frombuffer(CONTENTS["test_batch.bin"], dtype=np.uint8).reshape(BATCH, 3073)
    np.testing.assert_array_equal((data.test_images * 255).round().numpy().reshape(BATCH, -1), expected[:, 1:])
    assert data.test_labels.tolist() == expected[:, 0].tolist()


def test_without_the_test_batch_a_fixed_split_stands_in_and_says_so(tmp_path: Path) -> None:
    whole = load(write_files(tmp_path / "whole"))
    data = load(write_files(tmp_path / "training", TRAINING))
    assert (data.version.name, data.version.stand_in_for) == ("cifar10-split", "cifar10")
    assert torch.equal(torch.cat([data.train_images, data.test_images]), whole.train_images)
    assert torch.equal(torch.cat([data.train_labels, data.test_labels]), whole.train_labels)
    assert len(data.test_labels) == BATCH // 2
    assert data.version.digest != whole.version.digest


@pytest.mark.parametrize("profile", ["quick", "laptop", "paper"])
def test_every_profile_that_sees_real_data_takes_the_split_where_it_must(profile: Profile, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "cifar10", TRAINING)
    (version,) = data_versions(["cifar10"], profile, folder.parent, download=True)
    assert (version.name, version.stand_in_for) == ("cifar10-split", "cifar10")


def test_the_split_is_a_data_set_of_its_own_too(tmp_path: Path) -> None:
    data = load(write_files(tmp_path), "cifar10-split")
    assert (data.version.name, data.version.stand_in_for, len(data.test_labels)) == ("cifar10-split", "", BATCH // 2)


def test_where_nothing_can_be_had_only_smoke_and_quick_run_on_a_stand_in() -> None:
    profiles: tuple[Profile, ...] = ("smoke", "quick")
    for profile in profiles:
        (version,) = data_versions(["cifar10"], profile, None, download=True)
        assert (version.name, version.stand_in_for) == ("colour-digits", "cifar10")
    with pytest.raises(PlanError, match=r"cifar-10-binary\.tar\.gz .* could not be downloaded"):
        data_versions(["cifar10"], "laptop", None, download=True)
    with pytest.raises(datasets.DataNotFoundError, match="--data-dir or DEPTHMARK_DATA"):
        resolve()
    with pytest.raises(datasets.DataNotFoundError, match="'cifar10-split' is nowhere"):
        load(name="cifar10-split")


@pytest.mark.parametrize("name", [TRAINING[2], "test_batch.bin"])
def test_damaged_file_is_named_and_no_stand_in_hides_it(tmp_path: Path, name: str) -> None:
    content = bytearray(CONTENTS[name])
    content[100] ^= 1
    (write_files(tmp_path) / name).write_bytes(content)
    with pytest.raises(datasets.DamagedFileError, match=f"{name} is damaged"):
        resolve(tmp_path, download=True, stand_in=True)


def test_folder_that_lacks_a_training_batch_is_refused(tmp_path: Path) -> None:
    (write_files(tmp_path) / TRAINING[0]).unlink()
    with pytest.raises(datasets.DamagedFileError, match=r"lacks data_batch_1\.bin"):
        resolve(tmp_path, download=True, stand_in=True)


def test_the_archive_is_downloaded_unpacked_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, archive())
    assert resolve(download=True).name == "cifar10"
    folder = tmp_path / "cache" / "depthmark" / "cifar10"
    assert {path.name for path in folder.iterdir()} == set(CONTENTS)
    assert load().train_images.shape == (5 * BATCH, 3, 32, 32)
    assert [state.state for state in datasets.fetch("cifar10")] == ["intact"] * 6
    assert [state.state for state in datasets.fetch("cifar10-split")] == ["intact"] * 5


def test_a_cache_without_the_test_batch_is_completed_and_without_a_network_gives_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "cache" / "depthmark" / "cifar10", TRAINING)
    assert resolve(download=True).name == "cifar10-split"
    answer(monkeypatch, archive())
    assert resolve(download=True).name == "cifar10"


def test_an_archive_that_lacks_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, archive(TRAINING))
    with pytest.raises(datasets.DamagedFileError, match=r"does not hold cifar-10-batches-bin/test_batch\.bin"):
        datasets.fetch("cifar10")


def test_files_that_are_no_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(batch(0)[:-1])
    with pytest.raises(datasets.DamagedFileError, match="no multiple of the 3073"):
        read_batches([tmp_path / "short.bin"])
    (tmp_path / "classes.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(datasets.DamagedFileError, match="names class 10"):
        read_batches([tmp_path / "classes.bin"])


def test_versions_of_other_bytes_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name in ("cifar10", "cifar10-split"):
        with pytest.raises(datasets.DamagedFileError, match="not 0000 as asked"):
            datasets.load(DataVersion(name, "0000"), tmp_path)


def test_the_state_of_each_file_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, TRAINING)
    assert [state.state for state in datasets.check("cifar10", tmp_path)] == ["intact"] * 5 + ["missing"]
    assert [state.state for state in datasets.check("cifar10-split", tmp_path)] == ["intact"] * 5


@pytest.mark.skipif(DATA_DIR is None, reason="no folder cifar10/ in DEPTHMARK_DATA or in ../shared/data")
def test_real_images_have_the_classes_and_the_brightness_of_cifar10(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The first test images, whose classes begin with cat, ship, ship, aeroplane, frog."""
    assert DATA_DIR is not None
    names = ("test_batch.bin", "test_batch_first1017.bin")
    path = next((DATA_DIR / name for name in names if (DATA_DIR / name).is_file()), None)
    if path is None:
        if not (DATA_DIR / "unpack.py").is_file():
            pytest.skip(f"{DATA_DIR} holds no file of test images")
        folder = tmp_path_factory.mktemp("cifar10")
        subprocess.run([sys.executable, DATA_DIR / "unpack.py", folder, "test"], check=True, capture_output=True)
        path = folder / "test_batch_first1017.bin"
    images, labels = read_batches([path])
    assert labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    # The means of the three planes that classifiers of CIFAR-10 are usually normalised with, of the training images.
    assert images.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.02)
    # Neighbouring pixels of a photograph resemble each other: of unrelated ones the mean difference is above 0.2.
    assert (images[..., 1:] - images[..., :-1]).abs().mean() < 0.07
    assert (images[..., 1:, :] - images[..., :-1, :]).abs().mean() < 0.07


@pytest.mark.skipif(
    DATA_DIR is None or not (DATA_DIR / TRAINING[0]).is_file(),
    reason="no unpacked training batches in cifar10/ of DEPTHMARK_DATA or of ../shared/data",
)
def test_real_training_batches_have_the_published_digests_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DATA_DIR is not None
    monkeypatch.setitem(catalogue.DATA_SETS, "cifar10-split", cifar10.CIFAR10_SPLIT)
    data = load(DATA_DIR.parent, "cifar10-split")
    assert data.train_images.shape == (45_000, 3, 32, 32)
    assert data.test_labels.bincount().tolist() == [493, 488, 479, 519, 475, 529, 488, 485, 532, 512]
    assert (data.train_labels.bincount() + data.test_labels.bincount()).tolist() == [5000] * 10
    some = data.train_images[::20]
    assert some.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.01)
