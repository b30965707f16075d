import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from suite import datasets
from suite.datasets import catalogue, download
from suite.datasets.data_files import DataFile, FileGroup
from suite.datasets.mnist import IdxImages

TRAIN, TEST = 6, 3


def idx_images(count: int, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">3I", count, 28, 28) + pixels.tobytes())


def idx_labels(count: int) -> bytes:
    return gzip.compress(bytes((0, 0, 8, 1)) + struct.pack(">I", count) + bytes(range(count)))


CONTENTS = {
    "train-images-idx3-ubyte.gz": idx_images(TRAIN, 0),
    "train-labels-idx1-ubyte.gz": idx_labels(TRAIN),
    "t10k-images-idx3-ubyte.gz": idx_images(TEST, 1),
    "t10k-labels-idx1-ubyte.gz": idx_labels(TEST),
}


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IdxImages:
    """Nine images in MNIST's place, an empty cache, no environment variable, and mirrors that never answer."""
    group = FileGroup(
        "mnist", tuple(DataFile(name, hashlib.sha256(content).hexdigest()) for name, content in CONTENTS.items())
    )
    small = IdxImages(group, ("http://mirror.invalid/mnist/",), name="mnist", stand_in="digits")
    monkeypatch.setitem(catalogue.DATA_SETS, "mnist", small)
    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)

    def refuse(*args: object, **options: object) -> None:
        raise ConnectionError("no network in this test")

    monkeypatch.setattr("pooch.retrieve", refuse)
    return small


def write_files(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder


def find(data_dir: Path | None = None) -> str:
    return datasets.resolve("mnist", data_dir, download=False, stand_in=False).name


def test_finds_files_in_the_named_folder_and_in_its_mnist_folder(tmp_path: Path) -> None:
    write_files(tmp_path / "flat")
    write_files(tmp_path / "nested" / "mnist")
    assert find(tmp_path / "flat") == "mnist"
    assert find(tmp_path / "nested") == "mnist"


def test_finds_files_in_the_folder_of_the_environment_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(datasets.DATA_VARIABLE, str(write_files(tmp_path / "data" / "mnist").parent))
    assert find() == "mnist"


def test_finds_files_in_the_cache(tmp_path: Path) -> None:
    write_files(tmp_path / "cache" / "depthmark" / "mnist")
    assert find() == "mnist"


def test_loads_pixels_scaled_to_one_and_labels_of_both_splits(tmp_path: Path) -> None:
    write_files(tmp_path)
    data = datasets.load(datasets.resolve("mnist", tmp_path, download=False, stand_in=False), tmp_path)
    assert isinstance(data, datasets.ImageClassification)
    assert data.train_images.shape == (TRAIN, 1, 28, 28)
    assert data.test_images.shape == (TEST, 1, 28, 28)
    assert data.train_images.dtype == torch.float32
    pixels = np.random.default_rng(0).integers(0, 256, (TRAIN, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal((data.train_images[:, 0] * 255).round().numpy(), pixels)
    assert data.train_labels.tolist() == list(range(TRAIN))
    assert data.test_labels.tolist() == list(range(TEST))


@pytest.mark.parametrize("name", list(CONTENTS))
@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_damaged_file_is_named_and_no_stand_in_hides_it(tmp_path: Path, name: str, damage: str) -> None:
    content = bytearray(CONTENTS[name])
    content[len(content) // 2] ^= 1
    write_files(tmp_path)
    (tmp_path / name).write_bytes(content if damage == "flip" else CONTENTS[name][:-3])
    with pytest.raises(datasets.DamagedFileError, match=f"{name} is damaged"):
        datasets.resolve("mnist", tmp_path, download=True, stand_in=True)


def test_folder_that_lacks_one_of_the_files_is_refused(tmp_path: Path) -> None:
    (write_files(tmp_path) / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(datasets.DamagedFileError, match=r"lacks t10k-labels-idx1-ubyte\.gz"):
        datasets.resolve("mnist", tmp_path, download=True, stand_in=True)


def test_damaged_file_in_the_cache_is_named_when_it_cannot_be_downloaded_again(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "cache" / "depthmark" / "mnist")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"half a download")
    with pytest.raises(datasets.DamagedFileError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        datasets.resolve("mnist", download=True, stand_in=True)


def test_images_and_labels_of_different_number_are_refused(
    tmp_path: Path, small_mnist: IdxImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = idx_labels(TEST)
    monkeypatch.setitem(CONTENTS, "train-labels-idx1-ubyte.gz", content)
    files = tuple(DataFile(name, hashlib.sha256(each).hexdigest()) for name, each in CONTENTS.items())
    unequal = IdxImages(FileGroup("mnist", files), small_mnist.mirrors, name="mnist")
    write_files(tmp_path)
    with pytest.raises(datasets.DamagedFileError, match=r"6 images but .* 3 labels"):
        unequal.load(unequal.find(tmp_path, download=False), tmp_path)


def test_folder_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotADirectoryError, match=r"--data-dir names .*nowhere"):
        find(tmp_path / "nowhere")
    monkeypatch.setenv(datasets.DATA_VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(NotADirectoryError, match=r"DEPTHMARK_DATA names .*elsewhere"):
        find()


def test_without_files_or_network_the_digits_stand_in_or_an_error_names_the_option() -> None:
    version = datasets.resolve("mnist", download=True, stand_in=True)
    assert (version.name, version.stand_in_for) == ("digits", "mnist")
    with pytest.raises(datasets.DataNotFoundError, match=r"could not be downloaded .*--data-dir or DEPTHMARK_DATA"):
        datasets.resolve("mnist", download=True, stand_in=False)
    with pytest.raises(datasets.DataNotFoundError, match="--data-dir or DEPTHMARK_DATA"):
        datasets.resolve("mnist", download=False, stand_in=False)


def test_stand_in_without_download_is_used_even_where_the_files_are(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert datasets.resolve("mnist", tmp_path, download=False, stand_in=True).name == "digits"


def test_version_of_other_bytes_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path)
    other = datasets.resolve("digits", download=False, stand_in=False)
    with pytest.raises(datasets.DamagedFileError, match=r"not .* as asked"):
        datasets.load(type(other)("mnist", other.digest), tmp_path)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown data set 'emnist'; the data sets are mnist, digits"):
        datasets.check("emnist")


def test_check_tells_the_state_of_each_file(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"")
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert [state.state for state in datasets.check("mnist", tmp_path)] == ["damaged", "missing", "intact", "intact"]
    assert [state.state for state in datasets.check("mnist")] == ["missing"] * 4
    assert datasets.check("digits") == []


def test_digest_covers_every_file(small_mnist: IdxImages) -> None:
    digests = {small_mnist.group.digest}
    for index, file in enumerate(small_mnist.group.files):
        files = list(small_mnist.group.files)
        files[index] = DataFile(file.name, hashlib.sha256(b"other").hexdigest())
        digests.add(FileGroup("mnist", tuple(files)).digest)
    assert len(digests) == 5


def test_download_asks_the_next_mirror_when_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def retrieve(url: str, *, known_hash: str, fname: str, path: Path, downloader: object) -> None:
        if url.startswith("http://broken.invalid/"):
            raise ConnectionError(url)
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(CONTENTS[fname])

    monkeypatch.setattr("pooch.retrieve", retrieve)
    small = catalogue.DATA_SETS["mnist"]
    assert isinstance(small, IdxImages)
    download.download(small.group, ("http://broken.invalid/", "http://working.invalid/"))
    assert find() == "mnist"
