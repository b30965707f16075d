import os
from pathlib import Path

import pytest

from suite import datasets

FOLDERS = [os.environ.get(datasets.DATA_VARIABLE), Path(__file__).parents[3] / "shared" / "data"]
DATA_DIR = next((Path(each) for each in FOLDERS if each and (Path(each) / "mnist").is_dir()), None)


@pytest.mark.mnist
@pytest.mark.skipif(DATA_DIR is None, reason="no folder mnist/ in DEPTHMARK_DATA or in ../shared/data")
def test_real_mnist_has_the_published_sizes_classes_and_mean() -> None:
    data = datasets.load(datasets.resolve("mnist", DATA_DIR, download=False, stand_in=False), DATA_DIR)
    assert isinstance(data, datasets.ImageClassification)
    assert data.train_images.shape == (60_000, 1, 28, 28)
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.train_labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test_labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.train_images.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert data.train_images.std().item() == pytest.approx(0.3081, abs=5e-5)
