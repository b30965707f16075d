import numpy as np
import pytest
import torch
from scipy.sparse import csgraph

from suite.datasets.block_model_graph import BlockModelGraph, normalised_adjacency


def test_normalised_adjacency_is_one_minus_the_laplacian_of_scipy() -> None:
    upper = np.triu(np.random.default_rng(1).random((12, 12)) < 0.3, 1).astype(float)
    edges = upper + upper.T
    # A loop leaves the Laplacian D - A as it is, and adds one to a degree.
    degrees = torch.from_numpy(edges.sum(axis=1) + 1)
    laplacian = torch.from_numpy(csgraph.laplacian(edges))
    scale = degrees.rsqrt()
    found = normalised_adjacency(torch.from_numpy(edges))
    unit = torch.eye(12, dtype=torch.float64)
    assert torch.allclose(found, unit - scale[:, None] * laplacian * scale, rtol=0, atol=1e-14)
    # Its largest eigenvalue is 1, with the square roots of the degrees as eigenvector.
    assert torch.allclose(found @ degrees.sqrt(), degrees.sqrt(), rtol=0, atol=1e-12)
    assert float(torch.linalg.eigvalsh(found).max()) < 1 + 1e-12


def test_edges_are_as_frequent_as_said_and_features_lie_around_their_community() -> None:
    model = BlockModelGraph(communities=2, members=400, inside=0.2, between=0.05, noise=0.5)
    graph = model.sample(torch.Generator().manual_seed(0))
    edges = (graph.adjacency > 0).numpy() & ~np.eye(800, dtype=bool)
    assert (edges == edges.T).all()
    same = (graph.communities[:, None] == graph.communities).numpy() & ~np.eye(800, dtype=bool)
    assert edges[same].mean() == pytest.approx(0.2, abs=0.01)
    assert edges[~same & ~np.eye(800, dtype=bool)].mean() == pytest.approx(0.05, abs=0.005)
    centre = graph.features[graph.communities == 1]
    assert centre.mean(dim=0).tolist() == pytest.approx([-1.0, 0.0], abs=0.15)
    assert float((centre - centre.mean(dim=0)).square().mean().sqrt()) == pytest.approx(0.5, abs=0.04)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        BlockModelGraph(inside=1.2)
    with pytest.raises(ValueError, match="positive"):
        BlockModelGraph(members=0)
