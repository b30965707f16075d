"""Ways to run many cells: one after another in this process, or in a pool of local processes."""
