import math

import pytest
import torch
from torch import Tensor, nn

from suite.models import Gradient
from suite.models.latent import (
    LatentField,
    LatentODE,
    NextObservationRNN,
    RecognitionNetwork,
    RecurrentVAE,
    draw_initial_state,
    evidence_lower_bound,
    gaussian_log_density,
    kl_to_standard_normal,
    perceptron_decoder,
)

LATENT = 4


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    torch.manual_seed(0)


def irregular(batch: int, n: int, values: int = 2) -> tuple[Tensor, Tensor]:
    """Random observations at random ascending times, in float64."""
    return torch.randn(batch, n, values).double(), torch.rand(batch, n).double().cumsum(dim=1)


def latent_ode(field: nn.Module, **options: object) -> LatentODE:
    model = LatentODE(
        RecognitionNetwork(2, LATENT),
        field,
        perceptron_decoder(LATENT, 2),
        **options,  # type: ignore[arg-type]
    )
    return model.double()


class Linear(nn.Module):
    """``dz/dt = A z``, solved by the matrix exponential."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(0.5 * torch.randn(LATENT, LATENT))

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        return z @ self.matrix.T


# --- the recognition network ---


def test_recognition_reads_the_observations_backwards_in_time_with_the_gaps_before_them() -> None:
    network = RecognitionNetwork(2, LATENT, hidden=5).double()
    values, times = irregular(1, 3)
    weights = dict(network.rnn.named_parameters())
    state = torch.zeros(5, dtype=torch.float64)
    gaps = [times[0, 0] - 0.25, times[0, 1] - times[0, 0], times[0, 2] - times[0, 1]]
    for i in (2, 1, 0):
        read = torch.cat((values[0, i], gaps[i].reshape(1)))
        state = torch.tanh(
            weights["weight_ih_l0"] @ read + weights["bias_ih_l0"] + weights["weight_hh_l0"] @ state
            + weights["bias_hh_l0"]
        )  # fmt: skip
    mean, log_std = network(values, times, start=0.25)
    torch.testing.assert_close(torch.cat((mean, log_std), dim=1)[0], network.posterior(state))


def test_recognition_of_a_padded_sample_is_that_of_the_sample_alone() -> None:
    network = RecognitionNetwork(2, LATENT).double()
    values, times = irregular(4, 6)
    lengths = (6, 4, 1, 0)
    mask = torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    mean, log_std = network(values, times, mask)
    for sample, length in enumerate(lengths[:-1]):
        alone = network(values[sample : sample + 1, :length], times[sample : sample + 1, :length])
        torch.testing.assert_close((mean[sample], log_std[sample]), (alone[0][0], alone[1][0]))
    torch.testing.assert_close(torch.cat((mean[3], log_std[3])), network.posterior.bias)


def test_recognition_takes_events_of_which_only_the_times_are_known() -> None:
    network = RecognitionNetwork(0, LATENT).double()
    values, times = irregular(3, 5, values=0)
    assert network(values, times)[0].shape == (3, LATENT)


def test_recognition_has_the_units_that_the_paper_prints() -> None:
    assert RecognitionNetwork(2, LATENT).rnn.hidden_size == 25
    assert LatentField(LATENT).into.out_features == 20
    assert perceptron_decoder(LATENT, 2)[0].out_features == 20


# --- the latent ODE ---


def test_latent_path_of_a_linear_field_is_the_matrix_exponential() -> None:
    field = Linear()
    model = latent_ode(field, tolerance=1e-10)
    z0 = torch.randn(3, LATENT, dtype=torch.float64)
    times = torch.tensor([0.5, 0.8, 2.0], dtype=torch.float64)
    matrix = field.matrix.detach().double()
    exact = torch.stack([z0 @ torch.linalg.matrix_exp(matrix * (t - 0.5)).T for t in times], dim=1)
    torch.testing.assert_close(model.latent_path(z0, times).detach(), exact, atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(model.decode(z0, times), model.decoder(exact), atol=1e-8, rtol=1e-8)


def test_adjoint_and_direct_gradients_of_the_bound_agree() -> None:
    values, _ = irregular(3, 5)
    grid = torch.linspace(0, 2, 5, dtype=torch.float64)
    noise = torch.randn(3, LATENT, dtype=torch.float64)
    model = latent_ode(LatentField(LATENT), tolerance=1e-10)
    found = []
    ways: tuple[Gradient, ...] = ("direct", "adjoint")
    for gradient in ways:
        model.gradient = gradient
        model.reset_counts()
        mean, log_std = model.encode(values, grid.expand(3, -1))
        decoded = model.decode(draw_initial_state(mean, log_std, noise), grid)
        bound = evidence_lower_bound(values, decoded, mean, log_std, noise_std=0.3).mean()
        gradients = torch.autograd.grad(bound, list(model.parameters()))
        found.append(torch.cat([each.flatten() for each in gradients]))
        assert model.nfe_forward > 0
        assert (model.nfe_backward > 0) == (gradient == "adjoint")
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-6)


def test_latent_ode_refuses_an_unknown_gradient() -> None:
    with pytest.raises(ValueError, match="unknown gradient 'forward'; the ways are direct, adjoint"):
        latent_ode(LatentField(LATENT), gradient="forward")


# --- the bound ---


def test_kl_to_the_prior_matches_torch_distributions() -> None:
    mean, log_std = torch.randn(2, 5, LATENT)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, log_std.exp()), torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    ).sum(dim=-1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_std), exact)


def test_bound_is_the_evidence_when_the_posterior_is_exact() -> None:
    # x ~ N(z, s^2) with z ~ N(0, 1): posterior N(x / (1 + s^2), s^2 / (1 + s^2)), evidence N(0, 1 + s^2).
    x, noise_std = torch.tensor([[[0.7]]], dtype=torch.float64), 0.5
    mean = (x / (1 + noise_std**2)).squeeze(1)
    log_std = torch.full_like(mean, 0.5 * math.log(noise_std**2 / (1 + noise_std**2)))
    # Gauss-Hermite nodes integrate the quadratic log density over z exactly.
    draws, weights = torch.tensor([-1.0, 1.0], dtype=torch.float64), 0.5
    bound = sum(
        weights
        * evidence_lower_bound(
            x, draw_initial_state(mean, log_std, draw).unsqueeze(1), mean, log_std, noise_std=noise_std
        )
        for draw in draws
    )
    evidence = gaussian_log_density(x, torch.zeros_like(x), math.sqrt(1 + noise_std**2)).squeeze()
    torch.testing.assert_close(torch.as_tensor(bound).squeeze(), evidence)


def test_bound_of_a_padded_sample_leaves_the_padding_out() -> None:
    values, decoded = torch.randn(2, 2, 4, 2)
    mean, log_std = torch.randn(2, 2, LATENT)
    mask = torch.tensor([[True, True, True, False], [True, True, True, False]])
    padded = evidence_lower_bound(values, decoded, mean, log_std, noise_std=0.1, mask=mask)
    alone = evidence_lower_bound(values[:, :3], decoded[:, :3], mean, log_std, noise_std=0.1)
    torch.testing.assert_close(padded, alone)


# --- the baselines ---


@pytest.mark.parametrize("time_gaps", [False, True])
def test_next_observation_is_predicted_from_the_past_alone(time_gaps: bool) -> None:
    model = NextObservationRNN(2, time_gaps=time_gaps).double()
    values, times = irregular(3, 6)
    changed = values.clone()
    changed[:, 3] += 1
    before, after = model(values, times), model(changed, times)
    torch.testing.assert_close(before[:, :3], after[:, :3])  # predictions of observations 1, 2, 3
    assert not torch.allclose(before[:, 3], after[:, 3])
    stretched = torch.cat((times[:, :-1], times[:, -1:] + 1), dim=1)
    assert torch.equal(before, model(values, stretched)) != time_gaps


@pytest.mark.parametrize("time_gaps", [False, True])
def test_extrapolation_reads_its_own_predictions(time_gaps: bool) -> None:
    model = NextObservationRNN(2, time_gaps=time_gaps).double()
    values, times = irregular(3, 4)
    later = times.max() + torch.tensor([0.5, 0.7, 2.0], dtype=torch.float64)
    predictions = model.extrapolate(values, times, later)
    # Its predictions, taken for observations, are predicted by teacher forcing to be themselves.
    together = torch.cat((values, predictions), dim=1)
    forced = model(together, torch.cat((times, later.expand(3, -1)), dim=1))
    torch.testing.assert_close(forced[:, 3:], predictions)


def test_likelihood_of_a_padded_sample_is_that_of_the_sample_alone() -> None:
    model = NextObservationRNN(2, time_gaps=True).double()
    values, times = irregular(2, 5)
    mask = torch.arange(5).expand(2, -1) < 3
    padded = model.negative_log_likelihood(values, times, mask)
    torch.testing.assert_close(padded, model.negative_log_likelihood(values[:, :3], times[:, :3]))


def test_recurrent_vae_steps_its_decoder_by_the_gaps_between_output_times() -> None:
    model = RecurrentVAE(RecognitionNetwork(2, LATENT), perceptron_decoder(25, 2), latent=LATENT).double()
    z0, times = torch.randn(2, LATENT).double(), torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    hidden = model.initial(z0).tanh()
    expected = [hidden]
    for gap in (0.3, 0.7):
        hidden = model.rnn(torch.full((2, 1, 1), gap).double(), hidden.unsqueeze(0))[0].squeeze(1)
        expected.append(hidden)
    torch.testing.assert_close(model.latent_path(z0, times), torch.stack(expected, dim=1))
    torch.testing.assert_close(model.decode(z0, times[:1]), model.decoder(expected[0]).unsqueeze(1))


def test_the_untrained_posterior_has_about_the_deviation_asked_for() -> None:
    network = RecognitionNetwork(2, LATENT, initial_std=0.05).double()
    _, log_std = network(*irregular(20, 6))
    assert bool(((log_std.exp() > 0.03) & (log_std.exp() < 0.08)).all())
