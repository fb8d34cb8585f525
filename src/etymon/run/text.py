"""The data half of a run: paths become a corpus, a tokenizer and shards, each made once."""

from __future__ import annotations

from dataclasses import dataclass

from etymon.corpus import Corpus, Working, build
from etymon.models import load
from etymon.progress import Progress
from etymon.run.job import Job
from etymon.run.narrator import Narrator
from etymon.run.presets import tokenizer_preset
from etymon.run.settings import tokenizer_of
from etymon.storage import Artifact
from etymon.tokens import Tokenizer, TokenStream, build_shards, open_shards, train_tokenizer


@dataclass(frozen=True)
class Text:
    """What the models read: the artifacts, and the opened tokenizer and streams by split."""

    corpus: Artifact
    tokenizer_artifact: Artifact
    shards: Artifact
    tokenizer: Tokenizer
    streams: dict[str, TokenStream]

    @property
    def train(self) -> TokenStream:
        return self.streams["train"]


def prepare(job: Job) -> Text:
    """Corpus -> tokenizer -> shards. With a model to go on from, its tokenizer is used as it is."""
    with job.phase("corpus", "reading the text") as progress:
        corpus = job.keep("corpus", _read(job, progress))
    tell_corpus(job.narrator, corpus)
    job.add_preset(tokenizer_preset(int(corpus.statistics["splits"]["train"]["bytes"])))
    with job.phase("tokenizer", "learning the tokenizer") as progress:
        tokenizer = earlier_tokenizer(job) or train_tokenizer(
            job.store, corpus, job.settings().tokenizer, progress=progress
        )
        job.keep("tokenizer", tokenizer)
    with job.phase("shards", "turning text into tokens") as progress:
        shards = job.keep("shards", build_shards(job.store, corpus, tokenizer, progress=progress))
    opened = Tokenizer.open(tokenizer)
    sizes = shards.statistics["splits"]["train"]
    job.narrator.say(
        f"{opened.vocabulary:,} kinds of token, {sizes['bytes'] / max(sizes['tokens'], 1):.2f} bytes each on average: "
        f"{sizes['tokens']:,} tokens to learn from"
    )
    return Text(corpus, tokenizer, shards, opened, open_shards(shards))


def _read(job: Job, progress: Progress) -> Artifact:
    return build(job.store, job.request.paths, job.settings().corpus, working=Working.here(), progress=progress)


def earlier_tokenizer(job: Job) -> Artifact | None:
    """The tokenizer of the model that this run goes on from."""
    if job.request.initial is None:
        return None
    model = job.store.open(job.request.initial)
    load(model)  # a damaged or foreign artifact is better found now than after the text is read
    return tokenizer_of(job.store, model)


def tell_corpus(narrator: Narrator, corpus: Artifact) -> None:
    """The funnel in one sentence, and every file that could not be read by name."""
    documents = corpus.statistics["documents"]
    kept = corpus.statistics["bytes"]["kept"]
    narrator.say(f"{documents['kept']:,} of {documents['in']:,} documents kept ({kept / 1e6:,.2f} MB of text)")
    for rule, count in sorted(documents["dropped"].items()):
        narrator.say(f"  {count:,} dropped: {rule}")
    for fault, count in sorted(documents["quarantined"].items()):
        narrator.warn(f"{count:,} could not be used: {fault}")
    for decision in named_files(corpus)[:5]:
        narrator.warn(f"  {decision['file']}: {decision['why']}")


def named_files(corpus: Artifact) -> list[dict[str, str]]:
    """The quarantined files with the fault of each."""
    return [
        {"file": decision.source_file, "why": f"{decision.rule} ({decision.values['detail']})"}
        for decision in Corpus.open(corpus).decisions()
        if decision.outcome == "quarantined"
    ]
