"""Data sets by the names that readers know."""

from __future__ import annotations

_NAMES = {
    "digits": "scikit-learn's digits",
    "colour-digits": "scikit-learn's digits in colour",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "cifar10-split": "the last 5,000 training images of CIFAR-10, trained on the others",
}


def data_name(name: str) -> str:
    """Return the usual name of a data set, or its own where we know no other."""
    return _NAMES.get(name, name)


def stand_in_words(data: str, replaced: str) -> str:
    """Say which data stood in for which: ``on scikit-learn's digits, standing in for MNIST``."""
    return f"on {data_name(data)}, standing in for {data_name(replaced)}"
