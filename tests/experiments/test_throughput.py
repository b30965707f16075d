"""Settings of throughput: which profiles have them, and what they do to networks, batches and passes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from suite.declarations import Cell, Profile, Settings
from suite.experiments.chen2018.table1 import Table1
from suite.experiments.classifier_training import TrainingBatches
from suite.experiments.massaroli2020.table1 import Table1 as AugmentedTable1
from suite.experiments.massaroli2020.table1_cifar10 import Table1Cifar10
from suite.experiments.poli2020.cifar10 import Cifar10
from suite.experiments.poli2020.mnist import Mnist
from suite.experiments.throughput import Throughput, ThroughputSettings, throughput_of
from suite.models.product_precision import tf32_is_allowed

EXPERIMENTS = (Table1(), AugmentedTable1(), Table1Cifar10(), Mnist(), Cifar10())
SMALLER: tuple[Profile, ...] = ("smoke", "quick", "laptop")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.id)
def test_the_paper_profile_alone_has_them_and_it_alone_is_published_otherwise(experiment: Table1) -> None:
    profiles: Mapping[Profile, Settings] = experiment.profiles
    for profile in SMALLER:
        assert not {"precision", "memory_format"} & set(profiles[profile].values())
        assert throughput_of(profiles[profile]) == Throughput()
    paper = profiles["paper"]
    assert throughput_of(paper) == Throughput("tf32", torch.channels_last)
    values = paper.values()
    assert set(values) - set(profiles["laptop"].values()) == {"precision", "memory_format"}


def test_a_precision_is_chosen_from_the_command_line_and_part_of_the_key() -> None:
    paper = Table1.profiles["paper"]
    lowered = paper.override({"precision": "bfloat16"})
    assert throughput_of(lowered).precision == "bfloat16"
    keys = {Cell(Table1.id, "ode-net", 0, "paper", settings, "cuda").key for settings in (paper, lowered)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("precision", "float16", "unknown precision 'float16'; the precisions are float32, tf32, bfloat16"),
        ("memory_format", "nhwc", "unknown memory format 'nhwc'; the formats are contiguous, channels_last"),
    ],
)
def test_unknown_values_are_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Table1.profiles["paper"].override({name: value})
    with pytest.raises(ValueError, match="unknown setting 'precision'"):
        Table1.profiles["laptop"].override({"precision": "tf32"})


def test_every_setting_of_throughput_is_ours_with_a_reason() -> None:
    assert all(note.ours and not note.source for note in ThroughputSettings.notes())


def test_kernels_and_batches_take_the_memory_format_and_no_other_value() -> None:
    images, labels = torch.rand(12, 3, 5, 5), torch.arange(12)
    found: dict[torch.memory_format | None, list[Tensor]] = {}
    for memory_format in (None, torch.contiguous_format, torch.channels_last):
        throughput = Throughput(memory_format=memory_format)
        convolution = throughput.placed(nn.Conv2d(3, 4, 3), torch.device("cpu"))
        batches = TrainingBatches(
            throughput.laid_out(images),
            labels,
            batch_size=4,
            padding=1,
            generator=torch.Generator().manual_seed(0),
            memory_format=memory_format,
        )
        found[memory_format] = [batch for batch, _ in batches]
        if memory_format is not None:
            for tensor in (convolution.weight, throughput.laid_out(images), *found[memory_format]):
                assert tensor.is_contiguous(memory_format=memory_format)
    for contiguous, last, plain in zip(*(found[each] for each in (*found,)), strict=True):
        assert torch.equal(contiguous, last)
        assert torch.equal(contiguous, plain)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_answers_in_the_format_of_its_batch(channels: int) -> None:
    """A batch of one channel is contiguous in both formats; only its strides say which one it is in."""
    for memory_format, other in (
        (torch.contiguous_format, torch.channels_last),
        (torch.channels_last, torch.contiguous_format),
    ):
        throughput = Throughput(memory_format=memory_format)
        convolution = throughput.placed(nn.Conv2d(channels, 4, 3), torch.device("cpu"))
        batches = TrainingBatches(
            torch.rand(8, channels, 6, 6),
            torch.arange(8),
            batch_size=8,
            padding=0,
            generator=torch.Generator(),
            memory_format=memory_format,
        )
        ((images, _),) = batches
        for inputs in (images, throughput.laid_out(torch.rand(8, channels, 6, 6))):
            assert convolution(inputs).is_contiguous(memory_format=memory_format)
            assert not convolution(inputs).is_contiguous(memory_format=other)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_passes_are_in_the_precision_and_nothing_is_after_them(precision: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 16, 10))
    images = torch.rand(4, 1, 6, 6)
    plain, before = model(images).detach(), tf32_is_allowed()
    with Throughput(precision).passes_of(model):
        assert tf32_is_allowed() == (precision == "tf32",) * 2
        scores = model(images)
        scores.square().sum().backward()
    assert tf32_is_allowed() == before
    assert scores.dtype is torch.float32
    # A CPU has no TF32.
    assert torch.equal(scores, plain) == (precision != "bfloat16")
    torch.testing.assert_close(scores.detach(), plain, rtol=0.0, atol=0.02)
    assert all(parameter.grad is not None and parameter.grad.dtype is torch.float32 for parameter in model.parameters())
    assert torch.equal(model(images), plain)
