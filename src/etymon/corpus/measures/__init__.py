"""What is measured of a text: numbers by column, for a whole batch at once, that rules then judge."""

from etymon.corpus.measures.columns import COLUMNS, Column, measure

__all__ = ["COLUMNS", "Column", "measure"]
