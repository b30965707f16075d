"""Table 1 of Massaroli et al. 2020: networks against the released counts, their flows, and what a cell records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from suite import datasets
from suite.datasets import ImageClassification
from suite.declarations import Cell, DataVersion, Experiment
from suite.experiments.massaroli2020 import table1_training
from suite.experiments.massaroli2020.table1 import Table1
from suite.experiments.massaroli2020.table1_cifar10 import Table1Cifar10
from suite.experiments.massaroli2020.table1_networks import VARIANTS, WITHOUT_AN_ODE, network, ode_block
from suite.experiments.massaroli2020.table1_run import prepare, retest_solvers
from suite.experiments.massaroli2020.table1_settings import (
    Table1Cifar10PaperSettings,
    Table1Cifar10Settings,
    Table1PaperSettings,
    Table1Settings,
)
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ODEBlock, parameter_count
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENTS: dict[str, Experiment] = {"mnist": Table1(), "cifar10": Table1Cifar10()}
ROWS = ("node", "anode", "il-node", "second-order")
ODE_VARIANTS = tuple(variant for variant in VARIANTS if variant not in WITHOUT_AN_ODE)
SMALL = Table1Settings(channels=4, node_hidden=5, tolerance=1e-8)


@pytest.fixture(scope="module", params=list(EXPERIMENTS))
def smoke_rows(request: pytest.FixtureRequest, smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell, on either data set."""
    return rows_by_variant(smoke_records, EXPERIMENTS[request.param].id)


def run(variant: str, data: str = "mnist", **changes: Any) -> tuple[Rows, nn.Module]:
    """Run one smoke cell in memory and return what it measured and the model it kept."""
    experiment = EXPERIMENTS[data]
    settings = dataclasses.replace(experiment.profiles["smoke"], **changes)
    version = datasets.resolve(data, download=False, stand_in=True)
    cell = Cell(experiment.id, variant, 0, "smoke", settings, "cpu", (version,))
    kept: list[nn.Module] = []
    meter = CellMeter(cell, None, SilentObserver(), keep=kept.append, trained=lambda spec, seed: nn.Identity())
    experiment.run(cell, meter)
    return meter.rows, kept[0]


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def small_network(variant: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return network(variant, SMALL).double()


def small_images(count: int = 2) -> Tensor:
    return torch.rand(count, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [("node", 37_091), ("anode", 34_954), ("il-node", 36_088), ("second-order", 34_618)],
)
def test_rows_on_cifar10_have_the_parameters_of_the_released_notebooks(variant: str, parameters: int) -> None:
    assert parameter_count(network(variant, Table1Cifar10Settings())) == parameters


@pytest.mark.parametrize("settings", [Table1Settings(), Table1Cifar10Settings()])
def test_controls_have_the_parameters_that_their_one_difference_gives(settings: Table1Settings) -> None:
    count = {variant: parameter_count(network(variant, settings)) for variant in VARIANTS}
    image, width = settings.image_channels, settings.channels
    wider_head = (image + 1 + 160) * (settings.head_channels - settings.node_head_channels)
    assert count["node-wide-head"] - count["node"] == wider_head
    assert count["anode"] - count["anode-unnormalised"] == 2 * width
    assert count["il-node"] - count["anode"] == 9 * image * width
    assert count["il-node"] - count["il-node-input-kept"] == 9 * image * image
    assert count["second-order"] - count["second-order-zeros"] == 9 * image * width // 2
    assert count["anode"] - count["second-order-zeros"] == (width + 1) * width // 2
    assert count["cnn"] == count["resnet"] == count["il-node"]


def test_every_state_has_its_image_where_the_variant_says() -> None:
    images = small_images()
    states = {variant: small_network(variant).get_submodule("augmentation")(images) for variant in VARIANTS}
    assert torch.equal(states["node"], images)
    assert torch.equal(states["il-node-input-kept"][:, :1], images)
    for variant in ("anode", "anode-unnormalised", "second-order-zeros"):
        assert torch.equal(states[variant][:, -1:], images)
        assert not states[variant][:, :-1].any()
    # The positions of the second-order network start at zero, its velocities at the convolved image.
    positions, velocities = states["second-order"].chunk(2, dim=1)
    assert not positions.any()
    convolution = small_network("second-order").get_submodule("augmentation.0.layer")
    assert torch.equal(velocities, convolution(images))
    assert {variant: state.shape[1] for variant, state in states.items()} == {
        variant: 1 if variant.startswith("node") else 4 for variant in VARIANTS
    }


@pytest.mark.parametrize("variant", ["node", "anode", "il-node", "second-order"])
def test_the_flow_is_that_of_scipy(variant: str) -> None:
    model = small_network(variant)
    block = ode_block(model)
    assert block is not None
    with torch.no_grad():
        start = model.get_submodule("augmentation")(small_images(1))
        field = block.counted

        def derivative(s: float, flat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            state = torch.from_numpy(flat).reshape(start.shape)
            given: Tensor = field(torch.tensor(s), state)
            return given.reshape(-1).numpy()

        solved = solve_ivp(derivative, (0, 1), start.reshape(-1).numpy(), "LSODA", rtol=1e-9, atol=1e-9)
        end = block(start)
    np.testing.assert_allclose(end.reshape(-1).numpy(), solved.y[:, -1], rtol=1e-5, atol=1e-5)


def test_in_a_second_order_network_positions_move_with_the_velocities() -> None:
    model = small_network("second-order")
    block = ode_block(model)
    assert block is not None
    state = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        derivative = block.counted(torch.tensor(0.3), state)
    assert torch.equal(derivative[:, :2], state[:, 2:])


def test_networks_without_an_ode_are_one_step_and_one_application_of_the_same_layers() -> None:
    images = small_images()
    il_node, resnet, cnn = (small_network(variant) for variant in ("il-node", "resnet", "cnn"))
    block = ode_block(il_node)
    assert block is not None
    plain = {name.rpartition("layers.")[2]: value for name, value in _body(il_node).items()}
    resnet.get_submodule("body.layers").load_state_dict(plain)
    cnn.get_submodule("body").load_state_dict(plain)
    with torch.no_grad():
        state = il_node.get_submodule("augmentation")(images)
        with block.solved_by("euler", rtol=1.0, atol=1.0):
            euler = block(state)
        torch.testing.assert_close(resnet.get_submodule("body")(state), euler)
        torch.testing.assert_close(state + cnn.get_submodule("body")(state), euler)


def _body(model: nn.Module) -> dict[str, Tensor]:
    state: dict[str, Tensor] = model.get_submodule("body").state_dict()
    return state


def test_images_are_pooled_cut_and_normalised() -> None:
    images = torch.arange(2 * 3 * 16, dtype=torch.float32).reshape(2, 3, 4, 4)
    data = ImageClassification(images, torch.tensor([1, 2]), images, torch.tensor([3, 4]), DataVersion("x", ""))
    settings = Table1Cifar10Settings(train_images=1, test_images=5, pooling=2)
    ready = prepare(data, settings, torch.device("cpu"))
    assert ready.train_images.shape == (1, 3, 2, 2)
    assert ready.train_labels.tolist() == [1]
    assert ready.test_labels.tolist() == [3, 4]
    corner = (0 + 1 + 4 + 5) / 4
    assert ready.test_images[0, 0, 0, 0].item() == pytest.approx((corner - 0.4914) / 0.2023)
    assert ready.test_images[0, 2, 0, 0].item() == pytest.approx((corner + 32 - 0.4465) / 0.2010)


def test_every_variant_measures_what_the_table_compares(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(VARIANTS)
    for variant, rows in smoke_rows.items():
        has_ode = variant in ODE_VARIANTS
        for metric in ("test_accuracy_last", "parameters", "parameters_published", "test_size"):
            assert len(values(rows, metric)) == 1
        for metric in ("nfe_forward_last", "nfe_untrained"):
            assert len(values(rows, metric)) == has_ode
        for metric in ("test_accuracy", "train_loss", "epoch_seconds"):
            assert [row["epoch"] for row in rows if row["metric"] == metric] == [1, 2]
        for metric in ("nfe_forward", "nfe_backward"):
            assert [row["epoch"] for row in rows if row["metric"] == metric] == ([1, 2] if has_ode else [])
        assert values(rows, "test_accuracy")[-1:] == values(rows, "test_accuracy_last")
        assert values(rows, "nfe_forward")[-1:] == values(rows, "nfe_forward_last")
        solvers = [row["test_solver"] for row in rows if row["metric"] == "grid_change"]
        assert solvers == (["euler", "rk4", "dopri5"] if has_ode else [])


def test_evaluations_are_those_of_training_minibatches_alone() -> None:
    rows, model = run("il-node", method="rk4", epochs=1)
    block = ode_block(model)
    assert isinstance(block, ODEBlock)
    assert values(rows, "nfe_untrained") == values(rows, "nfe_forward_last") == [4]


def test_training_is_adamw_with_a_falling_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = []

    def no_training(model: nn.Module, optimiser: torch.optim.Optimizer, batches: object) -> float:
        assert isinstance(optimiser, torch.optim.AdamW)
        groups.append((optimiser.param_groups[0]["lr"], optimiser.param_groups[0]["weight_decay"]))
        return 0.0

    monkeypatch.setattr(table1_training, "train_epoch", no_training)
    # Without an optimiser step the schedule warns that it goes first, which is this test's doing.
    with pytest.warns(UserWarning, match="lr_scheduler"):
        run("cnn", epochs=5, decay_every=2)
    assert groups == [pytest.approx((1e-3 * 0.9 ** (epoch // 2), 5e-4)) for epoch in range(5)]


def test_a_network_learns() -> None:
    changes: dict[str, Any] = {
        "epochs": 4,
        "train_images": 640,
        "test_images": 200,
        "batch_size": 32,
        "learning_rate": 2e-2,
    }
    rows, _ = run("il-node", method="rk4", **changes)
    losses = values(rows, "train_loss")
    assert losses[-1] < 0.7 * losses[0]
    assert values(rows, "test_accuracy_last")[0] > 30


def test_the_retest_is_a_hundred_times_tighter_and_by_another_method() -> None:
    euler, other, tight = retest_solvers(Table1Settings())
    assert (euler.method, euler.steps) == ("euler", 1)
    assert (other.method, other.steps) == ("rk4", 16)
    assert tight.method == "dopri5"
    assert tight.tolerance == pytest.approx(1e-6)


def test_a_kept_model_fits_the_one_that_others_build() -> None:
    _, trained = run("second-order", "cifar10", epochs=1)
    experiment = EXPERIMENTS["cifar10"]
    cell = Cell(experiment.id, "second-order", 0, "smoke", experiment.profiles["smoke"], "cpu")
    rebuilt = experiment.build_model(cell)
    rebuilt.load_state_dict(trained.state_dict())
    images = torch.rand(4, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(rebuilt(images), trained(images))


def test_divergence_is_a_floating_point_error() -> None:
    with pytest.raises(FloatingPointError):
        run("cnn", learning_rate=1e30, epochs=3)


def test_the_paper_profiles_are_the_published_settings() -> None:
    for name, published in (("mnist", Table1Settings()), ("cifar10", Table1Cifar10Settings())):
        paper = EXPERIMENTS[name].profiles["paper"]
        assert isinstance(paper, type(published))
        assert published.values().items() <= paper.values().items()
    for kind in (Table1PaperSettings, Table1Cifar10PaperSettings):
        assert all(bool(note.source) != bool(note.ours) for note in kind.notes())
    assert EXPERIMENTS["mnist"].variants == EXPERIMENTS["cifar10"].variants == VARIANTS
    assert set(ROWS) < set(VARIANTS)
