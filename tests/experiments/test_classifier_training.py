import pytest
import torch
from torch import nn

from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.harness.meters import host_syncs

IMAGES, CLASSES = 50, 10


def numbered_images() -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose pixels all hold the image's number, which is also its label."""
    numbers = torch.arange(IMAGES)
    return numbers.float()[:, None, None, None].expand(IMAGES, 1, 4, 4).contiguous(), numbers


def batches_of(seed: int, padding: int = 0) -> TrainingBatches:
    images, labels = numbered_images()
    generator = torch.Generator().manual_seed(seed)
    return TrainingBatches(images, labels, batch_size=8, padding=padding, generator=generator)


def test_epoch_shows_each_image_at_most_once_with_its_label_and_drops_the_rest() -> None:
    batches = batches_of(0)
    seen = torch.cat([labels for _, labels in batches])
    assert len(batches) == 6
    assert len(seen) == len(seen.unique()) == 48
    for images, labels in batches:
        assert torch.equal(images[:, 0, 0, 0], labels.float())


def test_epochs_differ_and_equal_generators_give_equal_epochs() -> None:
    one, other = batches_of(3, padding=2), batches_of(3, padding=2)
    epochs = []
    for _ in range(2):
        pairs = list(zip(one, other, strict=True))
        assert all(torch.equal(mine[0], yours[0]) and torch.equal(mine[1], yours[1]) for mine, yours in pairs)
        epochs.append(torch.cat([mine[1] for mine, _ in pairs]))
    assert not torch.equal(epochs[0], epochs[1])


def test_fewer_images_than_a_batch_are_refused() -> None:
    images, labels = numbered_images()
    with pytest.raises(ValueError, match="a batch of 64 images cannot be drawn from 50 training images"):
        TrainingBatches(images, labels, batch_size=64, padding=0, generator=torch.Generator())


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(16, IMAGES)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.scores(images.flatten(1) / IMAGES)
        return result


def test_mean_loss_of_an_untrained_uniform_model_is_the_logarithm_of_the_number_of_classes() -> None:
    model = Linear()
    loss = train_epoch(model, torch.optim.SGD(model.parameters(), lr=0.0), batches_of(0))
    assert loss == pytest.approx(torch.tensor(float(IMAGES)).log().item(), rel=1e-6)


def test_training_lowers_the_loss() -> None:
    model = Linear()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [train_epoch(model, optimiser, batches_of(0)) for _ in range(5)]
    assert losses[-1] < losses[0]


def test_loss_that_is_not_finite_is_named() -> None:
    model = Linear()
    nn.init.constant_(model.scores.bias, float("nan"))
    with pytest.raises(FloatingPointError, match="training diverged: the mean loss of the epoch is nan"):
        train_epoch(model, torch.optim.SGD(model.parameters(), lr=0.1), batches_of(0))


def test_host_waits_for_the_device_once_in_an_epoch() -> None:
    model = Linear()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with host_syncs() as waits:
        train_epoch(model, optimiser, batches_of(0, padding=2))
    assert waits.value == 1


def test_error_counts_wrong_classes_over_all_batches() -> None:
    _, labels = numbered_images()
    scores = torch.eye(IMAGES)
    scores[:5] = scores[1:6].clone()
    assert error_percent(nn.Identity(), scores, labels, batch_size=7) == pytest.approx(10.0)


def test_host_waits_once_for_the_error_of_all_batches() -> None:
    _, labels = numbered_images()
    with host_syncs() as waits:
        error_percent(nn.Identity(), torch.eye(IMAGES), labels, batch_size=7)
    assert waits.value == 1


@pytest.mark.gpu
def test_an_epoch_on_a_device_copies_its_draws_once_however_many_batches_it_has() -> None:
    images, labels = (each.cuda() for each in numbered_images())
    model = Linear().cuda()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for batch_size in (25, 5):
        batches = TrainingBatches(images, labels, batch_size=batch_size, padding=2, generator=torch.Generator())
        with host_syncs() as waits:
            train_epoch(model, optimiser, batches)
        assert waits.value == 3  # order and offsets go to the device, the mean loss comes back
