"""The artifact: where every durable byte goes through, written whole or not at all and checked on every read."""

from etymon.storage.artifact import Artifact, artifact_id
from etymon.storage.blocks import Damage, Damaged, FileWriter
from etymon.storage.canonical import JsonObject, canonical
from etymon.storage.checkpoints import Checkpoint, Checkpoints
from etymon.storage.commit import DiskFault, told
from etymon.storage.draft import Draft
from etymon.storage.journal import Journal
from etymon.storage.lock import Held
from etymon.storage.metrics import Metrics
from etymon.storage.run import Run
from etymon.storage.store import Store

__all__ = [
    "Artifact",
    "Checkpoint",
    "Checkpoints",
    "Damage",
    "Damaged",
    "DiskFault",
    "Draft",
    "FileWriter",
    "Held",
    "Journal",
    "JsonObject",
    "Metrics",
    "Run",
    "Store",
    "artifact_id",
    "canonical",
    "told",
]
