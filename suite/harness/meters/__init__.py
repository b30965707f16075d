"""Meters: each measures or counts one thing inside a ``with`` block and knows nothing of cells or records."""

from suite.harness.meters.host_syncs import host_syncs as host_syncs
from suite.harness.meters.macs import macs as macs
from suite.harness.meters.operations import operations as operations
from suite.harness.meters.peak_memory import peak_memory as peak_memory
from suite.harness.meters.saved_bytes import saved_bytes as saved_bytes
from suite.harness.meters.wall_time import best_of as best_of
from suite.harness.meters.wall_time import synchronise as synchronise
from suite.harness.meters.wall_time import wall_time as wall_time
