"""Numbers that follow from others or from an architecture, computed here by formula."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.published import load

NUMBERS = load()
Array = NDArray[np.float64]


def value(name: str) -> float:
    found = NUMBERS[name].value
    assert found is not None, name
    return found


def linear(*sizes: int) -> int:
    return sum(before * after + after for before, after in itertools.pairwise(sizes))


def conv(before: int, after: int, kernel: int = 3, *, bias: bool = True) -> int:
    return before * after * kernel**2 + bias * after


def convs(*channels: int) -> int:
    return sum(conv(before, after) for before, after in itertools.pairwise(channels))


def conv_macs(pixels: int, *channels: int) -> int:
    return pixels * sum(conv(a, b, bias=False) for a, b in itertools.pairwise(channels))


def norm(channels: int) -> int:
    return 2 * channels


def chen_parameters(stem: str, body: str) -> int:
    block = 2 * norm(64) + 2 * conv(64, 64, bias=False)
    stems = {
        "conv-stem": conv(1, 64) + 2 * (norm(64) + conv(64, 64, kernel=4)),
        "res-stem": conv(1, 64) + 2 * (block + conv(64, 64, kernel=1, bias=False)),
    }
    field = 3 * norm(64) + 2 * conv(64 + 1, 64)
    bodies = {"ode-net": field, "resnet": 6 * block, "resnet-1": block, "no-block": 0}
    return stems[stem] + bodies[body] + norm(64) + linear(64, 10)


@pytest.mark.parametrize(
    ("stem", "body"),
    [("conv-stem", "ode-net"), ("conv-stem", "resnet"), ("conv-stem", "resnet-1"), ("conv-stem", "no-block"),
     ("res-stem", "ode-net"), ("res-stem", "resnet")],
)  # fmt: skip
def test_chen_parameters_follow_from_the_architecture(stem: str, body: str) -> None:
    assert value(f"chen2018/table1/{stem}/{body}/parameters") == chen_parameters(stem, body)


def test_chen_counts_of_the_convolutional_stem() -> None:
    names = ("ode-net", "resnet", "resnet-1", "no-block")
    counts = [value(f"chen2018/table1/conv-stem/{name}/parameters") for name in names]
    assert counts == [208_266, 576_778, 206_858, 132_874]


def test_chen_mlp_count_rounds_to_the_printed_one() -> None:
    exact = value("chen2018/table1/mlp/parameters_exact")
    assert exact == 784 * 300 + 300 + 300 * 10 + 10
    assert round(exact, -4) == value("chen2018/table1/mlp/parameters")


def test_chen_table1_errors_are_whole_images_within_one_standard_error() -> None:
    for model, images in (("resnet", 41), ("ode-net", 42), ("rk-net", 47)):
        assert value(f"chen2018/table1/equal-errors/{model}") == images
        assert value(f"chen2018/table1/{model}/test_error") == pytest.approx(100 * images / 10_000)
    p = 0.0042
    standard_error = 100 * math.sqrt(p * (1 - p) / 10_000)
    assert value("chen2018/table1/equal-errors/standard_error") == pytest.approx(standard_error, abs=5e-4)
    ratio = value("chen2018/table1/ode-net/parameters") / value("chen2018/table1/resnet/parameters")
    assert value("chen2018/table1/parameter-efficiency/ratio") == pytest.approx(ratio, abs=5e-4)


@pytest.mark.parametrize(("observations", "ratio"), [(30, 0.42), (50, 0.47), (100, 0.74)])
def test_chen_table2_ratios(observations: int, ratio: float) -> None:
    cells = [value(f"chen2018/table2/{model}/{observations}/rmse") for model in ("latent-ode", "rnn")]
    assert value(f"chen2018/table2/ratio/{observations}") == ratio == round(cells[0] / cells[1], 2)


def test_chen_fig3_columns_agree_with_each_other() -> None:
    forward, backward, ratio = (
        np.array(NUMBERS[f"chen2018/fig3/{name}"].y) for name in ("forward-nfe", "c/backward-nfe", "c/ratio")
    )
    np.testing.assert_allclose(backward / forward, ratio, atol=0.025)
    assert np.median(backward / forward) == pytest.approx(value("chen2018/fig3/c/ratio_overall"), abs=0.02)
    slope, intercept = np.polyfit(forward, NUMBERS["chen2018/fig3/b/relative-time"].y, 1)
    assert slope == pytest.approx(value("chen2018/fig3/b/slope"), rel=0.05)
    assert intercept == pytest.approx(value("chen2018/fig3/b/intercept"), abs=0.02)
    error, margin = NUMBERS["chen2018/fig3/a/numerical-error"], NUMBERS["chen2018/fig3/a/margin"]
    for tolerance, decades in zip(margin.x, margin.y, strict=True):
        at = error.y[error.x.index(tolerance)]
        assert math.log10(tolerance / at) == pytest.approx(decades, abs=0.1)


def energies(z1: Array, z2: Array) -> dict[str, Array]:
    """Rezende and Mohamed's energies on a grid."""
    w1 = np.sin(2 * np.pi * z1 / 4)
    w2 = 3 * np.exp(-(((z1 - 1) / 0.6) ** 2) / 2)
    w3 = 3 / (1 + np.exp(-(z1 - 1) / 0.3))

    def gauss(offset: Array, width: float) -> Array:
        return np.exp(-((offset / width) ** 2) / 2)

    ring = ((np.hypot(z1, z2) - 2) / 0.4) ** 2 / 2
    return {
        "u1": ring - np.log(gauss(z1 - 2, 0.6) + gauss(z1 + 2, 0.6)),
        "u3": -np.log(gauss(z2 - w1, 0.35) + gauss(z2 - w1 + w2, 0.35) + 1e-300),
        "u4": -np.log(gauss(z2 - w1, 0.4) + gauss(z2 - w1 + w3, 0.35) + 1e-300),
    }


def normaliser(target: str, half_width: float) -> float:
    z1 = np.linspace(-half_width, half_width, int(100 * half_width) + 1)
    z2 = np.linspace(-7.0, 7.0, 701)
    density = np.exp(-energies(z1[:, None], z2[None, :])[target])
    return float(np.trapezoid(np.trapezoid(density, z2, axis=1), z1))


@pytest.mark.parametrize("target", ["u1", "u3", "u4"])
def test_chen_fig4_floors_are_minus_the_log_of_the_normaliser(target: str) -> None:
    assert value(f"chen2018/fig4/floor/{target}") == pytest.approx(-math.log(normaliser(target, 4.0)), abs=6e-4)


def test_chen_fig4_normaliser_of_u3_doubles_with_the_window() -> None:
    curve = NUMBERS["chen2018/fig4/normaliser/u3"]
    assert [normaliser("u3", half_width) for half_width in curve.x] == pytest.approx(list(curve.y), abs=0.06)


def test_chen_fig4_parameters_and_iterations() -> None:
    for name, count in (("nf", lambda k: 5 * k), ("cnf", lambda m: linear(1, 32, 32) + 33 * 7 * m)):
        curve = NUMBERS[f"chen2018/fig4/parameters/{name}"]
        assert curve.y == tuple(count(int(x)) for x in curve.x)
    iterations = [value(f"chen2018/fig4/setting/{name}-iterations") for name in ("nf", "cnf")]
    assert iterations[0] / iterations[1] == value("chen2018/fig4/setting/iteration-ratio") == 50


def test_chen_workspace_and_schedule() -> None:
    n = int(value("chen2018/fig3/adjoint-parameters"))
    assert value("chen2018/fig3/lsoda-workspace") == 22 + n * max(16, n + 9)
    per_epoch = 60_000 // int(value("chen2018/table1/redo/batch"))
    assert value("chen2018/table1/redo/iterations-per-epoch") == per_epoch == 468
    assert value("chen2018/table1/cost/full-iterations") == 160 * per_epoch


def massaroli_count(in_channels: int, state: int, hidden: int, out: int, head: int, *, lift: int = 0) -> int:
    """Count the released template: lifting convolution, field with two instance norms, 1x1 convolution, linear head."""
    field = (
        norm(state)
        + conv(state, hidden, bias=False)
        + conv(hidden, hidden, bias=False)
        + norm(hidden)
        + conv(hidden, out, 1)
    )
    return conv(in_channels, lift, bias=False) + field + conv(state, head, 1) + linear(16 * head, 10)


def test_massaroli_parameters_follow_from_the_released_notebooks() -> None:
    counts = {
        "node": massaroli_count(3, 3, 62, 3, 3),
        "anode": massaroli_count(3, 42, 42, 42, 6),
        "il-node": massaroli_count(3, 42, 42, 42, 6, lift=42),
        "second-order": massaroli_count(3, 42, 42, 21, 6, lift=21),
    }
    assert list(counts.values()) == [37_091, 34_954, 36_088, 34_618]
    for variant, count in counts.items():
        assert value(f"massaroli2020/table1/cifar10/{variant}/parameters_exact") == count
    assert value("massaroli2020/table1/cifar10/node/head_parameters") == linear(48, 10)


def test_massaroli_candidates_for_the_mnist_widths() -> None:
    counts = {f"node-{width}": massaroli_count(1, 1, width, 1, 3) for width in (42, 47, 48)}
    counts["anode-32"] = massaroli_count(1, 32, 32, 32, 6)
    counts["il-node-32"] = massaroli_count(1, 32, 32, 32, 6, lift=32)
    counts["second-order-32"] = massaroli_count(1, 32, 32, 16, 6, lift=16)
    for name, count in counts.items():
        assert value(f"massaroli2020/table1/mnist/candidates/{name}/parameters") == round(count, -2)


def test_massaroli_toy_models() -> None:
    galerkin_layer = 17 * 16
    counts = {
        "fig1/cookbook/vanilla/parameters": linear(2, 64, 2),
        "fig1/cookbook/depth-concatenated/parameters": linear(3, 64) + linear(65, 2),
        "fig2/torchdyn/parameters": 3 * 64 * 2 * 2 + linear(64, 2),
        "fig2/pilot/vanilla/parameters": linear(2, 32, 2),
        "fig2/pilot/fourier/parameters": 11 * linear(2, 32, 2),
        "fig2/pilot/torchdyn/parameters": 10 * linear(2, 32, 2),
        "fig2/pilot/monomials/parameters": 5 * linear(2, 32, 2),
        "higher-order/tutorial/second/parameters": linear(4, 64, 2) + linear(4, 2),
        "higher-order/spheres/second-order/parameters": linear(6, 64, 3) + linear(6, 2),
        "fig3/setting/vanilla/parameters": linear(2, 32, 32, 2) + linear(2, 1),
        "fig3/setting/depth-concatenated/parameters": linear(3, 32) + linear(33, 32) + linear(32, 2) + linear(2, 1),
        "fig3/setting/galerkin/parameters": linear(2, 16) + 10 * galerkin_layer + 2 + linear(16, 2) + linear(2, 1),
        "fig3/setting/data-control/parameters": linear(4, 32, 2) + linear(2, 1),
        "fig3/pilot/galerkin/parameters": linear(2, 16) + 11 * galerkin_layer + linear(16, 2) + linear(2, 1),
        "fig3/pilot/mlp/parameters": linear(2, 32, 2) + linear(2, 1),
        "reflection/setting/vanilla/parameters": linear(1, 64, 1),
        "reflection/setting/depth-concatenated/parameters": linear(2, 64, 1),
        "reflection/setting/data-control/parameters": linear(2, 64, 1),
    }
    for name, count in counts.items():
        assert value(f"massaroli2020/{name}") == count, name


def test_massaroli_closed_forms() -> None:
    grid = np.linspace(-1, 1, 100)
    assert value("massaroli2020/reflection/floor") == pytest.approx(np.mean(grid**2), abs=5e-5)
    curve = NUMBERS["massaroli2020/theorems/proposition2/largest_error"]
    assert list(curve.y) == pytest.approx([2 * math.exp(-theta) for theta in curve.x], rel=1e-3)
    released = NUMBERS["massaroli2020/fig2/basis/frequencies-5"]
    assert list(released.y) == pytest.approx(list(np.linspace(0, 5, 5)))
    gap = value("massaroli2020/table1/cifar10/anode/test_accuracy") - value(
        "massaroli2020/table1/cifar10/node/test_accuracy"
    )
    assert value("massaroli2020/table1/cifar10/accuracy-gap") == pytest.approx(gap)
    assert value("massaroli2020/table1/setting/cifar10-steps") == 20 * math.ceil(50_000 / 64)
    assert value("massaroli2020/table1/setting/mnist-steps") == 20 * math.ceil(60_000 / 64)


@pytest.mark.parametrize(
    ("data", "pixels", "field", "g"),
    [("mnist", 28**2, (32, 46, 46, 32), (65, 32, 32, 32)), ("cifar10", 32**2, (20, 50, 50, 20), (41, 32, 32, 20))],
)
def test_poli_hyper_euler_costs(data: str, pixels: int, field: tuple[int, ...], g: tuple[int, ...]) -> None:
    field_macs, g_macs = conv_macs(pixels, *field), conv_macs(pixels, *g)
    assert value(f"poli2020/{data}/field/parameters") == convs(*field)
    assert value(f"poli2020/{data}/hyper-euler/g/parameters") == convs(*g) + 2
    assert value(f"poli2020/{data}/field/macs") == pytest.approx(field_macs / 1e6, abs=5e-3)
    assert value(f"poli2020/{data}/hyper-euler/g/macs") == pytest.approx(g_macs / 1e6, abs=5e-3)
    overhead = value(f"poli2020/{data}/hyper-euler/overhead")
    assert overhead == pytest.approx(1 + g_macs / field_macs, abs=5e-4)
    printed = 1 + value(f"poli2020/{data}/hyper-euler/g/macs") / value(f"poli2020/{data}/field/macs")
    assert overhead == pytest.approx(printed, abs=5e-4)


def test_poli_whole_networks() -> None:
    mnist = norm(1) + conv(1, 31) + convs(32, 46, 46, 32) + linear(32, 10)
    cifar10 = norm(3) + conv(3, 20) + convs(20, 50, 50, 20) + linear(80, 10)
    assert (value("poli2020/mnist/parameters"), value("poli2020/cifar10/parameters")) == (mnist, cifar10)


def test_poli_hyper_midpoint_costs() -> None:
    g, field = conv_macs(784, 65, 92, 32), conv_macs(784, 32, 46, 46, 32)
    assert value("poli2020/alpha-family/g/parameters") == convs(65, 92, 32)
    assert value("poli2020/alpha-family/g/macs") == pytest.approx(g / 1e6, abs=5e-3)
    overhead = 1 + g / (2 * field)
    assert value("poli2020/alpha-family/overhead") == pytest.approx(overhead, abs=5e-4)
    assert value("poli2020/alpha-family/step-cost") == pytest.approx(2 * overhead, abs=5e-3)
    assert value("poli2020/alpha-family/equal-cost/hyper-midpoint-cost") == pytest.approx(18 * overhead, abs=0.05)
    cost = NUMBERS["poli2020/wall-clock/g-cost"]
    assert cost.low == pytest.approx(value("poli2020/cifar10/hyper-euler/overhead") - 1)
    assert cost.high == pytest.approx(2 * (overhead - 1), abs=5e-4)


def test_poli_hyper_heun_costs() -> None:
    def macs(*sizes: int) -> int:
        return sum(before * after for before, after in itertools.pairwise(sizes))

    field = (2, 128, 128, 128, 128, 2)
    assert value("poli2020/fig1/field/parameters") == linear(*field)
    assert value("poli2020/fig1/field/macs") == macs(*field)
    assert value("poli2020/fig1/hyper-heun/g/parameters") == linear(13, 64, 64, 3) + 2
    assert value("poli2020/fig1/hyper-heun/g/macs") == macs(13, 64, 64, 3)
    assert value("poli2020/fig1/first-upload/g/parameters") == linear(13, 128, 128, 128, 3)
    for name, g in (("hyper-heun", macs(13, 64, 64, 3)), ("first-upload", macs(13, 128, 128, 128, 3))):
        assert value(f"poli2020/fig1/{name}/overhead") == pytest.approx(1 + g / (2 * macs(*field)), abs=5e-4)


def test_poli_ratios() -> None:
    assert value("poli2020/fig1/nfe-ratio") == value("poli2020/fig1/dopri5/nfe") / value("poli2020/fig1/hyper-heun/nfe")
    base = value("poli2020/alpha-family/honest-base-error")
    assert base == pytest.approx(21.5 / 32, abs=5e-3)
    trained = NUMBERS["poli2020/alpha-family/error/hyper-midpoint"].y[1]
    assert value("poli2020/alpha-family/honest-gain") == pytest.approx(base / trained, abs=0.05)
    assert value("poli2020/alpha-family/apparent-gain") == pytest.approx(7 / trained, abs=0.5)
    evaluations = value("poli2020/mnist/dopri5/nfe") / 8
    assert value("poli2020/wall-clock/plausible-evaluations") == evaluations
    steps = evaluations / value("poli2020/mnist/hyper-euler/overhead")
    assert value("poli2020/wall-clock/plausible-steps") == pytest.approx(steps, abs=0.01)
    assert value("poli2020/mnist/setting/step-size") == pytest.approx(1 / 9, abs=5e-5)


def test_poli_oracle_errors_are_linear_in_delta() -> None:
    for order in (1, 2):
        for scope in ("local_error", "global_error"):
            curve = NUMBERS[f"poli2020/theorem1/pilot/p{order}/{scope}"]
            np.testing.assert_allclose(np.array(curve.y) / np.array(curve.x), curve.y[0] / curve.x[0], rtol=1e-9)
        local = NUMBERS[f"poli2020/theorem1/pilot/p{order}/local_error"]
        assert local.y[0] == pytest.approx(local.x[0] * 0.1 ** (order + 1))
