"""A gated recurrent network for series with gaps: it is told the time since what it last saw."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GapGRU(nn.Module):
    """An encoding GRU over the observations, and a decoding one over the times at which values are asked for.

    Both are told time gaps. The decoder starts from what the encoder has read, so that it knows the whole context, and
    at every time reads the last observation before it and its age (carried forward, as Che et al. 2018 do).
    """

    def __init__(self, hidden: int) -> None:
        """Make the network with ``hidden`` units in each GRU."""
        super().__init__()
        self.encoder = nn.GRU(2, hidden, batch_first=True)
        self.decoder = nn.GRU(3, hidden, batch_first=True)
        self.readout = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, values: Tensor, readable: Tensor, times: Tensor) -> Tensor:
        """Return the means at every time of the grid, shape ``[n, m]``.

        Args:
            values: Shape ``[n, m]``; only what may be read has any influence.
            readable: What may be read, shape ``[n, m]``.
            times: Ascending times of the grid, shape ``[m]``.
        """
        grid = times.to(values)
        index = torch.arange(len(grid), device=values.device).expand_as(readable)
        last = torch.where(readable, index, -1).cummax(dim=1).values
        seen = last >= 0
        carried = torch.where(seen, torch.where(readable, values, 0.0).gather(1, last.clamp(min=0)), 0.0)
        age = torch.where(seen, grid - grid[last.clamp(min=0)], grid - grid[0])
        # The encoder reads the grid and keeps its state where nothing is to be read.
        hidden = self._encoded(carried, readable, grid)
        step = torch.diff(grid, prepend=grid[:1]).expand_as(values)
        outputs, _ = self.decoder(torch.stack([carried, age, step], dim=-1), hidden)
        means: Tensor = self.readout(outputs).squeeze(-1)
        return means

    def _encoded(self, carried: Tensor, readable: Tensor, grid: Tensor) -> Tensor:
        """Return the encoder's state after the last observation, shape ``[1, n, hidden]``."""
        order = torch.argsort(readable.int(), dim=1, descending=True, stable=True)
        counts = readable.sum(1)
        at = grid[order]
        inputs = torch.stack([carried.gather(1, order), torch.diff(at, dim=1, prepend=at[:, :1])], dim=-1)
        states, _ = self.encoder(inputs)
        rows = torch.arange(len(counts), device=counts.device)
        last: Tensor = states[rows, (counts - 1).clamp(min=0)]
        return last.unsqueeze(0)
