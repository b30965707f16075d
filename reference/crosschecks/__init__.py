"""Cross-checks: ours beside other libraries and beside finite differences, as experiments."""
