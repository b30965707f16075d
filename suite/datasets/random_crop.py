"""Random crops of padded images, taken on the device that holds the images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class RandomCrop:
    """Images padded with zeros once, from which batches of shifted images are gathered.

    Only the index tensors differ between batches, so a batch costs one gather and no copy from the host.
    """

    def __init__(self, images: Tensor, padding: int) -> None:
        """Pad the images.

        Args:
            images: Shape ``[n, channels, height, width]``.
            padding: Pixels of zeros added on each side.
        """
        self.padding = padding
        self.padded = functional.pad(images, (padding, padding, padding, padding))
        self.rows = torch.arange(images.shape[2], device=images.device)
        self.columns = torch.arange(images.shape[3], device=images.device)

    def draw_offsets(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw where ``count`` crops begin: int64 in 0..2*padding, shape ``[count, 2]`` (row, column), on the CPU."""
        return torch.randint(2 * self.padding + 1, (count, 2), generator=generator)

    def crop(self, indices: Tensor, offsets: Tensor) -> Tensor:
        """Gather crops of the images' own size.

        Args:
            indices: Which images, shape ``[batch]``.
            offsets: First row and column of each crop in the padded image, shape ``[batch, 2]``; ``padding`` in both
                gives the image itself.

        Returns:
            Shape ``[batch, channels, height, width]``.
        """
        rows = (offsets[:, :1] + self.rows)[:, :, None]
        columns = (offsets[:, 1:] + self.columns)[:, None, :]
        # Two index arrays around a slice put the channels last in the result.
        return self.padded[indices[:, None, None], :, rows, columns].movedim(-1, 1)
