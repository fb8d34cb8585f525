"""The artifact: where every durable byte goes through, written whole or not at all and checked on every read."""

from etymon.storage.artifact import Artifact, artifact_id
from etymon.storage.blocks import Damage, Damaged, FileWriter
from etymon.storage.bucket import NetworkFault
from etymon.storage.canonical import JsonObject, canonical
from etymon.storage.checkpoint import Checkpoint
from etymon.storage.checkpoints import Checkpoints
from etymon.storage.commit import DiskFault, told
from etymon.storage.draft import Draft
from etymon.storage.far import FarFile, address_of, changed, far_files, is_far
from etymon.storage.generations import pushed_to
from etymon.storage.handed import hand_out, hand_out_file
from etymon.storage.journal import Journal
from etymon.storage.lock import Held
from etymon.storage.metrics import Metrics
from etymon.storage.ranks import Group, RankFault, RankLost, rank_file
from etymon.storage.records import Mark
from etymon.storage.remote import Remote
from etymon.storage.repair import Mended, Remake, Repair, Scratch, Unmade, Work, repair
from etymon.storage.run import Run
from etymon.storage.steps import Steps
from etymon.storage.store import Store

__all__ = [
    "Artifact",
    "Checkpoint",
    "Checkpoints",
    "Damage",
    "Damaged",
    "DiskFault",
    "Draft",
    "FarFile",
    "FileWriter",
    "Group",
    "Held",
    "Journal",
    "JsonObject",
    "Mark",
    "Mended",
    "Metrics",
    "NetworkFault",
    "RankFault",
    "RankLost",
    "Remake",
    "Remote",
    "Repair",
    "Run",
    "Scratch",
    "Steps",
    "Store",
    "Unmade",
    "Work",
    "address_of",
    "artifact_id",
    "canonical",
    "changed",
    "far_files",
    "hand_out",
    "hand_out_file",
    "is_far",
    "pushed_to",
    "rank_file",
    "repair",
    "told",
]
