"""How anything is run and written down: registry, plan, seeds, model store, meters, records, executors and status."""
