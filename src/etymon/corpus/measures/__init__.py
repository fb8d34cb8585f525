"""What is measured of a text: numbers by column, for a whole batch at once, that rules then judge."""

from etymon.corpus.measures.column import Column
from etymon.corpus.measures.columns import COLUMNS, Beside, measure

__all__ = ["COLUMNS", "Beside", "Column", "measure"]
