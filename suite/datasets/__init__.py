"""Data sets: found, checked against their published digests, and decoded."""

from suite.datasets.catalogue import DATA_SETS, check, fetch, load, resolve
from suite.datasets.data_files import DATA_VARIABLE, DamagedFileError, DataNotFoundError, FileState
from suite.datasets.data_set import DataSet
from suite.datasets.image_classification import ImageClassification
from suite.datasets.random_crop import RandomCrop

__all__ = [
    "DATA_SETS",
    "DATA_VARIABLE",
    "DamagedFileError",
    "DataNotFoundError",
    "DataSet",
    "FileState",
    "ImageClassification",
    "RandomCrop",
    "check",
    "fetch",
    "load",
    "resolve",
]
