"""The GRU with gaps: what it may see, and that gaps matter to it."""

from __future__ import annotations

import torch

from suite.models.series import GapGRU


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 10, generator=generator)
    readable = torch.rand(3, 10, generator=generator) < 0.6
    readable[:, 7:] = False
    readable[1] = False  # a window of which nothing may be read
    return values, readable, torch.linspace(0, 1, 10)


def model() -> GapGRU:
    torch.manual_seed(0)
    return GapGRU(6)


@torch.no_grad()
def test_values_that_may_not_be_read_have_no_influence_and_others_have() -> None:
    values, readable, times = inputs()
    gru = model()
    base = gru(values, readable, times)
    assert base.shape == (3, 10)
    assert torch.equal(base, gru(torch.where(readable, values, 1e6), readable, times))
    moved = gru(torch.where(readable, values + 1, values), readable, times)
    assert (moved[[0, 2]] != base[[0, 2]]).all()  # also before the first observation: the encoder has read them all
    assert torch.equal(moved[1], base[1])


@torch.no_grad()
def test_the_length_of_a_gap_matters() -> None:
    values, readable, times = inputs()
    stretched = times.clone()
    stretched[8:] += 0.5
    gru = model()
    base, other = gru(values, readable, times), gru(values, readable, stretched)
    assert torch.allclose(base[:, :8], other[:, :8])
    assert (base[:, 8:] != other[:, 8:]).all()


@torch.no_grad()
def test_the_encoder_reads_the_observations_alone_whatever_stands_between_them() -> None:
    values, readable, times = inputs()
    gru = model()
    index = torch.nonzero(readable[0]).flatten()
    carried = values.gather(1, torch.where(readable, torch.arange(10), 0))
    on_grid = gru._encoded(carried[:1], readable[:1], times)
    packed = gru._encoded(values[:1, index], torch.ones(1, len(index), dtype=torch.bool), times[index])
    assert torch.allclose(on_grid, packed)
