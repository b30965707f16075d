"""A step as a graph trains as a plain loop does, whatever changes between steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import StepLR

from suite.models.graphed_step import WARM_UP, GraphedStep
from suite.solvers.graphs.recorder import CudaRecorder, NotCapturableError
from tests.solvers.tape_recorder import TapeRecorder, tensors

STEPS = 9
MakeOptimiser = Callable[[nn.Module], Optimizer]
# Rates that single precision holds exactly, as the device has them.
OPTIMISERS: dict[str, MakeOptimiser] = {
    "adam": lambda model: Adam(model.parameters(), lr=2**-5),
    "adamw": lambda model: AdamW(model.parameters(), lr=2**-5, weight_decay=0.1),
    "sgd": lambda model: SGD(model.parameters(), lr=2**-4),
    "momentum": lambda model: SGD(model.parameters(), lr=2**-4, momentum=0.9),
}


def network(device: str = "cpu") -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 2)).to(device)


def batches(sizes: list[int], device: str = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    for size in sizes:
        x = torch.randn(size, 3, generator=generator)
        yield x.to(device), torch.stack([x.sum(dim=1), x[:, 0]], dim=1).to(device)


def losses_of(model: nn.Module) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    def losses(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        found = model(x)
        return functional.mse_loss(found, y), found.sum(dim=1)

    return losses


def trained_by_hand(
    model: nn.Module, optimiser: Optimizer, sizes: list[int], device: str = "cpu", norm: float | None = None
) -> list[float]:
    schedule = StepLR(optimiser, 4, gamma=0.5)
    course = []
    for x, y in batches(sizes, device):
        optimiser.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        if norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), norm)
        optimiser.step()
        schedule.step()
        course.append(loss.item())
    return course


def trained(
    step: GraphedStep, optimiser: Optimizer, sizes: list[int], device: str = "cpu"
) -> tuple[list[float], list[Tensor]]:
    schedule = StepLR(optimiser, 4, gamma=0.5)
    course, outputs = [], []
    for x, y in batches(sizes, device):
        loss, found = step(x, y)
        assert not loss.requires_grad
        assert not found.requires_grad
        course.append(loss.item())
        outputs.append(found.clone())
        schedule.step()
    return course, outputs


def state_of(model: nn.Module, optimiser: Optimizer) -> list[Tensor]:
    moments = [value for state in optimiser.state.values() for value in state.values() if isinstance(value, Tensor)]
    return [*model.state_dict().values(), *moments]


@pytest.mark.parametrize("make", [*OPTIMISERS.values(), lambda model: RMSprop(model.parameters(), momentum=0.9)])
@pytest.mark.parametrize("norm", [None, 0.5])
def test_on_a_cpu_a_step_is_the_plain_one_bit_for_bit(make: MakeOptimiser, norm: float | None) -> None:
    by_hand, model = network(), network()
    expected = trained_by_hand(by_hand, make(by_hand), [8] * STEPS, norm=norm)
    optimiser = make(model)
    step = GraphedStep(losses_of(model), optimiser, gradient_norm=norm)
    assert trained(step, optimiser, [8] * STEPS)[0] == expected
    for own, other in zip(model.state_dict().values(), by_hand.state_dict().values(), strict=True):
        assert torch.equal(own, other)
    assert step.fallback == "the parameters are on a CPU, where no kernel is launched"
    assert not any(group.get("fused") for group in optimiser.param_groups)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("norm", [None, 0.5])
def test_recorded_steps_train_as_a_plain_loop_with_new_inputs_and_rates(name: str, norm: float | None) -> None:
    make = OPTIMISERS[name]
    by_hand, model = network(), network()
    expected = trained_by_hand(by_hand, make(by_hand), [8] * STEPS, norm=norm)
    optimiser = make(model)
    recorder = TapeRecorder(lambda: state_of(model, optimiser))
    step = GraphedStep(losses_of(model), optimiser, gradient_norm=norm, recorder=recorder)
    found, outputs = trained(step, optimiser, [8] * STEPS)
    # A fused optimiser rounds otherwise, and that is all.
    assert found == pytest.approx(expected, rel=1e-5)
    for own, other in zip(model.state_dict().values(), by_hand.state_dict().values(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    assert (recorder.warm_ups, recorder.captures, recorder.replays) == (WARM_UP, 1, STEPS - WARM_UP)
    assert step.fallback == ""
    assert len({float(each.sum()) for each in outputs}) == STEPS
    assert [group["lr"] for group in optimiser.param_groups] == [2**-7 if "adam" in name else 2**-6]
    assert int(model.state_dict()["2.num_batches_tracked"]) == STEPS


def test_inputs_are_copied_into_those_of_the_recording_and_stay_as_they_are() -> None:
    model = network()
    optimiser = OPTIMISERS["momentum"](model)
    step = GraphedStep(losses_of(model), optimiser, recorder=TapeRecorder(lambda: state_of(model, optimiser)))
    for x, y in batches([8] * STEPS):
        before = (x.clone(), y.clone())
        step(x, y)
        assert torch.equal(x, before[0])
        assert torch.equal(y, before[1])


def test_another_shape_is_trained_on_without_the_recording() -> None:
    sizes = [8, 8, 8, 8, 8, 5, 8, 5, 8]
    by_hand, model = network(), network()
    expected = trained_by_hand(by_hand, OPTIMISERS["adam"](by_hand), sizes)
    optimiser = OPTIMISERS["adam"](model)
    recorder = TapeRecorder(lambda: state_of(model, optimiser))
    found, _ = trained(GraphedStep(losses_of(model), optimiser, recorder=recorder), optimiser, sizes)
    assert found == pytest.approx(expected, rel=1e-5)
    assert (recorder.captures, recorder.replays) == (1, 4)


def test_a_loaded_state_is_recorded_anew() -> None:
    """As after an interruption: tensors of the optimiser are others, so a recording of the old ones trains nothing."""
    by_hand, model = network(), network()
    plain = OPTIMISERS["adam"](by_hand)
    optimiser = OPTIMISERS["adam"](model)
    recorder = TapeRecorder(lambda: state_of(model, optimiser))
    step = GraphedStep(losses_of(model), optimiser, recorder=recorder)
    trained(step, optimiser, [8] * STEPS)
    kept: Any = copy.deepcopy((model.state_dict(), optimiser.state_dict()))
    trained(step, optimiser, [8] * STEPS)
    for each, of in ((model, optimiser), (by_hand, plain)):
        own = copy.deepcopy(kept)  # an optimiser takes the tensors that it loads
        each.load_state_dict(own[0])
        of.load_state_dict(own[1])
    found, _ = trained(step, optimiser, [8] * STEPS)
    assert found == pytest.approx(trained_by_hand(by_hand, plain, [8] * STEPS), rel=1e-5)
    assert (recorder.captures, recorder.warm_ups) == (2, 2 * WARM_UP)


def test_a_loss_that_reads_the_device_falls_back_without_a_lost_step() -> None:
    by_hand, model = network(), network()
    expected = trained_by_hand(by_hand, OPTIMISERS["adam"](by_hand), [8] * STEPS)
    optimiser = OPTIMISERS["adam"](model)

    def reading(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, found = losses_of(model)(x, y)
        return loss * (1.0 if float(loss.detach()) >= 0 else 2.0), found

    recorder = TapeRecorder(lambda: state_of(model, optimiser))
    step = GraphedStep(reading, optimiser, recorder=recorder)
    model.train()
    # The running means of the normalisation, which take note of the broken attempt as well, are not trained with.
    assert trained(step, optimiser, [8] * STEPS)[0] == pytest.approx(expected, rel=1e-5)
    assert step.fallback == "a step reads a number of a tensor"
    assert (recorder.warm_ups, recorder.captures) == (WARM_UP, 0)


def test_a_failed_recording_falls_back_without_a_lost_step() -> None:
    by_hand, model = network(), network()
    expected = trained_by_hand(by_hand, OPTIMISERS["momentum"](by_hand), [8] * STEPS)
    optimiser = OPTIMISERS["momentum"](model)

    class Failing(TapeRecorder):
        def capture(self, work: Any) -> Any:
            raise NotCapturableError("CUDA does not record a step: no")

    step = GraphedStep(losses_of(model), optimiser, recorder=Failing(lambda: []))
    assert trained(step, optimiser, [8] * STEPS)[0] == pytest.approx(expected, rel=1e-5)
    assert step.fallback == "CUDA does not record a step: no"


def test_errors_of_the_loss_are_not_hidden() -> None:
    model = network()
    optimiser = OPTIMISERS["adam"](model)

    def broken(x: Tensor) -> tuple[Tensor, ...]:
        raise FloatingPointError("diverged")

    step = GraphedStep(broken, optimiser, recorder=TapeRecorder(lambda: []))
    with pytest.raises(FloatingPointError, match="diverged"):
        step(torch.zeros(2, 3))


def test_other_optimisers_take_plain_steps_and_say_why() -> None:
    model = network()
    optimiser = torch.optim.Rprop(model.parameters())
    step = GraphedStep(losses_of(model), optimiser, recorder=TapeRecorder(lambda: []))
    assert step.fallback == "Rprop has no step that reads its learning rate on the device"
    trained(step, optimiser, [8] * STEPS)
    with pytest.raises(ValueError, match="has parameters"):
        GraphedStep(losses_of(model), SGD([{"params": []}], lr=0.1))


def test_the_stand_in_repeats_what_it_recorded_and_not_what_was_in_the_tensors() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.zeros(2)
    recorder = TapeRecorder(lambda: [y])
    play = recorder.capture(lambda: (y.add_(x.view(2, 1).squeeze(1) * 3).exp(),))
    assert y.tolist() == [0, 0]
    x.copy_(torch.tensor([1.0, -1.0]))
    (found,) = play()
    assert y.tolist() == [3, -3]
    torch.testing.assert_close(found, torch.tensor([3.0, -3.0]).exp())
    assert tensors({"a": [x], "b": 1}) == [x]


# torch 2.11 remarks on the streams of warm-ups and other steps; all that it costs is a synchronisation.
streams = pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream:UserWarning")


@pytest.mark.gpu
@streams
@pytest.mark.parametrize("name", [*OPTIMISERS, "rmsprop"])
@pytest.mark.parametrize("norm", [None, 0.5])
def test_graphed_training_is_eager_training(name: str, norm: float | None) -> None:
    def make(model: nn.Module) -> Optimizer:
        if name == "rmsprop":
            return RMSprop(model.parameters(), lr=2**-7, momentum=0.9)
        return OPTIMISERS[name](model)

    sizes = [8] * 6 + [5] + [8] * 6
    by_hand, model = network("cuda"), network("cuda")
    expected = trained_by_hand(by_hand, make(by_hand), sizes, "cuda", norm)
    optimiser = make(model)
    step = GraphedStep(losses_of(model), optimiser, gradient_norm=norm)
    found, _ = trained(step, optimiser, sizes, "cuda")
    assert step.fallback == ""
    assert step._replay is not None
    assert found == pytest.approx(expected, rel=1e-4)
    for own, other in zip(model.state_dict().values(), by_hand.state_dict().values(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-5)


@pytest.mark.gpu
@streams
def test_a_loss_that_waits_for_the_host_falls_back_on_a_gpu_and_the_device_stays_usable() -> None:
    by_hand, model = network("cuda"), network("cuda")
    expected = trained_by_hand(by_hand, OPTIMISERS["adam"](by_hand), [8] * STEPS, "cuda")
    optimiser = OPTIMISERS["adam"](model)

    def reading(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, found = losses_of(model)(x, y)
        return loss * (1.0 if float(loss.detach()) >= 0 else 2.0), found

    step = GraphedStep(reading, optimiser)
    assert trained(step, optimiser, [8] * STEPS, "cuda")[0] == pytest.approx(expected, rel=1e-4)
    assert step.fallback == "a step waits for the host, which a CUDA graph cannot"
    assert torch.cuda.get_sync_debug_mode() == 0
    torch.randn(3, device="cuda").sum().item()


@pytest.mark.gpu
def test_a_recording_that_fails_leaves_stream_and_device_usable() -> None:
    recorder = CudaRecorder(torch.device("cuda"))
    before, x = torch.cuda.current_stream(), torch.ones(3, device="cuda")
    with pytest.raises(NotCapturableError, match="CUDA does not record a step"):
        recorder.capture(lambda: (x * x.sum().item(),))
    assert torch.cuda.current_stream() == before
    assert float((x + 1).sum()) == 6.0
