"""Sources: one sentence of a model, and the training documents in which its longest passages stand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from etymon.corpus import Corpus
from etymon.generation import Sampling, continue_text
from etymon.index import PassageIndex
from etymon.models import LanguageModel
from etymon.run.text import Text
from etymon.storage import Artifact
from etymon.tokens import Tokenizer

SENTENCE_END = re.compile(r"(?<=[.!?])\s")
# Shorter runs of letters stand in any text of this size and say nothing about where they come from.
LEAST_BYTES = 12
LEAST_CHARACTERS, MOST_CHARACTERS = 40, 400
DRAFTS = 8


def one_sentence(model: LanguageModel, tokenizer: Tokenizer, prompt: str, sampling: Sampling) -> str:
    """What the model writes after the prompt, to the end of the sentence: the first of eight drafts that is a whole
    sentence in one paragraph and long enough to be looked at, else the beginning of the first draft."""
    longer = replace(sampling, max_tokens=max(sampling.max_tokens, 80))
    drafts: list[str] = []
    for request in range(DRAFTS):
        draft = continue_text(model, tokenizer, prompt, longer, request=request)
        end = SENTENCE_END.search(draft)
        sentence = draft[: end.start()] if end else draft
        if end and len(sentence) >= LEAST_CHARACTERS and "\n\n" not in sentence:
            return sentence
        drafts.append(draft)
    return drafts[0][:MOST_CHARACTERS]


def trace_passages(corpus: Artifact, text: str) -> dict[str, Any]:
    """The longest passages of `text` that stand word for word in training documents, and the record of each document.

    The answer has the shape of `etymon trace`: spans with start and end (characters), document and decision. `source`
    is where the document's record stands in its file; `passage_offset` is in bytes of the document's own text.
    """
    opened = Corpus.open(corpus)
    documents = list(opened.documents("train"))
    index = PassageIndex([document.text.encode() for document in documents], [document.id for document in documents])
    by_id = {document.id: document for document in documents}
    spans: list[dict[str, Any]] = []
    for passage in index.longest_passages(text, minimum_bytes=LEAST_BYTES):
        document = by_id[passage.document_id]
        decision = opened.why(document.id)
        spans.append(
            {
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
                "document": {
                    "id": document.id,
                    "url": document.url,
                    "source": {"file": document.source_file, "offset": document.source_offset},
                    "passage_offset": passage.document_offset,
                },
                "decision": {"outcome": decision.outcome, "rule": decision.rule},
                "context": context(document.text, passage.document_offset, len(passage.text.encode())),
            }
        )
    return {"text": text, "spans": spans}


def context(text: str, offset: int, length: int, around: int = 60) -> str:
    """The passage where it stands, with a little of what is around it."""
    raw = text.encode()
    begin, end = max(offset - around, 0), min(offset + length + around, len(raw))
    return raw[begin:end].decode(errors="ignore")


def best_sentence(model: LanguageModel, family: str, prompt: str, text: Text, sampling: Sampling) -> dict[str, Any]:
    """The report's part on sources: a sentence of the best model, with the documents that its words come from."""
    sentence = one_sentence(model, text.tokenizer, prompt, sampling)
    return {"family": family, "prompt": prompt} | trace_passages(text.corpus, sentence)
