"""The RNN-VAE: the latent-variable model whose decoder is an RNN over the output times instead of an ODE."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.latent.recognition import RecognitionNetwork


class RecurrentVAE(nn.Module):
    """The fair baseline of the latent ODE (Rubanova et al. 2019, section 4): only the latent dynamics differ.

    The hidden state starts as a linear function of ``z0`` through tanh; gated recurrent units (Cho et al. 2014) take
    it from one output time to the next, with the gap between them as input; the decoder reads the mean of the
    observation off it. A plain tanh RNN forgets ``z0`` within a few steps and does not learn a hundred of them.
    """

    def __init__(self, recognition: RecognitionNetwork, decoder: nn.Module, *, latent: int, hidden: int = 25) -> None:
        """Put the parts together.

        Args:
            recognition: From observations to the posterior of ``z0``.
            decoder: From hidden states ``[..., hidden]`` to means of observations ``[..., values]``.
            latent: Dimension of ``z0``.
            hidden: Hidden units of the decoding RNN.
        """
        super().__init__()
        self.recognition = recognition
        self.initial = nn.Linear(latent, hidden)
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.decoder = decoder

    def encode(
        self, values: Tensor, times: Tensor, mask: Tensor | None = None, *, start: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation of ``q(z0)``, as :class:`RecognitionNetwork` does."""
        posterior: tuple[Tensor, Tensor] = self.recognition(values, times, mask, start=start)
        return posterior

    def latent_path(self, z0: Tensor, times: Tensor) -> Tensor:
        """Return the hidden states at the given times, shape ``[batch, m, hidden]``.

        Args:
            z0: Shape ``[batch, latent]``.
            times: Ascending times common to all samples, shape ``[m]``; the first is the time of ``z0``.
        """
        gaps = torch.diff(times).to(z0)
        first: Tensor = self.initial(z0).tanh().unsqueeze(1)
        if len(gaps) == 0:
            return first
        inputs = gaps.reshape(1, -1, 1).expand(len(z0), -1, 1)
        later, _ = self.rnn(inputs, first.transpose(0, 1).contiguous())
        return torch.cat((first, later), dim=1)

    def decode(self, z0: Tensor, times: Tensor) -> Tensor:
        """Return the means of observations at the given times, shape ``[batch, m, values]``; see ``latent_path``."""
        means: Tensor = self.decoder(self.latent_path(z0, times))
        return means

    def forward(self, values: Tensor, times: Tensor, output_times: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the means at ``output_times``, whose first is the time of ``z0``, for ``z0`` at its posterior mean."""
        mean, _ = self.encode(values, times, mask, start=float(output_times[0]))
        return self.decode(mean, output_times)
