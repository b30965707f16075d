"""Training and testing an image classifier on data that stay on the device."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from suite.datasets import RandomCrop


class TrainingBatches:
    """Batches of randomly shifted images in random order; the last, smaller batch of an epoch is dropped.

    Everything random is drawn from the given generator on the CPU, once for each epoch, so that models trained with
    equal generators see equal batches.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        batch_size: int,
        padding: int,
        generator: torch.Generator,
        memory_format: torch.memory_format | None = None,
    ) -> None:
        """Hold the data where they are.

        Args:
            images: Shape ``[n, channels, height, width]``.
            labels: Classes, shape ``[n]``.
            batch_size: Images in a batch.
            padding: Pixels by which a crop may be shifted in each direction.
            generator: The source of order and shifts, on the CPU.
            memory_format: Of the batches; None leaves them as they are gathered, which is with the channels last.

        Raises:
            ValueError: When there are fewer images than one batch holds.
        """
        if len(images) < batch_size:
            raise ValueError(f"a batch of {batch_size} images cannot be drawn from {len(images)} training images")
        self.labels = labels
        self.batch_size = batch_size
        self.crops = RandomCrop(images, padding)
        self.generator = generator
        self.memory_format = memory_format

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.labels) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of one epoch: images ``[batch, channels, height, width]`` and labels ``[batch]``."""
        device = self.labels.device
        order = torch.randperm(len(self.labels), generator=self.generator).to(device)
        offsets = self.crops.draw_offsets(len(self.labels), self.generator).to(device)
        for batch in range(len(self)):
            chosen = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
            images = self.crops.crop(order[chosen], offsets[chosen])
            if self.memory_format is torch.contiguous_format:
                images = images.clone(memory_format=torch.contiguous_format)  # of one channel, too
            yield images, self.labels[order[chosen]]


def train_epoch(model: nn.Module, optimiser: Optimizer, batches: TrainingBatches) -> float:
    """Take one optimiser step for every batch of an epoch; the host waits for the device once, at the end.

    Returns:
        Mean cross-entropy over the epoch in nats.

    Raises:
        FloatingPointError: When that mean is not finite.
    """
    model.train()
    total = torch.zeros((), device=batches.labels.device)
    for images, labels in batches:
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        total += loss.detach()
    mean = float(total) / len(batches)
    if not math.isfinite(mean):
        raise FloatingPointError(f"training diverged: the mean loss of the epoch is {mean}")
    return mean


@torch.no_grad()
def error_percent(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int) -> float:
    """Return the percentage of images that a model puts into a wrong class."""
    model.eval()
    wrong = torch.zeros((), dtype=torch.int64, device=labels.device)
    for some_images, some_labels in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        wrong += (model(some_images).argmax(dim=1) != some_labels).sum()
    return 100 * int(wrong) / len(labels)
