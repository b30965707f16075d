"""Solves as CUDA graphs: what a solve launches is recorded once and replayed, without the host in between."""
