import torch
from torch import Tensor

from suite.datasets.block_model_graph import normalised_adjacency
from suite.models.graph_ode import GraphField
from suite.solvers import odeint

TIMES = torch.tensor([0.0, 1.0])


def adjacency(nodes: int, seed: int) -> Tensor:
    upper = (torch.rand(nodes, nodes, generator=torch.Generator().manual_seed(seed)) < 0.4).double().triu(diagonal=1)
    return normalised_adjacency(upper + upper.t())


def solved(field: GraphField, z: Tensor) -> Tensor:
    states = odeint(field, z, TIMES, rtol=1e-9, atol=1e-9)
    assert isinstance(states, Tensor)
    return states[-1]


def test_flow_commutes_with_a_renaming_of_the_nodes() -> None:
    matrix, z = adjacency(7, 0), torch.randn(7, 3, dtype=torch.float64)
    field = GraphField(matrix, 3, 5).double()
    order = torch.randperm(7)
    renamed = field.on(matrix[order][:, order])
    assert torch.allclose(solved(renamed, z[order]), solved(field, z)[order], rtol=0, atol=1e-7)


def test_graphs_together_flow_as_each_alone_and_share_parameters() -> None:
    matrices, z = [adjacency(5, 1), adjacency(6, 2)], torch.randn(11, 3, dtype=torch.float64)
    field = GraphField(matrices[0], 3, 5).double()
    together = solved(field.on(torch.block_diag(*matrices)), z)
    alone = torch.cat([solved(field, z[:5]), solved(field.on(matrices[1]), z[5:])])
    assert torch.allclose(together, alone, rtol=0, atol=1e-7)
    assert list(field.on(matrices[1]).parameters()) == list(field.parameters())


def test_nodes_without_neighbours_do_not_feel_the_others() -> None:
    edges = torch.zeros(3, 3, dtype=torch.float64)
    edges[0, 1] = edges[1, 0] = 1
    field = GraphField(normalised_adjacency(edges), 2, 4).double()
    z = torch.randn(3, 2, dtype=torch.float64)
    moved = z.clone()
    moved[0] += 1
    assert torch.equal(field(TIMES[0], z)[2], field(TIMES[0], moved)[2])
    assert not torch.allclose(field(TIMES[0], z)[1], field(TIMES[0], moved)[1])
