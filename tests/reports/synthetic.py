"""Synthetic records of two published artefacts and of a third party's experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from suite.declarations import Cell, DataVersion, DeviceClass, Experiment, Meter, Profile, Settings, setting
from suite.harness import registry
from suite.harness.record_file import cell_header, record_path, write_record

Row = dict[str, Any]
CODE = "c0de" * 16
DIGITS = DataVersion("digits", "d1" * 32, stand_in_for="mnist")
MNIST = DataVersion("mnist", "a5" * 32)


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Settings of a small training run."""

    epochs: int = setting(160, source="Table 1 & <appendix>")
    schedule: tuple[int, ...] = setting((60, 100), ours="the paper names no schedule")
    exact: bool = setting(True, source="section 3")


class Measured(Experiment):
    """An experiment whose records are written by hand."""

    profiles: ClassVar = {
        "smoke": TrainingSettings(epochs=1),
        "quick": TrainingSettings(epochs=4, schedule=(2,)),
        "paper": TrainingSettings(),
    }
    paper_cost = "estimated: 6 GPU-hours"

    def run(self, cell: Cell, meter: Meter) -> None:
        raise NotImplementedError


class Table1(Measured):
    """Test error, parameters, memory and time of ODE-Net and RK-Net against a ResNet."""

    id = "chen2018/table1"
    title = "Table 1: ODE-Net and RK-Net against a residual network on MNIST"
    variants = ("mlp", "resnet", "resnet-1", "no-block", "euler-1", "rk-net", "ode-net")
    datasets = ("mnist",)
    headline = "test_error_last"


class Gradients(Measured):
    """Gradients of this suite and of torchdiffeq against finite differences."""

    id = "crosscheck/gradients"
    title = "Gradients against finite differences and torchdiffeq"
    variants = (
        "direct",
        "adjoint",
        "adjoint-seminorm",
        "adjoint-quadrature",
        "adjoint-segments",
        "torchdiffeq-direct",
        "torchdiffeq-adjoint",
    )
    headline = "gradient_error"


class Pendulum(Measured):
    """A third party's experiment, without a figure module."""

    id = "somebody/pendulum-swing"
    title = "Energy drift of a pendulum <by somebody>"
    variants = ("euler", "verlet")
    headline = "energy_drift"


class Unmeasured(Measured):
    """An experiment without records."""

    id = "poli2020/mnist"
    title = "Hypersolvers on MNIST"
    variants = ("euler", "hypereuler")
    headline = "mape"


# All that are registered have a page, since claims name them; records are written for these alone.
EXPERIMENTS: dict[str, Experiment] = {
    **registry.experiments(),
    **{one.id: one for one in (Table1(), Gradients(), Pendulum(), Unmeasured())},
}


@dataclass(frozen=True)
class Writer:
    """Writes record files of synthetic cells below one folder."""

    folder: Path

    def write(
        self,
        experiment: str,
        variant: str,
        rows: list[Row],
        *,
        seed: int = 0,
        profile: Profile = "quick",
        device: DeviceClass = "cpu",
        data: tuple[DataVersion, ...] = (),
        machine: str = "",
        error: dict[str, str] | None = None,
        **overrides: int,
    ) -> Path:
        settings = replace(EXPERIMENTS[experiment].profiles[profile], **overrides)
        cell = Cell(experiment, variant, seed, profile, settings, device, data)
        header = {
            "schema": 1,
            "cell": cell_header(cell),
            "code": {"digest": CODE, "commit": "feedbeef" * 5, "dirty": True},
            "environment": {
                "python": "3.12.3",
                "torch": "2.13.0",
                "cuda": "12.9" if device == "cuda" else None,
                "driver": None,
                "device_name": "A graphics card" if device == "cuda" else "A processor with 2 cores",
                "cpu": "A processor with 2 cores",
                "threads": 2,
                "platform": "Linux",
                "dependencies": "constraints.txt sha256:00",
                "tf32": False,
            },
            "start": f"2026-01-02T03:{seed:02d}:00+00:00",
            "seconds": 61.5,
            "status": "failed" if error else "finished",
            "error": error,
        }
        root = self.folder / "reports" / "records" / machine if machine else self.folder / "records"
        path = record_path(root, cell, CODE)
        write_record(path, header, rows)
        return path


def table1_rows(variant: str, seed: int, last: float) -> list[Row]:
    rows: list[Row] = [
        {"metric": "parameters_published", "value": 208266 if "ode" in variant else 601482, "unit": "1"},
        {"metric": "parameters", "value": 23456, "unit": "1"},
        {"metric": "test_size", "value": 360, "unit": "images"},
    ]
    for epoch in range(1, 5):
        error = last * (1 + math.exp(-epoch) * (1 + 0.1 * seed)) - last * math.exp(-4) * (1 + 0.1 * seed)
        rows.append({"metric": "test_error", "value": error, "unit": "%", "epoch": epoch})
        rows.append({"metric": "epoch_seconds", "value": 1.25, "unit": "s", "epoch": epoch})
        rows.append({"metric": "train_loss", "value": 2 / epoch, "unit": "nats", "epoch": epoch})
        if variant in ("rk-net", "ode-net", "euler-1"):
            forward = 1.0 if variant == "euler-1" else 14 + 2 * epoch + seed
            rows.append({"metric": "nfe_forward", "value": forward, "unit": "evaluations", "epoch": epoch})
            rows.append({"metric": "nfe_backward", "value": forward * 1.1, "unit": "evaluations", "epoch": epoch})
    rows.append({"metric": "test_error_last", "value": last, "unit": "%"})
    rows.append({"metric": "test_error_best", "value": last * 0.9, "unit": "%"})
    if variant != "mlp":
        for depth in (1, 2, 4, 6, 9):
            axes = {"depth": depth} if variant.startswith("res") else {"depth": 6 * depth, "tolerance": 10.0**-depth}
            saved = 2**21 if variant == "ode-net" else 2**20 * axes["depth"]
            rows.append({"metric": "saved_bytes", "value": saved, "unit": "B", **axes})
            rows += [{"metric": "step_seconds", "value": 0.01 * axes["depth"], "unit": "s", **axes} for _ in range(3)]
    return rows


def gradient_rows(variant: str) -> list[Row]:
    scale = 0.1 * (1 + Gradients.variants.index(variant))
    rows: list[Row] = []
    for problem in ("linear", "van-der-pol"):
        for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
            axes = {"problem": problem, "method": "dopri5", "tolerance": tolerance}
            rows += [
                {"metric": "gradient_error", "value": scale * tolerance, "unit": "1", "wrt": wrt, **axes}
                | {"reference": "finite-differences"}
                for wrt in ("y0", "parameters", "times")
            ]
            nfe = 20 - 6 * math.log10(tolerance)
            rows.append({"metric": "nfe_forward", "value": nfe, "unit": "evaluations", **axes})
            rows.append({"metric": "nfe_backward", "value": nfe * (1 + scale), "unit": "evaluations", **axes})
    return rows


def fill(writer: Writer) -> None:
    """Write records with stand-in and real data, two devices, a failure, a changed setting and a value not finite."""
    for index, variant in enumerate(Table1.variants):
        for seed in range(3):
            last = 3.2 - 0.2 * index + 0.15 * seed
            writer.write("chen2018/table1", variant, table1_rows(variant, seed, last), seed=seed, data=(DIGITS,))
    for variant in ("resnet", "ode-net"):
        rows = table1_rows(variant, 0, 0.5)
        writer.write("chen2018/table1", variant, rows, profile="paper", device="cuda", data=(MNIST,), machine="h200")
    writer.write("chen2018/table1", "mlp", table1_rows("mlp", 0, 1.0), data=(DIGITS,), epochs=80)
    error = {"type": "FloatingPointError", "message": "loss is <nan>", "traceback": "Traceback: <here>\n"}
    writer.write(
        "chen2018/table1", "rk-net", [], profile="paper", device="cuda", data=(MNIST,), machine="h200", error=error
    )
    for variant in Gradients.variants:
        writer.write("crosscheck/gradients", variant, gradient_rows(variant))
    for variant, drift in (("euler", math.nan), ("verlet", 2.5e-7)):
        writer.write("somebody/pendulum-swing", variant, [{"metric": "energy_drift", "value": drift, "unit": "J"}])
