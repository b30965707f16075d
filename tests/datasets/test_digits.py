import pytest
import torch
from sklearn.datasets import load_digits

from suite import datasets
from suite.declarations import DataVersion


@pytest.fixture(scope="module")
def digits() -> datasets.ImageClassification:
    data = datasets.load(datasets.resolve("mnist", download=False, stand_in=True))
    assert isinstance(data, datasets.ImageClassification)
    return data


def test_version_says_what_it_stands_in_for(digits: datasets.ImageClassification) -> None:
    assert (digits.version.name, digits.version.stand_in_for) == ("digits", "mnist")


def test_images_have_the_form_of_mnist(digits: datasets.ImageClassification) -> None:
    for images in (digits.train_images, digits.test_images):
        assert images.shape[1:] == (1, 28, 28)
        assert images.dtype == torch.float32
        assert images.min() >= 0
        assert images.max() <= 1


def test_split_is_stratified_and_complete(digits: datasets.ImageClassification) -> None:
    of_all = torch.from_numpy(load_digits().target).bincount()
    of_test = digits.test_labels.bincount()
    assert torch.equal(of_test, of_all // 5)
    assert torch.equal(digits.train_labels.bincount() + of_test, of_all)


def test_enlarging_keeps_the_mean_brightness(digits: datasets.ImageClassification) -> None:
    images = torch.cat((digits.train_images, digits.test_images))
    original = torch.from_numpy(load_digits().images).float() / 16
    # Bilinear enlargement by 3.5 weighs pixels evenly but for the edge, which repeats.
    assert images.mean().item() == pytest.approx(original.mean().item(), rel=0.02)


def test_other_digest_is_refused() -> None:
    with pytest.raises(datasets.DamagedFileError, match="not 0000 as asked"):
        datasets.load(DataVersion("digits", "0000"))


def test_first_images_keep_their_classes_when_they_are_changed(digits: datasets.ImageClassification) -> None:
    some = digits.first(5, 10**6, torch.device("cpu"))
    assert torch.equal(some.train_images, digits.train_images[:5])
    assert torch.equal(some.test_images, digits.test_images)
    brighter = some.with_images(lambda images: images + 1)
    assert torch.equal(brighter.train_images, digits.train_images[:5] + 1)
    assert torch.equal(brighter.test_images, digits.test_images + 1)
    assert torch.equal(brighter.train_labels, digits.train_labels[:5])
    assert brighter.version == digits.version
