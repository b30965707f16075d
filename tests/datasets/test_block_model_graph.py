import networkx
import numpy as np
import pytest
import torch

from suite.datasets.block_model_graph import BlockModelGraph, normalised_adjacency


def test_normalised_adjacency_is_one_minus_the_laplacian_of_networkx() -> None:
    graph = networkx.gnp_random_graph(12, 0.3, seed=1)
    edges = torch.from_numpy(networkx.to_numpy_array(graph)).double()
    graph.add_edges_from((node, node) for node in list(graph))
    degrees = edges.sum(dim=1) + 1
    expected = (edges + torch.eye(12, dtype=torch.float64)) / (degrees[:, None] * degrees).sqrt()
    found = normalised_adjacency(edges)
    assert torch.allclose(found, expected, rtol=0, atol=1e-14)
    # Its largest eigenvalue is 1, with the square roots of the degrees as eigenvector.
    assert torch.allclose(found @ degrees.sqrt(), degrees.sqrt(), rtol=0, atol=1e-12)


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
