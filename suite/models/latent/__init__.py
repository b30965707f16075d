"""Latent-variable models of time series observed at irregular times (Chen et al. 2018, section 5), and baselines."""

from suite.models.latent.latent_field import LatentField
from suite.models.latent.latent_ode import LatentODE
from suite.models.latent.perceptron_decoder import perceptron_decoder
from suite.models.latent.recognition import RecognitionNetwork
from suite.models.latent.recurrent_prediction import NextObservationRNN
from suite.models.latent.recurrent_vae import RecurrentVAE
from suite.models.latent.variational import (
    draw_initial_state,
    evidence_lower_bound,
    gaussian_log_density,
    kl_to_standard_normal,
)

__all__ = [
    "LatentField",
    "LatentODE",
    "NextObservationRNN",
    "RecognitionNetwork",
    "RecurrentVAE",
    "draw_initial_state",
    "evidence_lower_bound",
    "gaussian_log_density",
    "kl_to_standard_normal",
    "perceptron_decoder",
]
