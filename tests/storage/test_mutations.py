"""Mutations: a storage without one of its syncs or renames would lose or mix something, and the crash states show it.

The sites are read from what storage does, so a new sync or rename is covered as soon as some protocol comes upon it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from harness.crash_states import RENAMES, Bench, Found, Mutation, Protocol
from harness.protocols import PROTOCOLS

BUDGETS = (100, 400, 3000)
"""States tried of each protocol before the next is tried, round by round."""

DAMAGED_ALREADY = "what is set aside was found damaged: there is nothing of it to lose"
IN_ORDER = "the next change of the same folder is the rename into place, and is synced; a folder keeps its order"
NOT_NEEDED: Mapping[tuple[str, str], str] = {
    (
        "rename: commit.set_aside < draft.Draft._existing < draft.Draft._seal < draft.Draft.seal",
        "copied",
    ): DAMAGED_ALREADY,
    (
        "sync folder: commit.rename < commit.set_aside < draft.Draft._existing < draft.Draft._seal < draft.Draft.seal",
        "left out",
    ): IN_ORDER,
    ("sync folder: commit.rename < commit.set_aside < checkpoint.Saving.place", "left out"): IN_ORDER,
    (
        "sync folder: checkpoint.Saving.write",
        "left out",
    ): "on one machine rank 0 syncs the same folder later; on a network disk each machine syncs the names it has made",
    (
        "sync folder: commit.make_folder < records.RecordFile._open < records.RecordFile.keep",
        "left out",
    ): "a file that can be rewound was made after the folders above it were synced",
}
"""Mutations that harm nothing, and why: those asked for by functions whose other callers do need them."""


def first_bad(protocols: list[Protocol], mutation: Mutation) -> tuple[Found | None, int]:
    """The first state in which a check of one of the protocols fails, and how many states were tried until then."""
    tried = 0
    for turn, budget in enumerate(BUDGETS):
        for protocol in protocols:
            with Bench(protocol, seed=turn) as bench:
                found, states = bench.caught(mutation, budget)
            tried += states
            if found is not None:
                return found, tried
    return None, tried


@pytest.mark.parametrize("operation", ["sync", "sync folder"])
def test_a_storage_that_forgot_all_syncs_of_a_kind_would_be_caught(operation: str) -> None:
    journal = next(protocol for protocol in PROTOCOLS if protocol.name == "journal")
    found, tried = first_bad([journal], Mutation(operation))
    assert found is not None
    assert "lost" in found.faults
    assert tried < 100


@pytest.mark.parametrize("how", RENAMES)
def test_a_storage_that_does_not_rename_in_one_step_would_be_caught(how: str) -> None:
    writing = next(protocol for protocol in PROTOCOLS if protocol.name == "writing a file")
    found, tried = first_bad([writing], Mutation("rename", how))
    assert found is not None
    assert tried < 1000


def test_each_sync_of_the_journal_and_of_a_file_is_needed() -> None:
    few = [protocol for protocol in PROTOCOLS if protocol.name in ("making a store", "journal", "writing a file")]
    assert len(mutations(few)) > 10
    assert uncaught(few) == {}


@pytest.mark.ci
@pytest.mark.timeout(900)
def test_each_site_of_a_sync_or_rename_is_needed_or_listed_with_a_reason(
    record_property: Callable[[str, object], None],
) -> None:
    missed, every = uncaught(PROTOCOLS), len(mutations(PROTOCOLS))
    record_property("found", f"{every - len(missed)} of {every} caught, {len(missed)} needless and listed with why")
    assert set(missed) == set(NOT_NEEDED), missed


def uncaught(protocols: list[Protocol]) -> dict[tuple[str, str], int]:
    """The mutations that no check of any protocol notices, and how many states were tried."""
    missed: dict[tuple[str, str], int] = {}
    for mutation, touched in mutations(protocols).items():
        found, tried = first_bad(touched, mutation)
        if found is None:
            missed[mutation.site, mutation.how] = tried
    return missed


def mutations(protocols: list[Protocol]) -> dict[Mutation, list[Protocol]]:
    """Each mutation of each site, and the protocols that come upon it."""
    found: dict[Mutation, list[Protocol]] = {}
    for protocol in protocols:
        with Bench(protocol) as bench:
            for site, replaces in bench.sites().items():
                renames = RENAMES if replaces else RENAMES[:1]  # what is not there cannot be removed first
                for how in renames if site.startswith("rename") else ("left out",):
                    found.setdefault(Mutation(site, how), []).append(protocol)
    return found
