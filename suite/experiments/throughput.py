"""Throughput of convolutional networks: precision of products and memory format, as settings that a record keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from suite.declarations import Settings, setting
from suite.models.autocast_forward import forward_in_autocast
from suite.models.product_precision import products_in

PRECISIONS = ("float32", "tf32", "bfloat16")
"""Of convolutions and matrix products: in full; with operands rounded to ten bits by a CUDA device; under autocast."""

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
"""Which axis of images ``[n, channels, height, width]`` and of kernels is the innermost in memory."""

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class ThroughputSettings(Settings):
    """What a paper profile adds to the settings of an experiment that trains convolutional networks.

    The other profiles do without: they are computed in float32 and leave the memory format as it comes.

    Raises:
        ValueError: For an unknown precision or memory format.
    """

    precision: str = setting(
        "tf32",
        ours="float32, tf32 or bfloat16, of convolutions and matrix products in training and in testing on the way; "
        "the papers' cards had the first alone. A rounded field is not smooth, which the error estimate of an adaptive "
        "step may take for dynamics: crosscheck/precision finds the evaluations at tolerances from 1e-1 to 1e-3 "
        "unchanged by tf32, those at 1e-4 by a step at most, and those at 1e-3 raised by bfloat16. Solves that trained "
        "networks are judged by afterwards are in float32 whatever this says",
    )
    memory_format: str = setting(
        "channels_last",
        ours="contiguous or channels_last, of images and kernels; it changes no value beyond rounding, and tensor "
        "cores read the channels last",
    )

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}; the precisions are {', '.join(PRECISIONS)}")
        if self.memory_format not in MEMORY_FORMATS:
            raise ValueError(
                f"unknown memory format {self.memory_format!r}; the formats are {', '.join(MEMORY_FORMATS)}"
            )


@dataclass(frozen=True)
class Throughput:
    """How the networks of a cell are computed.

    Attributes:
        precision: One of ``PRECISIONS``.
        memory_format: Of images and kernels; None leaves each as it comes.
    """

    precision: str = "float32"
    memory_format: torch.memory_format | None = None

    def placed(self, model: Network, device: torch.device) -> Network:
        """Move a network to a device and its kernels into the memory format; return it."""
        model = model.to(device)
        if self.memory_format is not None:
            for parameter in model.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=self.memory_format)
        return model

    def laid_out(self, images: Tensor) -> Tensor:
        """Return images ``[n, channels, height, width]`` in the memory format."""
        return images if self.memory_format is None else images.clone(memory_format=self.memory_format)

    @contextmanager
    def passes_of(self, *models: nn.Module) -> Iterator[None]:
        """Compute forward and backward passes of some networks in the precision, inside the block.

        Weights, their gradients and what the networks return stay in float32.
        """
        with ExitStack() as passes:
            passes.enter_context(products_in(tf32=self.precision == "tf32"))
            if self.precision == "bfloat16":
                for model in models:
                    passes.enter_context(forward_in_autocast(model, torch.bfloat16))
            yield


def throughput_of(settings: Settings) -> Throughput:
    """Return how networks of some settings are computed: as these say, or in float32 where they say nothing."""
    if not isinstance(settings, ThroughputSettings):
        return Throughput()
    return Throughput(settings.precision, MEMORY_FORMATS[settings.memory_format])
