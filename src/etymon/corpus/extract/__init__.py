"""Extraction: from a page's markup to its main content as text, and what the page says about itself."""

from __future__ import annotations

from etymon.corpus.extract.page import EXTRACTORS, MissingExtractor, Page, describe, extract

__all__ = ["EXTRACTORS", "MissingExtractor", "Page", "describe", "extract"]
