"""Problems with a solution that another library, or a formula, gives."""

from __future__ import annotations

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor


def lotka_volterra(t: Tensor, y: Tensor) -> Tensor:
    prey, predator = y.unbind(-1)
    return torch.stack([prey * (1.1 - 0.4 * predator), predator * (0.1 * prey - 0.4 + 0.2 * torch.sin(t))], dim=-1)


def lotka_volterra_reference(times: list[float], start: tuple[float, float] = (10.0, 5.0)) -> Tensor:
    """Solve it by scipy's DOP853 at 1e-13; shape ``[times, 2]``."""

    def field(t: float, y: np.ndarray) -> list[float]:
        return [y[0] * (1.1 - 0.4 * y[1]), y[1] * (0.1 * y[0] - 0.4 + 0.2 * np.sin(t))]

    solution = solve_ivp(
        field, (times[0], times[-1]), start, method="DOP853", rtol=1e-13, atol=1e-13, t_eval=times, max_step=0.1
    )
    return torch.tensor(solution.y.T)


def slope(sizes: list[float], errors: list[float]) -> float:
    """Fit the log-log slope where the error lies between 1e-3 and 1e-11, as far as rounding and asymptotics allow."""
    kept = [(h, e) for h, e in zip(sizes, errors, strict=True) if 1e-11 < e < 1e-3]
    assert len(kept) >= 4, f"only {len(kept)} errors lie in the asymptotic range: {errors}"
    logs = np.log(np.array(kept[-4:] if kept[-1][1] > 1e-11 else kept))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
