"""Small random models to search, and the searches nobody could get wrong: all sequences, and a beam in plain Python."""

import math

import torch

from unrolled.cells.state import select

BEGIN, END = 1, 0


class Model:
    """h' = tanh(E[id] + W h + C[sentence]); symbols by U h', attention by A h' over the sentence's own positions."""

    def __init__(self, seed, V=4, sentences=1, lengths=None, D=6, sharpness=2.0, attention=True):
        draw = torch.Generator().manual_seed(seed)
        self.lengths = torch.tensor(lengths or [3] * sentences)
        S = int(self.lengths.max())
        sizes = {"E": (V, D), "W": (D, D), "C": (sentences, D), "U": (D, V), "A": (D, S)}
        for name, size in sizes.items():
            setattr(self, name, torch.randn(size, generator=draw, dtype=torch.float64))
        self.U *= sharpness
        self.V, self.sentences, self.attention, self.calls = V, sentences, attention, []

    def state(self, sentences=None):
        chosen = torch.arange(self.sentences) if sentences is None else torch.tensor(sentences)
        return chosen, {"h": torch.zeros(len(chosen), len(self.W), dtype=torch.float64)}

    def step(self, ids, state):
        self.calls.append((ids.tolist(), state[0].tolist()))
        sentence, h = state[0], state[1]["h"]
        assert ids.dtype == torch.int64
        assert len(ids) == len(h) > 0
        h = torch.tanh(self.E[ids] + h @ self.W + self.C[sentence])
        outside = torch.arange(self.A.size(1)) >= self.lengths[sentence].unsqueeze(1)
        weights = (3 * h @ self.A).masked_fill(outside, -math.inf).softmax(1)
        return (h @ self.U).log_softmax(1), weights if self.attention else None, (sentence, {"h": h})


def score(log_probability, weights, search):
    """``weights (T, S)`` of the source alone; written with loops."""
    T, S = weights.shape
    cp = sum(math.log(min(max(sum(weights[j, i].item() for j in range(T)), 1e-9), 1.0)) for i in range(S))
    return log_probability / ((5 + T) ** search.length_penalty / 6**search.length_penalty) + (
        search.coverage_penalty * cp
    )


def repeats(ids, n):
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return n > 0 and len(set(grams)) < len(grams)


def ways(ids, V, limit, search):
    """The symbols that may follow."""
    on = [v for v in range(V) if v != END and not repeats([*ids, v], search.no_repeat_ngram)]
    if len(ids) == limit or not on:
        return [END]
    return on + [END] * (len(ids) >= search.min_length)


def explore(model, sentence, limit, search, beam=None):
    """Finished ``(score, log P, ids, weights)``, best first: of all sequences, or with a beam nothing leaves."""
    S = int(model.lengths[sentence])
    live, finished = [([], 0.0, torch.zeros(0, S, dtype=torch.float64))], []
    state, last = model.state([sentence]), [BEGIN]
    while live:
        log_probs, weights, state = model.step(torch.tensor(last), state)
        found = [
            (total + log_probs[row, v].item(), row, v)
            for row, (ids, total, _) in enumerate(live)
            for v in ways(ids, model.V, limit, search)
        ]
        found.sort(key=lambda one: -one[0])
        after, parents = [], []
        for total, row, v in found[:beam]:
            looked = torch.cat([live[row][2], weights[row : row + 1, :S]])
            if v == END:
                finished.append((score(total, looked, search), total, live[row][0], looked))
            else:
                after.append(([*live[row][0], v], total, looked))
                parents.append(row)
        live, last = after, [ids[-1] for ids, _, _ in after]
        state = select(state, torch.tensor(parents, dtype=torch.int64))
    return sorted(finished, key=lambda one: -one[0])
