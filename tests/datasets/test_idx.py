import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from suite.datasets import DamagedFileError
from suite.datasets.idx import read_idx

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = bytes((0, 0, 8, 3)) + struct.pack(">3I", 2, 3, 4) + PIXELS.tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_reads_the_sizes_of_the_header_and_the_bytes_after_it(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_idx(write(tmp_path / "images.gz", CONTENT), dimensions=3), PIXELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:-1], "declares sizes .2, 3, 4. but holds 23 bytes"),
        (CONTENT + b"\0", "declares sizes .2, 3, 4. but holds 25 bytes"),
        (CONTENT[:10], "holds 10 bytes, fewer than the 16"),
        (bytes((0, 0, 8, 1)) + CONTENT[4:], "begins with 00000801, not the IDX magic number 00000803"),
        (bytes((0, 0, 9, 3)) + CONTENT[4:], "begins with 00000903"),
    ],
)
def test_refuses_a_file_whose_header_and_length_disagree(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DamagedFileError, match=f"images.gz.*{message}"):
        read_idx(write(tmp_path / "images.gz", content), dimensions=3)


def test_refuses_sizes_whose_product_overflows_32_bits(tmp_path: Path) -> None:
    content = bytes((0, 0, 8, 3)) + struct.pack(">3I", 2**16, 2**16, 1)
    with pytest.raises(DamagedFileError, match="holds 0 bytes"):
        read_idx(write(tmp_path / "images.gz", content), dimensions=3)


@pytest.mark.parametrize("cut", [5, 20, -1, -9])
def test_refuses_a_gzip_file_that_is_cut_short(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(CONTENT)[:cut])
    with pytest.raises(DamagedFileError, match=r"images.gz cannot be decompressed"):
        read_idx(path, dimensions=3)


def test_refuses_what_is_no_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(CONTENT)
    with pytest.raises(DamagedFileError, match=r"images.gz cannot be decompressed"):
        read_idx(path, dimensions=3)
