"""`Attentive`: the numbered equations in plain arithmetic, position by position; what it never looks at."""

import math
import re

import pytest
import torch

from unrolled.cells import GRUCell, LSTMCell, RNNCell
from unrolled.cells.attentive import SCORES, Attentive, feed_size, masked_softmax
from unrolled.errors import ArgumentError, ShapeError

I, H, A, S, N, T = 2, 3, 2, 4, 2, 3
CELLS = {"gru": GRUCell, "lstm": LSTMCell, "rnn": RNNCell}
KINDS = [(score, feeding) for score in SCORES for feeding in ((False,) if score == "additive" else (False, True))]
LENGTHS = torch.tensor([4, 2])


def made(cell="gru", score="additive", feeding=False, C=H, **options):
    torch.manual_seed(3)
    inner = CELLS[cell](I + feed_size(score, C, H, feeding), H, **options)
    size = {"attention_size": A} if score == "additive" else {}
    attentive = Attentive(inner, I, C, score=score, input_feeding=feeding, **size).double()
    with torch.no_grad():
        for parameter in attentive.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return attentive


def first(cell, rows=N):
    return type(cell.cell.initial_state(rows))(*(torch.randn_like(leaf) for leaf in cell.cell.initial_state(rows)))


def times(matrix, vector):
    return [sum(w * x for w, x in zip(row, vector, strict=True)) for row in matrix]


def plus(*vectors):
    return [sum(parts) for parts in zip(*vectors, strict=True)]


def by_hand(cell, inputs, state, h, length, lane):
    """Equations (1) to (6') for one sentence, with lists of numbers; the inner cell's own step is its business."""
    p = {name: value.tolist() for name, value in cell.named_parameters()}
    positions = h[:length, lane].tolist()
    inner = type(state)(*(leaf[lane : lane + 1] for leaf in state))
    u = [0.0] * cell.feed_size
    outputs, weights = [], []

    def look(s):
        if cell.score == "additive":
            keys = [plus(times(p["key.weight"], h_i), p["key.bias"]) for h_i in positions]  # (1)
            wanted = times(p["query.weight"], s)
            e = [times([p["v"]], [math.tanh(q) for q in plus(wanted, k)])[0] for k in keys]  # (2)
        else:
            keys = [times(p["key.weight"], h_i) if cell.score == "general" else h_i for h_i in positions]
            e = [times([s], k)[0] / (math.sqrt(H) if cell.score == "scaled" else 1) for k in keys]  # (2')
        parts = [math.exp(one) for one in e]
        a = [one / sum(parts) for one in parts]  # (3)
        return a, [sum(a_i * h_i[j] for a_i, h_i in zip(a, positions, strict=True)) for j in range(len(h[0, 0]))]  # (4)

    for x in inputs[:, lane].tolist():
        if cell.score == "additive":
            a, c = look(inner[0][0].tolist())
            s, inner = cell.cell.step(torch.tensor([x + c], dtype=torch.float64), inner)  # (5)
            y = s[0].tolist() + c  # (6)
        else:
            fed = x + u if cell.input_feeding else x
            s, inner = cell.cell.step(torch.tensor([fed], dtype=torch.float64), inner)  # (5')
            a, c = look(s[0].tolist())
            mixed = plus(times(p["from_context.weight"], c), times(p["from_state.weight"], s[0].tolist()))
            y = u = [math.tanh(one) for one in mixed]  # (6')
        outputs.append(y)
        weights.append(a + [0.0] * (S - length))
    return outputs, weights


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("score", "feeding"), KINDS)
@torch.no_grad()
def test_the_equations(kind, score, feeding):
    cell = made(kind, score, feeding)
    inputs, h, start = torch.randn(T, N, I).double(), torch.randn(S, N, H).double(), first(cell)
    memory, state = cell.remember(h, LENGTHS), cell.begin(start)
    found = []
    for x in inputs:
        y, state, a = cell.step(x, state, memory)
        found.append((y, a))
    for lane, length in enumerate(LENGTHS.tolist()):
        outputs, weights = by_hand(cell, inputs, start, h, length, lane)
        for (y, a), wanted_y, wanted_a in zip(found, outputs, weights, strict=True):
            assert y[lane].tolist() == pytest.approx(wanted_y, abs=1e-12)
            assert a[lane].tolist() == pytest.approx(wanted_a, abs=1e-12)
    assert found[0][0].shape == (N, cell.output_size)


@pytest.mark.parametrize("C", [2, 5])
@pytest.mark.parametrize("score", ["additive", "general"])
@torch.no_grad()
def test_a_memory_of_another_width(score, C):
    cell = made("lstm", score, C=C)
    inputs, h, start = torch.randn(1, N, I).double(), torch.randn(S, N, C).double(), first(cell)
    y, _, _ = cell.step(inputs[0], cell.begin(start), cell.remember(h, LENGTHS))
    assert y[1].tolist() == pytest.approx(by_hand(cell, inputs, start, h, 2, 1)[0][0], abs=1e-12)


@pytest.mark.parametrize(("score", "feeding"), KINDS)
def test_what_stands_past_the_end_is_not_weighed(score, feeding):
    cell = made("gru", score, feeding)
    h, start, x = torch.randn(S, N, H).double(), first(cell), torch.randn(N, I).double()
    before = cell.step(x, cell.begin(start), cell.remember(h, LENGTHS))
    h[2:, 1] = 1e6
    after = cell.step(x, cell.begin(start), cell.remember(h, LENGTHS))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    assert not after[2][1, 2:].any()
    torch.testing.assert_close(after[2].sum(1), torch.ones(N).double())


def test_masked_softmax_of_steps_and_one_position():
    e = torch.tensor([[[math.log(1), math.log(3), 50.0], [7.0, math.nan, math.nan]]])  # (1, N, S)
    a = masked_softmax(e, torch.tensor([2, 1]))
    torch.testing.assert_close(a, torch.tensor([[[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]]))


def test_rows_share_a_sentence():
    cell = made("gru", "general", True)
    memory = cell.remember(torch.randn(S, N, H).double(), LENGTHS)
    start, x, rows = first(cell, 3), torch.randn(3, I).double(), torch.tensor([1, 0, 1])
    y, _, a = cell.step(x, cell.begin(start), memory, rows)
    for n, b in enumerate(rows.tolist()):
        one = type(start)(*(leaf[n : n + 1] for leaf in start))
        alone = cell.step(x[n : n + 1], cell.begin(one), memory.of(torch.tensor([b])))
        torch.testing.assert_close(y[n : n + 1], alone[0])
        torch.testing.assert_close(a[n : n + 1], alone[2])


@pytest.mark.parametrize(("steps", "width"), [(None, 12), (4, 0), (17, 0), (18, 12)])
def test_values_are_computed_where_they_save_multiplications(steps, width):
    """For S = 5, B = 2 and C = 12: 12 · steps against 5 · 2 · 12 + 5 · steps, each times 4 · H."""
    cell = Attentive(LSTMCell(2 + 12, 3), 2, 12)
    memory = cell.remember(torch.randn(5, 2, 12), torch.tensor([5, 3]), steps)
    assert memory.values.shape == (5, 2, width)
    general = Attentive(LSTMCell(2 + 3, 3), 2, 12, score="general", input_feeding=True)
    assert general.remember(torch.randn(5, 2, 12), torch.tensor([5, 3]), steps).values.shape == (5, 2, 3)


def test_a_cell_with_layer_norm_multiplies_the_context_itself():
    plain, normed = made("gru"), made("gru", layer_norm=True)
    h = torch.randn(S, N, H).double()
    assert normed.remember(h, LENGTHS).values.shape == (S, N, 0)
    torch.testing.assert_close(plain.remember(h, LENGTHS).values, h @ plain.cell.weight_ih[:, I:].T)
    start = first(normed)
    y, _, a = normed.step(torch.ones(N, I).double(), normed.begin(start), normed.remember(h, LENGTHS))
    c = (a.T[:, :, None] * h).sum(0)
    wanted, _ = normed.cell.step(torch.cat([torch.ones(N, I).double(), c], 1), start)
    torch.testing.assert_close(y, torch.cat([wanted, c], 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Attentive(GRUCell(2, 3), 2, 3), "cell must be a cell with input_size 5, got 2"),
        (lambda: Attentive(GRUCell(2, 3), 2, 3, score="cosine"), "score must be one of additive, dot, scaled, general"),
        (lambda: Attentive(GRUCell(5, 3), 2, 3, input_feeding=True), "input_feeding must be omitted with additive"),
        (lambda: Attentive(GRUCell(2, 3), 2, 4, score="dot"), "memory_size must be the width of the state (3)"),
        (lambda: Attentive(GRUCell(2, 3), 2, 4, score="scaled"), "use the score general or additive"),
        (lambda: Attentive(GRUCell(2, 3), 2, 3, score="dot", attention_size=4), "attention_size must be omitted"),
        (lambda: Attentive(GRUCell(5, 3), 2, 3, attention_size=0), "attention_size must be"),
        (lambda: Attentive(GRUCell(2, 3), 2, 0), "memory_size must be"),
    ],
)
def test_what_does_not_fit(make, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        make()


def test_a_memory_that_does_not_fit():
    cell = made()
    for h, lengths in ((torch.zeros(S, N, 5), LENGTHS), (torch.zeros(S, H), LENGTHS), (torch.zeros(S, 3, H), LENGTHS)):
        with pytest.raises(ShapeError, match=r"the memory must be \(S, B, 3\) with lengths \(B,\), got"):
            cell.remember(h.double(), lengths)
