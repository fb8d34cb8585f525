"""Smoothing straight from the published equations, with dictionaries and no thought of speed: raw counts, one word at
a time. Kneser-Ney has a file of its own.
"""

from __future__ import annotations

from collections import Counter


class ByHand:
    """Raw counts of what followed each context; `p` is for the subclass to say."""

    def __init__(self, documents, order, vocabulary, end_of_text, **more):
        self.order, self.vocabulary, self.more = order, vocabulary, more
        self.after = {}  # context -> Counter of the words that followed
        for document in documents:
            text = (end_of_text, *document, end_of_text)
            for end in range(1, len(text)):
                for n in range(min(order - 1, end) + 1):
                    self.after.setdefault(text[end - n : end], Counter())[text[end]] += 1

    def context(self, read):
        return tuple(read)[max(len(read) - self.order + 1, 0) :]

    def below(self, word, context):
        return self.p(word, context[1:]) if context else 1 / self.vocabulary


class WittenBell(ByHand):
    def p(self, word, read):
        context = self.context(read)
        c = self.after.get(context)
        if not c:
            return self.below(word, context)
        return (c[word] + len(c) * self.below(word, context)) / (c.total() + len(c))


class AddK(ByHand):
    def p(self, word, read):
        c, k = self.after.get(self.context(read), Counter()), self.more["k"]
        return (c[word] + k) / (c.total() + k * self.vocabulary)


class MaximumLikelihood(ByHand):
    def p(self, word, read):
        context = self.context(read)
        c = self.after.get(context)
        return c[word] / c.total() if c else self.below(word, context)


class Katz(ByHand):
    def p(self, word, read):
        context = self.context(read)
        c = self.after.get(context)
        if not c:
            return self.below(word, context)
        taken = self.taken(len(context) + 1)
        kept = {w: n - (taken[n] if n < len(taken) else 0) for w, n in c.items()}
        total = c.total() + (sum(kept.values()) == c.total())  # nothing was taken: the context counts one more
        seen_below = sum(self.below(w, context) for w in c)
        if 1 - seen_below < 1e-12:  # all words were seen
            return kept[word] / sum(kept.values()) if word in c else self.below(word, context)
        if word in c:
            return kept[word] / total
        return (1 - sum(kept.values()) / total) / (1 - seen_below) * self.below(word, context)

    def taken(self, order):
        """What Good and Turing take from the counts 0, 1, ..., k of one order."""
        counts = [n for context, c in self.after.items() if len(context) == order - 1 for n in c.values()]
        n = [counts.count(r) for r in range(8)]
        for k in (5, 4, 3, 2, 1):
            try:
                common = (k + 1) * n[k + 1] / n[1]
                kept = [((r + 1) * n[r + 1] / n[r] / r - common) / (1 - common) for r in range(1, k + 1)]
            except ZeroDivisionError:
                continue
            if all(0 < d < 1 for d in kept):
                return [0, *(r * (1 - d) for r, d in enumerate(kept, start=1))]
        return [0, *[0.5] * 10_000]


class KneserNeyOnce:
    """One discount per order, on Kneser and Ney's counts."""

    def __new__(cls, documents, order, vocabulary, end_of_text):
        from kneser_ney_by_hand import KneserNeyByHand

        class Once(KneserNeyByHand):
            def _discounts(self, n):
                counts = [c for gram, c in self.count.items() if len(gram) == n]
                n1, n2 = counts.count(1), counts.count(2)
                return (n1 / (n1 + 2 * n2) if n1 else 0.5,) * 3

        return Once(documents, order, vocabulary, end_of_text)
