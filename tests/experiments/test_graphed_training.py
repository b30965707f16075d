import copy

import pytest
import torch
from torch.nn import functional

from suite.experiments.graphed_training import forward_and_backward_as_graphs
from suite.models import ImageClassifier, residual_body


def train(model: ImageClassifier, images: torch.Tensor, labels: torch.Tensor, steps: int) -> None:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(steps):
        optimiser.zero_grad()
        functional.cross_entropy(model(images + step), labels).backward()
        optimiser.step()


def classifier(device: str) -> tuple[ImageClassifier, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = ImageClassifier(residual_body(4, 2), channels=4, stem_kind="res").to(device)
    return model, torch.rand(8, 1, 28, 28, device=device), torch.randint(10, (8,), device=device)


def test_nothing_changes_without_cuda() -> None:
    model, images, labels = classifier("cpu")
    with forward_and_backward_as_graphs(model, images):
        assert "forward" not in vars(model)
        train(model, images, labels, 2)


@pytest.mark.gpu
# torch 2.11 remarks on the streams of warm-up and training; all that it costs is a synchronisation.
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream:UserWarning")
def test_graphed_training_gives_the_weights_of_eager_training() -> None:
    model, images, labels = classifier("cuda")
    eager = copy.deepcopy(model)
    train(eager, images, labels, 5)
    model.train()
    with forward_and_backward_as_graphs(model, images):
        train(model, images, labels, 5)
        model.eval()
        assert model(images[:3]).shape == (3, 10)  # another batch size, in evaluation mode
    assert "forward" not in vars(model)
    for graphed, plain in zip(model.parameters(), eager.parameters(), strict=True):
        torch.testing.assert_close(graphed, plain, rtol=1e-4, atol=1e-6)
