"""The result: measurements with intervals."""

from etymon.statistics.result import Result

__all__ = ["Result"]
