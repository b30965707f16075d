"""Windows of a real series: what a forecast may read, and the times at which it is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from suite.datasets.real_series import RealSeries


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one part of a series, on the same grid of times relative to their start.

    Values are deviations from the trend in standard deviations of the training part, centred on the mean of what may be
    read in their own window; 0 where a value is missing.

    Attributes:
        times: Times of the grid in periods of the series, shape ``[m]``.
        values: Shape ``[n, m]``.
        present: Where the series has a value, shape ``[n, m]``.
        readable: What a model may read: present, in the context and not held out; shape ``[n, m]``.
        context: Steps of the context; the others are the forecast.
        starts: Index in the series of the start of each window, shape ``[n]``.
    """

    times: Tensor
    values: Tensor
    present: Tensor
    readable: Tensor
    context: int
    starts: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device) -> Windows:
        """Return the windows on a device; the grid of times stays on the host, where a solver reads it."""
        values, present, readable = (part.to(device) for part in (self.values, self.present, self.readable))
        return Windows(self.times, values, present, readable, self.context, self.starts)

    def select(self, chosen: Tensor) -> Windows:
        """Return some of the windows, by index."""
        there = chosen.to(self.values.device)
        values, present, readable = (part[there] for part in (self.values, self.present, self.readable))
        return Windows(self.times, values, present, readable, self.context, self.starts[chosen])

    def targets(self, task: str) -> Tensor:
        """Return where a task is scored, shape ``[n, m]``.

        Args:
            task: ``forecast``, values after the context, or ``interpolation``, values held out inside it.

        Raises:
            ValueError: For another task.
        """
        late = torch.arange(len(self.times), device=self.values.device) >= self.context
        if task == "forecast":
            return self.present & late
        if task == "interpolation":
            return self.present & ~self.readable & ~late
        raise ValueError(f"a task is 'forecast' or 'interpolation', not {task!r}")

    def observations(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what may be read, packed to the left: values, times and mask, each of shape ``[n, longest]``."""
        order = torch.argsort(self.readable.int(), dim=1, descending=True, stable=True)
        order = order[:, : int(self.readable.sum(1).max())]
        times = self.times.to(self.values).expand_as(self.values)
        return self.values.gather(1, order), times.gather(1, order), self.readable.gather(1, order)


@dataclass(frozen=True, eq=False)
class SplitSeries:
    """A series split by time into windows to train, validate and test on, none of which straddles a border.

    Attributes:
        series: What it is of.
        parts: Windows of ``train``, ``validation`` and ``test``.
        missing: Number of steps of each part whose value is really missing.
        sizes: Number of steps of each part.
        scale: Standard deviation of the training part around its trend, in the series' unit.
        standardised: The deviations of the training part, shape ``[n]``; not-a-number where one is missing.
    """

    series: RealSeries
    parts: Mapping[str, Windows]
    missing: Mapping[str, int]
    sizes: Mapping[str, int]
    scale: float
    standardised: Tensor


def split(series: RealSeries, held_out: float, generator: torch.Generator) -> SplitSeries:
    """Split a series and hold out a share of the values in the context of every window.

    Trend and scale are those of the training part. A window in which fewer than two values may be read is dropped.

    Args:
        series: The series.
        held_out: Probability of a value in the context to be held out for the interpolation task.
        generator: A CPU generator.

    Raises:
        ValueError: When the share is not in [0, 1).
    """
    if not 0 <= held_out < 1:
        raise ValueError(f"a share in [0, 1) can be held out, not {held_out:g}")
    raw = series.values()
    ends = [0, round(series.train * len(raw)), round((series.train + series.validation) * len(raw)), len(raw)]
    steps = np.arange(len(raw)) / ends[1]
    known = ~np.isnan(raw.numpy()[: ends[1]])
    trend = np.polynomial.Polynomial.fit(steps[: ends[1]][known], raw.numpy()[: ends[1]][known], series.trend)
    deviations = raw - torch.from_numpy(np.asarray(trend(steps)))
    scale = float(np.nanstd(deviations[: ends[1]].numpy()))
    deviations = deviations / scale
    parts, missing, sizes = {}, {}, {}
    for part, start, end in zip(("train", "validation", "test"), ends[:-1], ends[1:], strict=True):
        parts[part] = _windows(series, deviations[start:end], start, held_out, generator)
        missing[part], sizes[part] = int(deviations[start:end].isnan().sum()), end - start
    return SplitSeries(series, parts, missing, sizes, scale, deviations[: ends[1]])


def _windows(
    series: RealSeries, deviations: Tensor, offset: int, held_out: float, generator: torch.Generator
) -> Windows:
    values = deviations.unfold(0, series.length, series.stride)
    starts = offset + series.stride * torch.arange(len(values))
    present = ~values.isnan()
    in_context = torch.arange(series.length) < series.context
    kept = torch.rand(values.shape, generator=generator, dtype=torch.float64) >= held_out
    readable = present & in_context & kept
    enough = readable.sum(1) >= 2
    values, present, readable = values[enough].nan_to_num(0.0), present[enough], readable[enough]
    mean = (values * readable).sum(1, keepdim=True) / readable.sum(1, keepdim=True)
    times = torch.arange(series.length, dtype=torch.float64) / series.period
    return Windows(times, (values - mean) * present, present, readable, series.context, starts[enough])
