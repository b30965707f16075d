"""How anything is run and written down: registry, plan, seeds, model store, meters, records, executors and status."""

from suite.harness.missing_pooch import POOCH_IS_INSTALLED

__all__ = ["POOCH_IS_INSTALLED"]
