"""Random graphs with communities (the stochastic block model of Holland, Laskey and Leinhardt 1983), generated here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CommunityGraph:
    """A graph with node features and communities.

    Attributes:
        adjacency: ``D^(-1/2) (A + I) D^(-1/2)``, shape ``[nodes, nodes]``, in single precision.
        features: Shape ``[nodes, 2]``, in single precision.
        communities: Shape ``[nodes]``.
    """

    adjacency: Tensor
    features: Tensor
    communities: Tensor

    def to(self, device: torch.device) -> CommunityGraph:
        """Return the graph on a device."""
        return CommunityGraph(self.adjacency.to(device), self.features.to(device), self.communities.to(device))


@dataclass(frozen=True)
class BlockModelGraph:
    """Equal communities whose members know each other more often than others, with weak features.

    A node's two features are the place of its community on the unit circle plus Gaussian noise.

    Attributes:
        communities: Number of communities.
        members: Nodes of each.
        inside: Probability of an edge within a community.
        between: Probability of an edge between two of them.
        noise: Standard deviation of each feature's noise.
    """

    communities: int = 3
    members: int = 80
    inside: float = 0.12
    between: float = 0.03
    noise: float = 1.0

    def __post_init__(self) -> None:
        if min(self.communities, self.members) < 1 or self.noise < 0:
            raise ValueError(f"communities and members are positive and noise is not negative, unlike {self}")
        if not 0 <= self.between <= 1 or not 0 <= self.inside <= 1:
            raise ValueError(f"probabilities lie between 0 and 1, unlike {self.inside} and {self.between}")

    def sample(self, generator: torch.Generator) -> CommunityGraph:
        """Draw a graph; its tensors are on the generator's device."""
        device = generator.device
        labels = torch.arange(self.communities, device=device).repeat_interleave(self.members)
        chance = torch.where(labels[:, None] == labels, self.inside, self.between)
        drawn = torch.rand(len(labels), len(labels), generator=generator, device=device) < chance
        upper = drawn.triu(diagonal=1)
        edges = (upper | upper.t()).float()
        angle = 2 * math.pi / self.communities * labels
        noise = torch.randn(len(labels), 2, generator=generator, device=device)
        features = torch.stack([angle.cos(), angle.sin()], dim=1) + self.noise * noise
        return CommunityGraph(normalised_adjacency(edges), features, labels)


def normalised_adjacency(edges: Tensor) -> Tensor:
    """Return ``D^(-1/2) (A + I) D^(-1/2)`` of a symmetric matrix of edges ``A`` with degrees ``D`` of ``A + I``."""
    looped = edges + torch.eye(len(edges), dtype=edges.dtype, device=edges.device)
    scale = looped.sum(dim=1).rsqrt()
    return scale[:, None] * looped * scale
