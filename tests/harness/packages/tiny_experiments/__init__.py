"""Experiments that take no time, for the tests of the harness; found from a plain folder on the module path."""
