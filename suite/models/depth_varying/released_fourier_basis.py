"""The functions that the authors' library calls a Fourier basis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.depth_varying.basis import Basis


class ReleasedFourierBasis(Basis):
    """``cos(n u)`` and ``sin(n u)`` with ``u = dilation s + shift``, for as many ``n`` as harmonics, from 0 to there.

    What torchdyn has used since July 2020, behaviour for behaviour, to be compared with :class:`FourierBasis`: the
    frequencies ``n`` are ``linspace(0, harmonics, harmonics)``, so in general no whole numbers, and there is no
    ``2 pi``: the functions are neither orthogonal nor of period 1. The sine of ``n = 0`` is always zero.

    Attributes:
        dilation: Trained, 1 at first.
        shift: Trained, 0 at first.
    """

    def __init__(self, harmonics: int) -> None:
        """Choose the number of frequencies.

        Raises:
            ValueError: For fewer than one.
        """
        super().__init__()
        if harmonics < 1:
            raise ValueError(f"there is at least one harmonic, not {harmonics}")
        self.harmonics = harmonics
        self.size = 2 * harmonics
        self.dilation = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, s: Tensor) -> Tensor:
        """Evaluate the functions, all cosines before the sines; see :class:`Basis`."""
        frequencies = torch.linspace(0, self.harmonics, self.harmonics, dtype=s.dtype, device=s.device)
        angles = (self.dilation * s + self.shift).unsqueeze(-1) * frequencies
        return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
