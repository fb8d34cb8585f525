"""Interpolated modified Kneser-Ney straight from the published equations, with dictionaries and no thought of speed.

Chen & Goodman 1998 ("An Empirical Study of Smoothing Techniques for Language Modeling", TR-10-98), section 3:
eq. 21-23 for p, D and gamma, eq. 26 for the estimates of D, and Kneser & Ney's counts of different predecessors for all
orders but the highest. Unigrams are interpolated with the uniform distribution over the vocabulary.
"""

from __future__ import annotations

from collections import Counter, defaultdict


class KneserNeyByHand:
    def __init__(self, documents, order, vocabulary, end_of_text):
        self.order, self.vocabulary = order, vocabulary
        occurrences = Counter()
        predecessors = defaultdict(set)
        for document in documents:
            text = (end_of_text, *document, end_of_text)
            for end in range(1, len(text)):
                for n in range(1, min(order, end + 1) + 1):
                    gram = text[end - n + 1 : end + 1]
                    occurrences[gram] += 1
                    if end - n >= 0:
                        predecessors[gram].add(text[end - n])
        self.count = {}
        for gram, times in occurrences.items():
            opens_a_document = len(gram) > 1 and gram[0] == end_of_text
            as_often = len(gram) == order or opens_a_document
            self.count[gram] = times if as_often else len(predecessors[gram])
        self.discounts = [self._discounts(n) for n in range(1, order + 1)]

    def _discounts(self, n):
        counts = [c for gram, c in self.count.items() if len(gram) == n]
        n1, n2, n3, n4 = (counts.count(k) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            return (0.5, 1.0, 1.5)
        y = n1 / (n1 + 2 * n2)
        found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        return found if all(0 < d <= j for j, d in enumerate(found, start=1)) else (0.5, 1.0, 1.5)

    def p(self, word, context):
        context = tuple(context)[max(len(context) - self.order + 1, 0) :]
        shorter = self.p(word, context[1:]) if context else 1 / self.vocabulary
        continuations = {x: self.count.get((*context, x), 0) for x in range(self.vocabulary)}
        total = sum(continuations.values())
        if total == 0:
            return shorter
        d = self.discounts[len(context)]
        kinds = Counter(min(c, 3) for c in continuations.values())
        gamma = sum(d[k - 1] * kinds[k] for k in (1, 2, 3)) / total
        c = continuations[word]
        return (c - (d[min(c, 3) - 1] if c else 0)) / total + gamma * shorter
