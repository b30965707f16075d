"""The tables and curves of the papers, typed here a second time from the sources."""

from __future__ import annotations

import pytest

from reference.published import load

NUMBERS = load()


def value(name: str) -> float:
    found = NUMBERS[name].value
    assert found is not None, name
    return found


def test_chen_table1_is_as_printed() -> None:
    printed = {"mlp": (1.60, 0.24), "resnet": (0.41, 0.60), "rk-net": (0.47, 0.22), "ode-net": (0.42, 0.22)}
    for model, (error, millions) in printed.items():
        assert value(f"chen2018/table1/{model}/test_error") == error
        assert value(f"chen2018/table1/{model}/parameters") == pytest.approx(1e6 * millions)
        assert NUMBERS[f"chen2018/table1/{model}/test_error"].confidence == "printed"
    assert [value(f"chen2018/table1/{model}/memory_order") for model in ("resnet", "rk-net", "ode-net")] == [1, 1, 0]
    assert [value(f"chen2018/table1/{model}/time_order") for model in ("resnet", "rk-net", "ode-net")] == [1, 1, 1]


def test_chen_table2_is_as_printed() -> None:
    printed = {30: (0.3937, 0.1642), 50: (0.3202, 0.1502), 100: (0.1813, 0.1346)}
    for observations, (rnn, latent_ode) in printed.items():
        assert value(f"chen2018/table2/rnn/{observations}/rmse") == rnn
        assert value(f"chen2018/table2/latent-ode/{observations}/rmse") == latent_ode


def test_chen_fig3_is_as_digitised() -> None:
    rows = [  # tolerance, forward NFE with its range, error, time, backward NFE, ratio
        (1e0, 13, 9, 17, 5e-3, 0.13, 6, 0.44),
        (1e-1, 19, 15, 23, 2.5e-3, 0.20, 6, 0.3),
        (1e-2, 25, 17, 30, 4e-4, 0.24, 10, 0.4),
        (1e-3, 37, 29, 45, 2e-4, 0.32, 16, 0.43),
        (1e-4, 58, 47, 69, 2e-5, 0.52, 25, 0.44),
        (1e-5, 115, 99, 140, None, 0.90, 52, 0.44),
    ]
    tolerance, forward, low, high, error, time, backward, ratio = zip(*rows, strict=True)
    curve = NUMBERS["chen2018/fig3/forward-nfe"]
    assert (curve.x, curve.y, curve.y_low, curve.y_high) == (tolerance, forward, low, high)
    assert NUMBERS["chen2018/fig3/a/numerical-error"].y == error[:-1]
    assert NUMBERS["chen2018/fig3/b/relative-time"].y == time
    assert NUMBERS["chen2018/fig3/c/backward-nfe"].y == backward
    assert NUMBERS["chen2018/fig3/c/ratio"].y == ratio
    for part in ("a/numerical-error", "b/relative-time", "c/backward-nfe", "c/ratio"):
        found = NUMBERS[f"chen2018/fig3/{part}"]
        assert found.x == tolerance[: len(found.x)]
        assert found.confidence == "digitised"


def test_chen_fig3d_grows_as_digitised() -> None:
    curve = dict(
        zip(
            NUMBERS["chen2018/fig3/d/forward-nfe"].x,
            NUMBERS["chen2018/fig3/d/forward-nfe"].y,
            strict=True,
        )
    )
    assert (curve[0], curve[27], curve[45], curve[60], curve[75], curve[100]) == (7, 11, 12, 14, 16.2, 16.4)
    assert curve[100] / curve[0] == pytest.approx(value("chen2018/fig3/d/growth"), abs=0.05)


CHEN_FIG4 = {
    "u1": ([1.14, 0.12, -0.34, -0.38, -0.36], [2.62, 0.10, -0.35, -0.48, -0.51]),
    "u3": ([0.56, 0.13, -0.13, -0.29, -0.32], [2.19, 0.74, 0.27, 0.44, 0.01]),
    "u4": ([0.76, 0.16, 0.17, -0.10, -0.17], [1.79, 0.99, 0.66, 0.29, 0.03]),
}


def test_chen_fig4_has_fifteen_cells_as_digitised() -> None:
    lower = tied = higher = 0
    for target, (cnf, nf) in CHEN_FIG4.items():
        found = [NUMBERS[f"chen2018/fig4/d/{target}/{model}"] for model in ("cnf", "nf")]
        assert [list(curve.y) for curve in found] == [cnf, nf]
        assert all(curve.x == (2, 4, 8, 16, 32) for curve in found)
        for a, b in zip(cnf, nf, strict=True):
            tied += abs(a - b) <= 0.03
            lower += a < b - 0.03
            higher += a > b + 0.03
    assert (lower, tied, higher) == tuple(
        value(f"chen2018/fig4/d/cells-cnf-{word}") for word in ("lower", "tied", "higher")
    )
    assert (lower, tied, higher) == (11, 2, 2)


MASSAROLI_TABLE1 = """
                node  anode  il-node  second-order
mnist accuracy  96.8  98.9   99.1     99.2
cifar10 accuracy 58.9 70.8   73.4     72.8
mnist nfe       98    71     44       43
cifar10 nfe     93    169    65       59
mnist thousands 21.4  20.4   20.4     20.0
cifar10 thousands 37.1 35.2  36.1     34.6
"""


def test_massaroli_table1_has_24_cells_as_printed() -> None:
    header, *rows = (line.split() for line in MASSAROLI_TABLE1.strip().splitlines())
    metrics = {"accuracy": ("test_accuracy", 1), "nfe": ("nfe_forward", 1), "thousands": ("parameters", 1000)}
    checked = 0
    for data, word, *cells in rows:
        metric, scale = metrics[word]
        for variant, cell in zip(header, cells, strict=True):
            number = NUMBERS[f"massaroli2020/table1/{data}/{variant}/{metric}"]
            assert number.value == pytest.approx(scale * float(cell), rel=1e-12)
            assert number.judgeable == (metric != "parameters"), "the row of parameters is from memory"
            checked += 1
    assert checked == 24


MNIST_AXIS = (8, 10, 12, 14, 16, 18, 20, 24, 28, 30)
CIFAR_AXIS = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 39)


@pytest.mark.parametrize(
    ("name", "axis", "errors"),
    [
        ("mnist/terminal-error/euler", MNIST_AXIS, (130, 106, 87, 75, 66, 58, 52, 43, 36, 34)),
        ("mnist/terminal-error/hyper-euler", MNIST_AXIS, (22, 18, 14, 13, 12, 10, 9.8, 8.0, 6.7, 6.1)),
        ("mnist/terminal-error/midpoint", MNIST_AXIS, (165, 101, 67, 48, 33, 26, 22, 14, 10, 9.8)),
        ("mnist/terminal-error/rk4", MNIST_AXIS[2:], (119, 77, 34, 20, 13, 4.9, 3.7, 3.1)),
        ("cifar10/terminal-error/euler", CIFAR_AXIS, (68, 54, 45, 37, 32, 28, 25, 21, 18, 15, 12.6)),
        ("cifar10/terminal-error/hyper-euler", CIFAR_AXIS, (29, 24, 20, 17, 15, 13.7, 12.6, 10.7, 9.2, 8.3, 7.1)),
        ("cifar10/terminal-error/midpoint", CIFAR_AXIS, (68, 45, 31, 22, 17, 13.5, 10.4, 7.7, 5.5, 4.3, 2.5)),
        ("cifar10/terminal-error/rk4", CIFAR_AXIS[4:], (66, 50, 34, 19, 12, 8, 4)),
        ("alpha-family/error/hyper-midpoint", (0.01, 0.5, 1.0), (0.43, 0.26, 0.33)),
    ],
)
def test_poli_curves_are_as_digitised(name: str, axis: tuple[float, ...], errors: tuple[float, ...]) -> None:
    curve = NUMBERS[f"poli2020/{name}"]
    assert (curve.x, curve.y, curve.confidence) == (axis, errors, "digitised")


def test_poli_crossovers_agree_with_the_curves() -> None:
    for data, rival, near in (("mnist", "rk4", 20), ("cifar10", "midpoint", 18), ("cifar10", "rk4", 32)):
        ours, theirs = (NUMBERS[f"poli2020/{data}/terminal-error/{name}"] for name in ("hyper-euler", rival))
        leads = [y < dict(zip(ours.x, ours.y, strict=True))[x] for x, y in zip(theirs.x, theirs.y, strict=True)]
        first = theirs.x[leads.index(True)]
        assert abs(first - near) <= 4
        crossover = NUMBERS[f"poli2020/{data}/crossover/{rival}"]
        middle = crossover.value if crossover.low is None else crossover.low
        assert middle is not None
        assert abs(first - middle) <= 3


def test_poli_fig1_is_as_released() -> None:
    assert [value(f"poli2020/fig1/{name}/nfe") for name in ("dopri5", "hyper-heun", "heun")] == [212, 2, 2]
    assert value("poli2020/mnist/dopri5/nfe") == 74
    assert value("poli2020/cifar10/dopri5/nfe") == 86
    assert value("poli2020/fig1/speed-up") == 100


def test_poli_cnf_planning_run_is_complete() -> None:
    rows = {  # method: NFE, mean L2 distance
        "heun-1": (2, 0.475), "midpoint-1": (2, 0.592), "euler-2": (2, 0.211), "euler-2-best-split": (2, 0.159),
        "fitted-rk2": (2, 0.149), "hyper-heun": (2, 0.027), "hyper-euler": (1, 0.033), "euler-8": (8, 0.027),
        "rk4-2": (8, 0.030), "midpoint-4": (8, 0.025), "ab2": (8, 0.0077), "adaptive-heun": (11, 0.0128),
        "dopri5-1e-2": (20, 0.104), "dopri5-1e-3": (32, 0.0056), "direct-mlp": (0, 0.053),
        "direct-mlp-equal-macs": (2, 0.013),
    }  # fmt: skip
    for method, (evaluations, distance) in rows.items():
        assert value(f"poli2020/fig1/pilot/{method}/nfe") == evaluations
        assert value(f"poli2020/fig1/pilot/{method}/error") == distance
        assert not NUMBERS[f"poli2020/fig1/pilot/{method}/error"].judgeable


def test_independent_reproductions_are_as_reported() -> None:
    reported = {
        "chen2018/table1/saparina/resnet/test_error": 0.34,
        "chen2018/table1/saparina/resnet-1/test_error": 0.37,
        "chen2018/table1/saparina/ode-net/test_error": 0.45,
        "chen2018/table1/drawcodeboy/rk-net/test_error": 0.73,
        "chen2018/table1/msurtsukov/ode-net/test_error": 0.83,
        "massaroli2020/table1/chieh/mnist/node/epochs-12/test_accuracy": 96.88,
        "massaroli2020/table1/chieh/mnist/anode/epochs-12/test_accuracy": 98.94,
        "massaroli2020/table1/chieh/mnist/il-node/epochs-12/test_accuracy": 99.25,
        "massaroli2020/table1/chieh/cifar10/il-node/epochs-20/test_accuracy": 73.22,
        "massaroli2020/table1/chieh/cifar10/node/epochs-20/nfe_forward": 182.6,
    }
    for name, number in reported.items():
        assert value(name) == number
        assert NUMBERS[name].confidence == "independent"
