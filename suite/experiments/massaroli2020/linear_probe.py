"""How well a line tells two classes of states apart: logistic regression, fitted on some and scored on others."""

from __future__ import annotations

from torch import Tensor

Labelled = tuple[Tensor, Tensor]
"""States ``[n, d]`` and their labels 0 and 1, ``[n]``."""


def probe_accuracy(fitted: Labelled, scored: Labelled) -> float:
    """Return the accuracy of a linear classifier in percent, on states that it is not fitted on.

    States are standardised, and the penalty is small, so that scale and length do not matter.

    Args:
        fitted: What the regression is fitted on.
        scored: What its accuracy is measured on.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    states, labels = (each.double().cpu().numpy() for each in fitted)
    test_states, test_labels = (each.double().cpu().numpy() for each in scored)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=1e4, max_iter=1_000))
    probe.fit(states, labels > 0.5)
    return 100 * float(probe.score(test_states, test_labels > 0.5))
