"""What others declare against: Experiment, Settings, Cell, Varying, Meter, ModelSpec and Library.

Nothing of ``suite`` is imported here, so that every other package may depend on it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, Self

import torch
from torch import Tensor, nn

Profile = Literal["smoke", "quick", "laptop", "paper"]
DeviceClass = Literal["cpu", "cuda"]
Axis = str | int | float

PROFILES: tuple[Profile, ...] = typing.get_args(Profile)
"""The profiles, from the smallest to the published setting."""


def setting(default: Any, *, source: str = "", ours: str = "") -> Any:
    """Declare one field of a ``Settings`` class, with the reason for its value.

    Args:
        default: The value at the published setting.
        source: Where the value is printed, when it is.
        ours: Why it is what it is, when the paper leaves it open. Shown in the report as our choice.

    Raises:
        ValueError: Unless exactly one of ``source`` and ``ours`` is given.
    """
    if bool(source) == bool(ours):
        raise ValueError("a setting has either a source (the paper prints it) or a reason of ours, not both or neither")
    return dataclasses.field(default=default, metadata={"source": source, "ours": ours})


@dataclass(frozen=True)
class SettingNote:
    """One setting as the report shows it: its name, and the source of its value or our reason for it."""

    name: str
    source: str
    ours: str


@dataclass(frozen=True)
class Settings:
    """Base of an experiment's settings: a frozen dataclass whose fields are made with :func:`setting`.

    The values are numbers, strings, booleans or tuples of these, so that settings hash, print and compare.
    """

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return settings, such as a cell's or a profile's, as those of this class.

        Raises:
            TypeError: When they are another experiment's.
        """
        if not isinstance(settings, cls):
            raise TypeError(f"{cls.__name__} are wanted, not {type(settings).__name__}")
        return settings

    @classmethod
    def notes(cls) -> Iterator[SettingNote]:
        """Yield the note of every setting, in the order of declaration."""
        for field in dataclasses.fields(cls):
            yield SettingNote(field.name, field.metadata.get("source", ""), field.metadata.get("ours", ""))

    def values(self) -> dict[str, Any]:
        """Return the settings as a plain dictionary."""
        return dataclasses.asdict(self)

    def override(self, assignments: Mapping[str, str]) -> Settings:
        """Return a copy with settings replaced by values parsed from text, as ``--set NAME=VALUE`` gives them.

        Raises:
            ValueError: When a name is unknown or a value cannot be read as the setting's type.
        """
        changes = {}
        for name, text in assignments.items():
            if name not in self.values():
                raise ValueError(f"unknown setting {name!r}; the settings are {', '.join(self.values())}")
            changes[name] = _parse(name, text, self.values()[name])
        return dataclasses.replace(self, **changes)


def _parse(name: str, text: str, current: Any) -> Any:
    if isinstance(current, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(f"setting {name!r} is true or false, not {text!r}")
        return text.lower() == "true"
    if isinstance(current, tuple):
        example = current[0] if current else ""
        return tuple(_parse(name, part.strip(), example) for part in text.split(",") if part.strip())
    try:
        return type(current)(text)
    except ValueError:
        raise ValueError(f"setting {name!r} takes a value of type {type(current).__name__}, not {text!r}") from None


@dataclass(frozen=True)
class DataVersion:
    """Which data a cell sees: a data set, the digest of its bytes, and what it stands in for, if anything."""

    name: str
    digest: str
    stand_in_for: str = ""


@dataclass(frozen=True)
class Cell:
    """One unit of work: one variant of one experiment with one seed, at fixed settings, on one class of device."""

    experiment: str
    variant: str
    seed: int
    profile: Profile
    settings: Settings
    device: DeviceClass
    data: tuple[DataVersion, ...] = ()
    revision: int = 1

    @cached_property
    def key(self) -> str:
        """Sixteen hexadecimal digits that change whenever anything that determines the result does."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """The cell in words, as progress lines and error messages show it."""
        return f"{self.experiment} {self.variant} seed {self.seed} ({self.profile}, {self.device})"


@dataclass(frozen=True)
class ModelSpec:
    """The model that one variant of one experiment trains; asking for it trains that cell first if need be."""

    experiment: str
    variant: str


@dataclass(frozen=True)
class Varying:
    """What of an experiment differs from run to run, beside the rows in a unit of time.

    Attributes:
        metrics: Metrics made of times, such as their ratios, or read from the process, such as bytes of Python objects.
        axes: Axes whose values are times; the rows' own values are none.
        levels: Values of axes at which a row is made of times, such as ``("cost", "seconds")``.
        variants: Variants whose work depends on times, so that none of their numbers repeats.
    """

    metrics: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    levels: tuple[tuple[str, Axis], ...] = ()
    variants: tuple[str, ...] = ()


@dataclass
class Reading:
    """What a meter reads: filled in when its ``with`` block ends."""

    value: float = float("nan")


class Stateful(Protocol):
    """What a checkpoint can keep: a module, an optimiser, a learning-rate schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state, as tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object:
        """Take a state that :meth:`state_dict` returned."""
        ...


class Meter(Protocol):
    """What an experiment measures with. The harness makes one for each cell."""

    @property
    def device(self) -> torch.device:
        """Where the cell runs."""
        ...

    def record(self, metric: str, value: float, unit: str, **axes: Axis) -> None:
        """Write one measurement: a row of the record, with any axes (``epoch=3``, ``tolerance=1e-3``)."""
        ...

    def generator(self, stream: str) -> torch.Generator:
        """Return a CPU generator for a named stream of random numbers, the same for every variant of a seed."""
        ...

    def initialisation(self) -> AbstractContextManager[None]:
        """Seed parameter initialisation inside the ``with`` block, from experiment, variant and seed alone."""
        ...

    def dataset(self, name: str) -> Any:
        """Load one of the experiment's declared data sets, as ``suite.datasets`` defines it."""
        ...

    def progress(self, done: int, total: int, unit: str, **latest: float) -> None:
        """Report progress inside the cell (epoch 3 of 10) with the latest values; costs no device synchronisation."""
        ...

    def resumable_steps(self, count: int, name: str, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
        """Count the steps of a training loop, 0 to ``count - 1``, so that an interrupted cell goes on inside it.

        Between two steps, once every half minute, it keeps a checkpoint: the parts, the rows and the generators. A cell
        that is run again restores them and begins with the first step after the checkpoint.

        Args:
            count: Steps of the loop.
            name: Of the loop, one of its own in the cell.
            **parts: All that the loop changes from step to step: model, optimiser, schedule; running numbers in a
                dictionary.
        """
        ...

    def measured_once(self, name: str, measure: Callable[[], float]) -> float:
        """Return what a measurement gives; in a cell that goes on in a training loop, what it gave before that loop.

        For a number that the rest of the cell depends on and that would be another one if measured again, such as a
        number of steps that is chosen by their time.

        Args:
            name: Of the number, one of its own in the cell.
            measure: Measures it.
        """
        ...

    def wall_time(self) -> AbstractContextManager[Reading]:
        """Measure seconds of wall time, with the device synchronised at both ends."""
        ...

    def peak_memory(self) -> AbstractContextManager[Reading]:
        """Measure peak bytes allocated on the device above the level at entry; not-a-number where it has no counter."""
        ...

    def saved_bytes(self) -> AbstractContextManager[Reading]:
        """Measure bytes that autograd keeps for the backward pass, each storage once, parameters left out."""
        ...

    def macs(self) -> AbstractContextManager[Reading]:
        """Count multiply-accumulate operations of matrix products and convolutions."""
        ...

    def host_syncs(self) -> AbstractContextManager[Reading]:
        """Count operations that make the host wait for the device."""
        ...

    def keep(self, model: nn.Module) -> None:
        """Put the cell's trained model into the model store."""
        ...

    def trained(self, spec: ModelSpec, seed: int | None = None) -> nn.Module:
        """Return a trained model in evaluation mode on the device, with the seed of the cell unless one is given.

        The experiment must name ``spec`` in :meth:`Experiment.needs`.
        """
        ...


class Meters(Protocol):
    """What cells that run together measure with: a meter for each, and the loop and the clock that they share."""

    @property
    def each(self) -> Sequence[Meter]:
        """The meter of every cell, in the order of the cells."""
        ...

    def resumable_steps(self, count: int, name: str, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
        """Count the steps of one training loop of all cells; see :meth:`Meter.resumable_steps`.

        The checkpoint is all cells' together: interrupted, they go on together, or else begin anew.
        """
        ...

    def wall_time(self) -> AbstractContextManager[Reading]:
        """Measure seconds of wall time that all cells take together."""
        ...


class Experiment(ABC):
    """One published artefact: a table, a figure or a numbered claim of the text; or one cross-check."""

    id: ClassVar[str]
    """``paper/artefact``, such as ``chen2018/table1``."""
    title: ClassVar[str]
    """What it is in one line, naming the artefact as the paper does."""
    variants: ClassVar[tuple[str, ...]]
    """The rows or curves to compare; one cell each for every seed."""
    profiles: ClassVar[Mapping[Profile, Settings]]
    """Settings of each profile. A profile changes sizes, never code paths."""
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 3, "paper": 3}
    """How many seeds each profile runs unless told otherwise."""
    datasets: ClassVar[tuple[str, ...]] = ()
    """Names of the data sets it reads, as ``suite.datasets`` registers them."""
    headline: ClassVar[str]
    """The metric that stands for the experiment in a list and across commits."""
    alone: ClassVar[tuple[str, ...]] = ()
    """Variants that claims of wall time or device memory rest on: on a CUDA device nothing runs beside them."""
    paper_cost: ClassVar[str]
    """What the paper profile costs on one GPU, and whether that was estimated or measured."""
    varying: ClassVar[Varying] = Varying()
    """What differs from run to run, beside times: a replay with other code does not compare it."""
    revision: ClassVar[int] = 1
    """Raised by hand whenever results should change; part of every cell's key."""

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Return the trained models that a cell uses; their cells run first."""
        del cell
        return ()

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the untrained model of a cell, for an experiment whose trained models others use."""
        raise NotImplementedError(f"{self.id} keeps no model of {cell.variant!r}")

    @abstractmethod
    def run(self, cell: Cell, meter: Meter) -> None:
        """Run one cell and record what it measures."""

    def goes_together(self, cell: Cell) -> bool:
        """Return whether :meth:`run_together` takes a cell and others that differ from it by their seed alone."""
        del cell
        return False

    def run_together(self, cells: Sequence[Cell], meters: Meters) -> None:
        """Run cells that differ by their seed alone as one batched model, and record what :meth:`run` would of each.

        Each draws from the generators of its own meter as it would alone, and nothing from torch's global generators.
        Its rows are those of :meth:`run`, to rounding; a time of all cells has an axis ``together`` with their number.
        Whatever is raised, the cells then run one by one.
        """
        raise NotImplementedError(f"{self.id} runs no cells together, such as {cells[0].name}")


class LibraryMissingError(ImportError):
    """The library is not installed; the message says how to get it."""


class Library(ABC):
    """An ODE library behind one call, ours or another's, so that both run the same case."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[str]]
    """Methods it has, by the names of ``suite.solvers``."""
    gradients: ClassVar[tuple[str, ...]]
    """Ways to differentiate that it offers: ``direct``, ``adjoint``, and named variants such as ``seminorm``."""

    @abstractmethod
    def version(self) -> str:
        """Return its version.

        Raises:
            LibraryMissingError: When it cannot be imported.
        """

    @abstractmethod
    def odeint(
        self,
        vector_field: nn.Module,
        y0: Tensor,
        t: Tensor,
        *,
        method: str,
        rtol: float,
        atol: float,
        step_size: float | None = None,
        gradient: str = "direct",
    ) -> Tensor:
        """Integrate ``dy/dt = vector_field(t, y)`` and return states of shape ``[len(t), *y0.shape]``.

        Args:
            vector_field: A module called as ``vector_field(t, y)``.
            y0: State at ``t[0]``.
            t: Strictly monotone times, shape ``[n]``.
            method: One of ``methods``.
            rtol: Relative tolerance; ignored on a fixed grid.
            atol: Absolute tolerance; ignored on a fixed grid.
            step_size: Step of a fixed-grid method; the output times are the grid when it is None.
            gradient: One of ``gradients``.
        """
