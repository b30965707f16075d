"""Benchmarks of the suite: airspeed-velocity loads this folder, pytest-benchmark times the same cases.

airspeed-velocity imports the folder as the top-level package ``benchmarks`` and takes ``suite`` from the commit it
measures, so imports are relative inside the folder and absolute for the suite.
"""

import torch

# One thread: a second one helps nothing at these sizes, varies from run to run, and hangs processes that asv forks.
torch.set_num_threads(1)
