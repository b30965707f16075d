"""Replicas: each slice is its module, in value, gradient and training; and what depends on others is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from suite.harness import meters
from suite.models.augmentation import ZeroAugmentation
from suite.models.data_control import ConditionConcatenation
from suite.models.depth_varying import DepthField, StackedField
from suite.models.replicas import Replicas, elementwise, field_replicas, put_back
from suite.models.scalar_maps import AdaptiveMap, ControlledMap, FlowMap, ReplicatedMap, ScalarMap
from suite.models.two_layer_fields import DEPENDENCES, Dependence, two_layer_field
from suite.solvers import solve


def fields(dependence: Dependence, count: int = 3) -> list[nn.Module]:
    """Fields that differ in all of their parameters, in double precision."""
    torch.manual_seed(5)
    made: list[nn.Module] = [two_layer_field(dependence, 2, 5, pieces=4).double() for _ in range(count)]
    for field in made:
        for parameter in field.parameters():
            nn.init.normal_(parameter)
    return made


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_values_and_gradients_are_those_of_every_field(dependence: Dependence) -> None:
    alone = fields(dependence)
    together = field_replicas(alone)
    z = torch.randn(3, 7, 2, dtype=torch.float64)
    for depth in (0.1, 0.6):
        s = torch.tensor(depth, dtype=torch.float64)
        values = torch.stack([field(s, each) for field, each in zip(alone, z, strict=True)])
        found = together(s, z)
        torch.testing.assert_close(found, values, rtol=1e-13, atol=1e-13)
        weights = torch.randn_like(values)
        (found * weights).sum().backward()
        (values * weights).sum().backward()
    numbers = torch.cat([each.grad.flatten() for each in together.parameters() if each.grad is not None]).sort().values
    expected = torch.cat(
        [each.grad.flatten() for field in alone for each in field.parameters() if each.grad is not None]
    )
    # No entry of a gradient is another's by chance, so that the sorted ones are equal only if all are.
    torch.testing.assert_close(numbers[numbers != 0], expected.sort().values[expected.sort().values != 0])


def test_every_replica_can_have_a_time_of_its_own() -> None:
    alone = fields("fourier")
    times = torch.tensor([0.1, 0.4, 0.9], dtype=torch.float64)
    z = torch.randn(3, 7, 2, dtype=torch.float64)
    values = torch.stack([field(s, each) for field, s, each in zip(alone, times, z, strict=True)])
    torch.testing.assert_close(field_replicas(alone)(times, z), values, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.Adam(parameters, lr=0.05),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.1),
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
    ],
)
def test_training_together_is_training_each_alone(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
) -> None:
    alone = fields("constant")
    copies = copy.deepcopy(alone)
    together = field_replicas(copies)
    z0 = torch.randn(3, 6, 2, dtype=torch.float64)
    target = torch.randn(3, 6, 2, dtype=torch.float64)

    def ends(field: nn.Module, start: Tensor) -> Tensor:
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        return torch.as_tensor(solve(field, start, t, method="rk4", options={"step_size": 0.25}).states)[-1]

    optimiser = elementwise(make(list(together.parameters())))
    for _ in range(15):
        optimiser.zero_grad()
        (ends(together, z0) - target).square().mean(dim=(1, 2)).sum().backward()
        optimiser.step()
    before = [parameter.clone() for parameter in copies[1].parameters()]
    put_back(together)
    assert not any(map(torch.equal, before, copies[1].parameters()))
    for number, field in enumerate(alone):
        optimiser = make(list(field.parameters()))
        for _ in range(15):
            optimiser.zero_grad()
            (ends(field, z0[number]) - target[number]).square().mean().backward()
            optimiser.step()
        for one, other in zip(field.parameters(), copies[number].parameters(), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-12)


def test_what_vectorisation_decides_is_written_down_once_and_holds_no_empty_operations() -> None:
    together = Replicas(fields("constant"))
    s, z = torch.tensor(0.0, dtype=torch.float64), torch.randn(3, 7, 2, dtype=torch.float64)
    together(s, z), together(s, z + 1), together(s, z[:, :4])
    assert len(together._graphs) == 2
    graph = next(iter(together._graphs.values()))
    called = [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]
    assert called == [
        "aten.transpose.int", "aten.view.default", "aten.baddbmm.default", "aten.tanh.default",
        "aten.transpose.int", "aten.view.default", "aten.baddbmm.default",
    ]  # fmt: skip


def test_pieces_of_a_stacked_field_share_one_graph() -> None:
    together = field_replicas(fields("stacked"))
    assert isinstance(together, StackedField)
    z = torch.randn(3, 7, 2, dtype=torch.float64)
    for depth in (0.1, 0.3, 0.6, 0.9):
        together(torch.tensor(depth, dtype=torch.float64), z)
    graphs = {id(piece._graphs) for piece in together.fields if isinstance(piece, Replicas)}
    assert len(graphs) == 1


def test_modules_of_different_architectures_are_refused() -> None:
    for others in ([nn.Linear(2, 3)], [nn.Linear(2, 2).double()], [nn.Sequential(nn.Linear(2, 2))]):
        with pytest.raises(ValueError, match="one architecture: equal in structure, shapes and dtypes"):
            Replicas([nn.Linear(2, 2), *others])
    with pytest.raises(ValueError, match="one architecture"):
        Replicas([])
    stacked = [two_layer_field("stacked", 2, 3, pieces=pieces) for pieces in (2, 3)]
    with pytest.raises(ValueError, match="stacked fields of as many pieces"):
        field_replicas(stacked)


def test_random_numbers_of_a_module_are_refused() -> None:
    modules = [nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)) for _ in range(2)]
    with pytest.raises(RuntimeError, match="random"):
        Replicas(modules)(torch.randn(2, 4, 2))


def test_an_optimiser_that_mixes_replicas_is_refused() -> None:
    parameters = [nn.Parameter(torch.zeros(2))]
    with pytest.raises(ValueError, match="trained by one of Adam, AdamW, RMSprop, SGD, not by LBFGS"):
        elementwise(torch.optim.LBFGS(parameters))


def network(inputs: int, outputs: int) -> DepthField:
    return DepthField(nn.Linear(inputs, 6), nn.Tanh(), nn.Linear(6, outputs))


MAPS: dict[str, Callable[[], ScalarMap]] = {
    "flow": lambda: FlowMap(network(1, 1), 1e-4),
    "augmented": lambda: FlowMap(network(2, 2), 1e-4, into=ZeroAugmentation(1), out=nn.Linear(2, 1)),
    "controlled": lambda: ControlledMap(ConditionConcatenation(network(2, 1)), 1e-4),
}


@pytest.mark.parametrize("kind", MAPS)
def test_replicated_maps_take_the_steps_that_each_takes_alone(kind: str) -> None:
    torch.manual_seed(11)
    alone = [MAPS[kind]().double() for _ in range(3)]
    with torch.no_grad():
        for number, each in enumerate(alone):  # the last needs the most steps by far
            for parameter in each.parameters():
                parameter.mul_(1 + 3 * number)
    together = ReplicatedMap(alone)
    x = torch.linspace(-1, 1, 9, dtype=torch.float64).unsqueeze(1)
    values = torch.stack([each(x) for each in alone])
    assert len({each.nfe for each in alone}) > 1
    found = together(x)
    # Joint control would differ by about the tolerance of 1e-4.
    torch.testing.assert_close(found, values, rtol=1e-11, atol=1e-12)
    found.square().sum().backward()
    values.square().sum().backward()
    ours = torch.cat([parameter.grad.flatten() for parameter in together.parameters() if parameter.grad is not None])
    theirs = torch.cat([each.grad.flatten() for model in alone for each in model.parameters() if each.grad is not None])
    torch.testing.assert_close(ours.sort().values, theirs.sort().values, rtol=1e-9, atol=1e-11)


def operations_of(training_step: Callable[[], object]) -> float:
    training_step()  # the graph of replicas is made
    with meters.operations() as counted:
        training_step()
    return counted.value


@pytest.mark.parametrize(("dependence", "bound"), [("constant", 1.01), ("stacked", 1.01), ("fourier", 1.1)])
def test_on_a_fixed_grid_all_fields_launch_as_many_operations_as_one(dependence: Dependence, bound: float) -> None:
    alone = fields(dependence)
    together = field_replicas(copy.deepcopy(alone))
    z0 = torch.randn(3, 6, 2, dtype=torch.float64)

    def train(field: nn.Module, start: Tensor) -> None:
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        solution = solve(field, start, t, method="rk4", options={"step_size": 0.05})
        torch.as_tensor(solution.states)[-1].square().sum().backward()

    one = operations_of(lambda: train(alone[0], z0[0]))
    assert operations_of(lambda: train(together, z0)) <= bound * one


@pytest.mark.parametrize("kind", MAPS)
def test_with_steps_of_their_own_three_maps_launch_less_than_two_alone(kind: str) -> None:
    alone = [MAPS[kind]().double() for _ in range(3)]
    together = ReplicatedMap(copy.deepcopy(alone))
    x = torch.linspace(-1, 1, 9, dtype=torch.float64).unsqueeze(1)
    each = [operations_of(lambda model=model: model(x).square().sum().backward()) for model in alone]  # type: ignore[misc]
    assert operations_of(lambda: together(x).square().sum().backward()) < 2 * max(each)


def test_maps_that_would_have_to_share_their_steps_are_refused() -> None:
    stacked = FlowMap(StackedField([network(1, 1), network(1, 1)]), 1e-4)
    adaptive = AdaptiveMap(network(1, 1), nn.Linear(1, 1), "positive", 1e-4)
    for refused in (stacked, adaptive):
        assert not ReplicatedMap.takes(refused)
        with pytest.raises(ValueError, match="smooth fields or data-controlled"):
            ReplicatedMap([refused, refused])
    with pytest.raises(ValueError, match="one kind and one tolerance"):
        ReplicatedMap([FlowMap(network(1, 1), 1e-4), FlowMap(network(1, 1), 1e-5)])
