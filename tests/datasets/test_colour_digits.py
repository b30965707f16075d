import pytest
import torch

from suite import datasets
from suite.datasets.colour_digits import coloured
from suite.datasets.digits import DIGITS
from suite.declarations import DataVersion


@pytest.fixture(scope="module")
def digits() -> datasets.ImageClassification:
    data = datasets.load(datasets.resolve("cifar10", download=False, stand_in=True))
    assert isinstance(data, datasets.ImageClassification)
    return data


def test_version_says_what_it_stands_in_for(digits: datasets.ImageClassification) -> None:
    assert (digits.version.name, digits.version.stand_in_for) == ("colour-digits", "cifar10")


def test_images_have_the_form_of_cifar10_and_the_split_of_the_grey_digits(digits: datasets.ImageClassification) -> None:
    grey = DIGITS.load(DIGITS.find(None, download=False), None)
    assert torch.equal(digits.train_labels, grey.train_labels)
    assert torch.equal(digits.test_labels, grey.test_labels)
    for images in (digits.train_images, digits.test_images):
        assert images.shape[1:] == (3, 32, 32)
        assert images.min() >= 0
        assert images.max() <= 1


def test_they_are_the_same_each_time(digits: datasets.ImageClassification) -> None:
    again = datasets.load(digits.version)
    assert isinstance(again, datasets.ImageClassification)
    assert torch.equal(again.train_images, digits.train_images)


def test_dark_and_bright_pixels_have_the_two_colours_and_each_plane_is_the_shape() -> None:
    grey = torch.zeros(2, 1, 32, 32)
    grey[:, :, 4:9, 5:20] = 1
    images = coloured(grey, torch.Generator().manual_seed(3))
    for image in images:
        assert (image.flatten(1) == image[:, :1, 0]).sum(dim=1).tolist() == [32 * 32 - 75] * 3
        assert (image[:, 4, 5] >= 0.5).all()
        assert (image[:, 0, 0] <= 0.5).all()
    assert not torch.allclose(images[0], images[1])


def test_colours_say_nothing_of_the_class(digits: datasets.ImageClassification) -> None:
    # The mean colour of a class differs from that of all by no more than its sampling error allows.
    background = digits.train_images[:, :, 0, 0]
    error = 0.5 / 12**0.5 / (len(background) / 10) ** 0.5
    means = torch.stack([background[digits.train_labels == digit].mean(dim=0) for digit in range(10)])
    assert (means - background.mean(dim=0)).abs().max() < 4 * error


def test_other_digests_are_refused() -> None:
    with pytest.raises(datasets.DamagedFileError, match="not 0000 as asked"):
        datasets.load(DataVersion("colour-digits", "0000"))
