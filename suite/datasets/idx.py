"""The IDX format: MNIST's big-endian header (magic number, sizes) and the bytes that follow it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.datasets.data_files import DamagedFileError

UNSIGNED_BYTE = 0x08
"""The third byte of the magic number, for 8-bit unsigned entries; the fourth is the number of dimensions."""


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one gzip-compressed IDX file of unsigned bytes.

    Args:
        path: The file.
        dimensions: Number of dimensions it must have: 3 for images, 1 for labels.

    Returns:
        Its array, with the sizes that the header declares.

    Raises:
        DamagedFileError: When it is no gzip file, is cut short, or its header and its length disagree.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(f"{path} cannot be decompressed: {error}") from error
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DamagedFileError(f"{path} holds {len(content)} bytes, fewer than the {header} of an IDX header")
    magic = bytes((0, 0, UNSIGNED_BYTE, dimensions))
    if content[:4] != magic:
        raise DamagedFileError(f"{path} begins with {content[:4].hex()}, not the IDX magic number {magic.hex()}")
    sizes = tuple(int(size) for size in np.frombuffer(content, dtype=">u4", count=dimensions, offset=4))
    entries = np.frombuffer(content, dtype=np.uint8, offset=header)
    if entries.size != np.prod(sizes, dtype=np.int64):
        raise DamagedFileError(f"{path} declares sizes {sizes} but holds {entries.size} bytes of data")
    return entries.reshape(sizes)
