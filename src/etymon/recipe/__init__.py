"""The setting: typed settings that every room declares beside its code, read from TOML and `key=value`, explained."""

from etymon.recipe.describe import explain, schema
from etymon.recipe.kinds import JsonObject
from etymon.recipe.load import check, from_json, load, sources
from etymon.recipe.mistakes import Mistake, Place, RecipeError
from etymon.recipe.plain import Difference, diff, identity, to_json
from etymon.recipe.reads import Reads, recording_reads, watch
from etymon.recipe.setting import Setting
from etymon.recipe.tree import keys
from etymon.recipe.units import (
    Bytes,
    Count,
    Duration,
    Flops,
    UnitError,
    format_bytes,
    parse_bytes,
    parse_count,
    parse_duration,
    parse_flops,
)
from etymon.recipe.write import to_toml

__all__ = [
    "Bytes",
    "Count",
    "Difference",
    "Duration",
    "Flops",
    "JsonObject",
    "Mistake",
    "Place",
    "Reads",
    "RecipeError",
    "Setting",
    "UnitError",
    "check",
    "diff",
    "explain",
    "format_bytes",
    "from_json",
    "identity",
    "keys",
    "load",
    "parse_bytes",
    "parse_count",
    "parse_duration",
    "parse_flops",
    "recording_reads",
    "schema",
    "sources",
    "to_json",
    "to_toml",
    "watch",
]
