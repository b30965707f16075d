import torch
from torch.nn import functional

from suite.datasets import RandomCrop


def test_crop_is_the_image_shifted_with_zeros_coming_in() -> None:
    images = torch.rand(5, 2, 6, 7) + 1
    crop = RandomCrop(images, padding=2)
    indices = torch.tensor([3, 0, 4])
    offsets = torch.tensor([[0, 4], [2, 2], [3, 1]])
    shifted = crop.crop(indices, offsets)
    for image, index, (row, column) in zip(shifted, indices, offsets.tolist(), strict=True):
        expected = functional.pad(images[index], (2 - column, column - 2, 2 - row, row - 2))
        assert torch.equal(image, expected)


def test_centred_offsets_give_the_image_itself() -> None:
    images = torch.rand(4, 1, 5, 5)
    crop = RandomCrop(images, padding=3)
    assert torch.equal(crop.crop(torch.arange(4), torch.full((4, 2), 3)), images)


def test_offsets_cover_the_whole_range_evenly() -> None:
    crop = RandomCrop(torch.rand(1, 1, 28, 28), padding=4)
    offsets = crop.draw_offsets(9_000, torch.Generator().manual_seed(0))
    for axis in range(2):
        counts = offsets[:, axis].bincount()
        assert len(counts) == 9
        # Each of nine values is drawn 1000 times on average, with a standard deviation of 30.
        assert (counts - 1000).abs().max() < 150
