"""The archives that carry a records folder to another machine: their names, limits, and what may be in them.

An archive is a zip file, ``depthmark-<number>.zip``. Its members are

    manifest.json                                  {"format": 1, "members": {<name>: <SHA-256 of its bytes>}}
    records/<paper>/<artefact>/<name>.jsonl        records
    checkpoints/<cell key>-<code>.pt, .json        what interrupted cells left (suite/harness/interrupted.py)
    models/<digest>.safetensors, .json             trained models (suite/harness/store.py)
    models/index/<cell key>.json

and nothing else. Each can be read without the others.
"""

from __future__ import annotations

import re

FORMAT = 1
MOST_ARCHIVES = 8
LARGEST_ARCHIVE = 16 * 2**20
"""Bytes."""

MANIFEST = "manifest.json"
ARCHIVE_NAME = re.compile(r"depthmark-[1-9][0-9]*\.zip")

RECORD = re.compile(
    r"records/(?P<experiment>[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_.-]*)/"
    r"(?P<file>[A-Za-z0-9][A-Za-z0-9_.+=-]*-(?P<key>[0-9a-f]{16})-(?P<code>[0-9a-f]{8})\.jsonl)"
)
CHECKPOINT = re.compile(r"checkpoints/(?P<key>[0-9a-f]{16})-(?P<code>[0-9a-f]{16})\.(?P<kind>pt|json)")
WEIGHTS = re.compile(r"models/(?P<digest>[0-9a-f]{64})\.safetensors")
MODEL_PROVENANCE = re.compile(r"models/(?P<digest>[0-9a-f]{64})\.json")
MODEL_INDEX = re.compile(r"models/index/(?P<key>[0-9a-f]{16})\.json")


def archive_name(number: int) -> str:
    """Return the name of an archive, counted from 1."""
    return f"depthmark-{number}.zip"


def is_allowed(member: str) -> bool:
    """Return whether a member may have this name: it says where its bytes go, and must lead nowhere else."""
    kinds = (RECORD, CHECKPOINT, WEIGHTS, MODEL_PROVENANCE, MODEL_INDEX)
    return any(kind.fullmatch(member) is not None for kind in kinds)
