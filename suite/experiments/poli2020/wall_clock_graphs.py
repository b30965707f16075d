"""A prediction as one CUDA graph: all its kernels replayed by one launch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.solvers.graphs.recorder import recorded, recorder_for

Predict = Callable[[Tensor], Tensor]


def captured(predict: Predict, images: Tensor) -> Callable[[], Tensor]:
    """Return a function that replays a prediction of some images, and returns the scores.

    Args:
        predict: From images to scores, without waiting for the host.
        images: On a CUDA device.

    Raises:
        TypeError: On another device.
    """
    recorder = recorder_for(images.device)
    if recorder is None:
        raise TypeError(f"a prediction is captured on a CUDA device, not on {images.device}")
    scores = torch.empty_like(predict(images))

    def work() -> None:
        scores.copy_(predict(images))

    launch = recorded(recorder, work)

    def replay() -> Tensor:
        launch()
        return scores

    return replay
