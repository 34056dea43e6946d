"""The CTC loss: against the sum over all alignments, torch's, and finite differences; its bits; bad input."""

import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from team_size import threads
from torch import Tensor
from torch.func import grad, hessian, jvp, vmap

from unrolled.errors import ArgumentError, ShapeError
from unrolled.kernels import ctc, extension
from unrolled.nn import CTCLoss, ctc_loss

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=extension.missing or "")

SETS = [name for name in extension.instruction_sets() if name in ("portable", "avx2", "avx512")] or [""]  # of the code


@pytest.fixture(params=SETS)
def isa(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with every instruction set of this machine."""
    if request.param:
        monkeypatch.setenv("UNROLLED_ISA", request.param)


def collapse(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def by_hand(logits: Tensor, target: tuple[int, ...], blank: int) -> Tensor:
    """The loss of one example ``(T, C)``, summed over all C^T alignments."""
    T, C = logits.shape
    y = logits.softmax(1)
    paths = [path for path in itertools.product(range(C), repeat=T) if collapse(path, blank) == target]
    return -torch.log(torch.stack([y[range(T), path].prod() for path in paths]).sum())


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("blank", [0, 2])
def test_the_sum_over_all_alignments(blank: int) -> None:
    """Loss and gradient of all targets of up to three labels, the empty one included, in up to five frames."""
    labels = [k for k in range(3) if k != blank]
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for S in range(4):
        for target in itertools.product(labels, repeat=S):
            needed = S + sum(a == b for a, b in itertools.pairwise(target))
            for T in range(max(1, needed), 6):
                x, y = (logits[:T].clone().requires_grad_() for _ in range(2))
                expected = by_hand(x, target, blank)
                found = ctc_loss(y, torch.tensor(target, dtype=torch.int64), T, S, blank, "sum")
                expected.backward()
                found.backward()
                torch.testing.assert_close(found, expected)
                torch.testing.assert_close(y.grad, x.grad)


def case(T: int, B: int, C: int, S: int, scale: float, blank: int = 0, seed: int = 0) -> tuple[Tensor, ...]:
    """Logits in double precision, targets, and lengths from short to full."""
    g = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(T, B, C, generator=g, dtype=torch.float64)
    targets = torch.randint(0, C - 1, (B, S), generator=g)
    labels = torch.randint(0, S + 1, (B,), generator=g)
    labels[0] = S
    return logits, targets + (targets >= blank), torch.randint(2 * S, T + 1, (B,), generator=g), labels


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("shape", [(3, 2, 2, 1), (40, 5, 37, 15), (40, 3, 16, 16), (70, 2, 5, 33)])
@pytest.mark.parametrize("scale", [1, 300])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-6), (torch.float64, 1e-9)])
def test_torchs_loss_and_gradient(shape: Any, scale: float, dtype: torch.dtype, close: float) -> None:
    """With logits of hundreds nothing underflows: each label then has a probability of e^-1000."""
    logits, targets, inputs, labels = case(*shape, scale, blank=1)
    x, y = logits.clone().requires_grad_(), logits.to(dtype).transpose(0, 1).contiguous().requires_grad_()
    expected = F.ctc_loss(x.log_softmax(2), targets, inputs, labels, 1, "none")
    found = ctc_loss(y.transpose(0, 1), targets, inputs, labels, 1, "none")  # examples first in memory
    weights = torch.linspace(-1, 2, len(labels), dtype=torch.float64)
    (expected * weights).sum().backward()
    (found * weights.to(dtype)).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-6)
    assert (y.grad.transpose(0, 1) - x.grad).abs().max() < close * scale
    assert y.grad.is_contiguous()
    assert all((y.grad[b, n:] == 0).all() for b, n in enumerate(inputs))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_reductions_and_joined_targets(reduction: str) -> None:
    logits, targets, inputs, labels = case(30, 4, 6, 9, 1)
    labels[1] = 0
    joined = torch.cat([row[:n] for row, n in zip(targets, labels, strict=True)]).int()
    expected = torch.nn.CTCLoss(reduction=reduction)(logits.log_softmax(2), targets, inputs, labels)
    loss = CTCLoss(reduction=reduction)  # type: ignore[arg-type]
    torch.testing.assert_close(loss(logits, targets, inputs, labels), expected)
    torch.testing.assert_close(loss(logits.log_softmax(2), joined, inputs.tolist(), labels.tolist()), expected)
    torch.testing.assert_close(loss(logits.bfloat16(), joined, inputs, labels).double(), expected, rtol=0.01, atol=0.01)


def gradients(logits: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
    x = logits.float().requires_grad_()
    losses = ctc_loss(x, *rest, reduction="none")
    losses.sum().backward()
    assert x.grad is not None
    return losses.detach(), x.grad


def test_bits_depend_on_nothing_else() -> None:
    """An example's loss and gradient alone, in a batch with longer targets, and with several threads."""
    logits, targets, inputs, labels = case(40, 7, 21, 15, 3)
    with threads(1):
        losses, slopes = gradients(logits, targets, inputs, labels)
    with threads(3):
        again = gradients(logits, targets, inputs, labels)
    assert torch.equal(losses, again[0])
    assert torch.equal(slopes, again[1])
    for b in range(7):
        n, own = int(inputs[b]), slice(b, b + 1)
        alone = gradients(logits[:n, own], targets[own, : int(labels[b])], inputs[own], labels[own])
        assert torch.equal(losses[own], alone[0])
        assert torch.equal(slopes[:n, own], alone[1])


def test_derivatives_of_any_order() -> None:
    x = torch.randn(5, 2, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 2], [2, 2]])

    def loss(logits: Tensor) -> Tensor:
        return ctc_loss(logits, targets, [5, 4], [2, 2], 3, "none")

    assert torch.autograd.gradcheck(loss, x)
    assert torch.autograd.gradgradcheck(loss, x)
    with torch.no_grad():
        total = loss(x).sum()
        slope = grad(lambda x: loss(x).sum())(x)
        numbers, tangent = jvp(loss, (x,), (x,))
        torch.testing.assert_close(tangent.sum(), (slope * x).sum())
        torch.testing.assert_close(numbers.sum(), total)
        torch.testing.assert_close(vmap(loss)(torch.stack([x, x])), loss(x).expand(2, 2))
        curved = hessian(lambda x: loss(x).sum())(x).flatten(3).flatten(0, 2)
    torch.testing.assert_close(curved, curved.mT)


def test_the_equations_are_the_kernels() -> None:
    logits, targets, inputs, labels = case(20, 5, 7, 9, 2)
    by_equations = ctc.equations((logits, targets, inputs, labels), (0,))[0]
    torch.testing.assert_close(by_equations, ctc_loss(logits, targets, inputs, labels, reduction="none"))


def test_numbers_that_are_not_finite() -> None:
    """A masked class costs nothing unless the target needs it; NaN stays NaN, in its own example only."""
    logits, targets, inputs, labels = case(9, 3, 5, 3, 1)
    logits[:, :, 3] = -math.inf
    targets[:] = torch.tensor([1, 2, 4])
    targets[1, 0] = 3
    logits[4, 2, 1] = math.nan
    labels[:], inputs[:] = 3, 9
    losses, slopes = gradients(logits, targets, inputs, labels)
    without = gradients(logits[:, :1, [0, 1, 2, 4]], torch.tensor([[1, 2, 3]]), inputs[:1], labels[:1])
    torch.testing.assert_close(losses[0], without[0][0])
    torch.testing.assert_close(slopes[:, 0, [0, 1, 2, 4]], without[1][:, 0])
    assert losses[1] == math.inf
    assert losses[2].isnan()
    assert slopes[:, 0].isfinite().all()
    assert slopes[:, 2].isnan().any()


@pytest.mark.parametrize(
    ("targets", "inputs", "labels", "message"),
    [
        ([[1, 2], [4, 1]], [5, 5], [2, 2], "targets[1] must be labels in 0..3, got 4; the logits have 4 classes"),
        (
            [[1, 0], [1, 1]],
            [5, 5],
            [2, 2],
            "targets[0] must be labels other than the blank 0, got 0; it is at position 1",
        ),
        ([[1, 2], [1, 1]], [5, 2], [2, 2], "input_lengths[1] must be at least 3 (labels 2, blanks between equal"),
        ([[1, 2], [1, 1]], [5, 6], [2, 2], "input_lengths[1] must be 0..5, the frames, got 6"),
        ([[1, 2], [1, 1]], [5, 5], [3, 2], "target_lengths[0] must be 0..2, the columns of targets, got 3"),
        ([1, 2, 3], [5, 5], [2, 2], "targets must be (2, S), or (4,) with the targets joined"),
        ([[1, 2], [1, 1]], [5], [2, 2], "input_lengths must be (2,) integers, got (1,)"),
        ([[1.0, 2], [1, 1]], [5, 5], [2, 2], "targets must be integers, got torch.float32"),
    ],
)
def test_what_has_no_loss_is_refused(targets: Any, inputs: Any, labels: Any, message: str) -> None:
    with pytest.raises((ArgumentError, ShapeError)) as caught:
        ctc_loss(torch.zeros(5, 2, 4), torch.tensor(targets), inputs, labels)
    assert message in str(caught.value)


def test_the_empty_batch_and_no_frames() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert ctc_loss(torch.zeros(3, 0, 2), none.view(0, 2), none, none, reduction="none").shape == (0,)
    assert ctc_loss(torch.zeros(0, 1, 2), none.view(1, 0), [0], [0]) == 0
    with pytest.raises(ArgumentError, match=r"blank must be a class in 0\.\.1, got 2"):
        ctc_loss(torch.zeros(3, 1, 2), torch.tensor([[1]]), [3], [1], 2)
    with pytest.raises(ArgumentError, match="'zero_infinity' is not an option"):
        CTCLoss(zero_infinity=True)  # type: ignore[call-arg]
