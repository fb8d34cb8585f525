"""Etymon: raw text to a language model you understand, with every word traced to its source."""

__version__ = "0.1.0"
