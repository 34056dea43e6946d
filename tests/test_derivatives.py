"""Derivatives of every kind, of cells by scan and of the drop-ins: none is silently zero, missing or wrong.

Of two steps, for every cell and option, the conformance suite checks the same (tests/cells/test_conformance.py).
"""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

import unrolled.nn
from unrolled.attend import attend
from unrolled.cells import CELLS, GRUCell, LSTMCell
from unrolled.cells.attentive import Attentive, feed_size
from unrolled.errors import BackendError
from unrolled.kernels import extension, native
from unrolled.layers import CRF
from unrolled.scan import choose, scan
from unrolled.testing import builtin_cells, derivative
from unrolled.testing.subject import Subject, flat

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*is deprecated:DeprecationWarning")
native_only = pytest.mark.skipif(bool(extension.missing), reason=str(extension.missing))

CHECKS = {
    "jvp": derivative.pushed_forward,
    "func.grad": derivative.differentiated,
    "vjp": derivative.pulled_back,
    "jacfwd": derivative.jacobians(jacfwd),
    "jacrev": derivative.jacobians(jacrev),
    "hessian": derivative.curvature,
    "batched gradients": derivative.batched_gradients,
}
STEPS = 9
SHORT, LONG = 4, 26  # steps: torch's own layer runs the one, the kernels the other


def second_differences(function, given):
    """The hessian against finite differences of gradients (float64), where these are smooth enough."""
    loss = lambda *x: torch.stack([result.sin().sum() for result in function(*x)]).sum()  # noqa: E731
    u = [torch.randn_like(one) for one in given]
    every = tuple(range(len(given)))
    rows = hessian(loss, argnums=every)(*given)
    got = [sum((H * v).flatten(H.dim() - v.dim()).sum(-1) for H, v in zip(row, u, strict=True)) for row in rows]
    ahead, behind = (
        grad(loss, argnums=every)(*(x + sign * 1e-5 * v for x, v in zip(given, u, strict=True))) for sign in (1, -1)
    )
    for one, a, b in zip(got, ahead, behind, strict=True):
        wanted = (a - b) / 2e-5
        assert (one - wanted).abs().max() <= 1e-6 * max(1, wanted.abs().max())


@pytest.mark.parametrize("check", [*CHECKS, "differences of gradients"])
@pytest.mark.parametrize("name", CELLS)
def test_scan_over_many_steps(name, check):
    torch.manual_seed(0)
    function, given = flat(Subject.of(builtin_cells()[name], "auto"), STEPS, 1)
    {**CHECKS, "differences of gradients": second_differences}[check](function, given)


def dropin(kind, T, **options):
    """A drop-in as a function of a flat list (inputs, the state's leaves, the parameters), and that list."""
    torch.manual_seed(0)
    layer = getattr(unrolled.nn, kind)(2, 3, dtype=torch.float64, **options)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(T, 1, 2, dtype=torch.float64)
    _, hx = layer(x)
    leaves = [torch.randn_like(leaf) for leaf in (hx if isinstance(hx, tuple) else (hx,))]

    def function(x, *rest):
        state, weights = rest[: len(leaves)], dict(zip(names, rest[len(leaves) :], strict=True))
        outputs, after = functional_call(layer, weights, (x, state if len(leaves) > 1 else state[0]))
        return (outputs, *after) if isinstance(after, tuple) else (outputs, after)

    return function, [x, *leaves, *(parameter.detach().clone() for parameter in layer.parameters())]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("T", [SHORT, LONG])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_dropins(kind, T, check):
    CHECKS[check](*dropin(kind, T))


@pytest.mark.parametrize("check", ["jvp", "func.grad", "batched gradients"])
def test_a_stack_in_two_directions(check):
    CHECKS[check](*dropin("LSTM", LONG, num_layers=2, bidirectional=True, proj_size=2))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("score", ["additive", "dot"])
@pytest.mark.parametrize("inner", [GRUCell, LSTMCell])
def test_attention(inner, score, check):
    torch.manual_seed(0)
    fed = feed_size(score, 3, 3, score == "dot")
    options = {"attention_size": 2} if score == "additive" else {"input_feeding": True}
    cell = Attentive(inner(1 + fed, 3), 1, 3, score=score, **options).double()
    names = [name for name, _ in cell.named_parameters()]
    lengths = torch.tensor([3, 2])

    class Attending(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x, h):
            memory = self.cell.remember(h, lengths)
            outputs, weights, after = attend(self.cell, x, self.cell.begin(self.cell.cell.initial_state(2)), memory)
            return outputs, weights, after.cell.h

    def function(x, h, *parameters):
        return functional_call(Attending(), {f"cell.{n}": p for n, p in zip(names, parameters, strict=True)}, (x, h))

    x, h = torch.randn(3, 2, 1).double(), torch.randn(3, 2, 3).double()
    CHECKS[check](function, [x, h, *(p.detach().clone() for p in cell.parameters())])


@native_only
@pytest.mark.parametrize("name", ["gru", "lstm", "mingru", "qrnn"])
def test_first_derivatives_by_torch_func_run_in_the_kernels(name, monkeypatch):
    """… and through no loop over the cell's equations."""
    cell = builtin_cells()[name].double()
    x = torch.randn(LONG, 2, 2, dtype=torch.float64)
    wanted = torch.autograd.functional.jacobian(lambda x: scan(cell, x, backend="reference")[0].sum(), x)
    for where in ("unrolled.kernels.reference.run", "unrolled.kernels.associative_scan.recur"):
        monkeypatch.setattr(where, None)
    torch.testing.assert_close(grad(lambda x: scan(cell, x)[0].sum())(x), wanted)
    lanes = vmap(grad(lambda x: scan(cell, x[:, None])[0].sum()), in_dims=1, out_dims=1)(x)
    torch.testing.assert_close(lanes, wanted)


def test_gradients_of_a_gradient_taken_by_torch_func():
    """A gradient penalty: func.grad within, an ordinary backward pass to the parameters outside."""
    cell = CELLS["gru"](2, 3, dtype=torch.float64)
    x = torch.randn(LONG, 2, 2, dtype=torch.float64)

    def penalty(backend):
        return grad(lambda x: scan(cell, x, backend=backend)[0].square().sum())(x).square().sum()

    wanted = torch.autograd.grad(penalty("reference"), list(cell.parameters()))
    got = torch.autograd.grad(penalty("auto"), list(cell.parameters()))
    torch.testing.assert_close(got, wanted)


def test_gradients_of_a_graph_that_was_built_before_the_dual_level():
    cell = CELLS["lstm"](2, 3, dtype=torch.float64)
    x = torch.randn(LONG, 2, 2, dtype=torch.float64, requires_grad=True)
    y, _ = scan(cell, x)
    w, v = torch.randn_like(y), torch.randn_like(y)
    with forward_ad.dual_level():
        (found,) = torch.autograd.grad(y, x, forward_ad.make_dual(w, v), retain_graph=True)
        tangent = forward_ad.unpack_dual(found).tangent
    torch.testing.assert_close(tangent, torch.autograd.grad(y, x, v)[0])


def test_second_derivatives_draw_no_random_numbers():
    """Reproducible programs stay so: nothing that a derivative builds inside touches the generator."""
    torch.manual_seed(0)
    function, given = dropin("GRU", LONG)
    before = torch.random.get_rng_state()
    x = given[0].requires_grad_()
    (first,) = torch.autograd.grad(function(x, *given[1:])[0].sum(), x, create_graph=True)
    torch.autograd.grad(first.square().sum(), x)
    hessian(lambda x: function(x, *given[1:])[0].sum())(given[0].detach())
    assert torch.equal(torch.random.get_rng_state(), before)


@native_only
def test_a_kernel_that_is_called_by_its_operator_refuses_what_it_would_get_wrong():
    """An exported graph calls operators, past every choice of a path: it raises, where tangents would be zero."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = CELLS["gru"](2, 3)

        def forward(self, x):
            return scan(self.cell, x)[0]

    x = torch.randn(LONG, 2, 2)
    model = Model()
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), model(x))
    with pytest.raises(BackendError, match="no forward-mode derivatives"):
        jvp(exported, (x,), (x,))


@native_only
def test_a_backend_that_was_asked_for_by_name_refuses_while_tangents_flow():
    cell, x = CELLS["gru"](2, 3), torch.randn(3, 2, 2)
    for backend in ("native", "torch"):
        with pytest.raises(BackendError, match=r"forward-mode derivatives.*use backend='auto'"):
            jvp(lambda x, by=backend: scan(cell, x, backend=by)[0], (x,), (x,))
    assert choose(cell, x) == "native"
    with forward_ad.dual_level():
        assert choose(cell, x) == "reference"
        assert native.unsupported(cell, x, None)


@pytest.mark.parametrize("function", ["jvp inside", "grad inside"])
def test_compiled_derivatives(function):
    """Within a compiled function torch.func's derivatives are those outside."""
    cell = CELLS["gru"](2, 3, dtype=torch.float64)
    x, v = torch.randn(2, 1, 2, dtype=torch.float64), torch.randn(2, 1, 2, dtype=torch.float64)
    run = {
        "jvp inside": lambda x: jvp(lambda x: scan(cell, x)[0], (x,), (v,))[1],
        "grad inside": grad(lambda x: scan(cell, x)[0].sum()),
    }[function]
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), run(x))


@pytest.mark.parametrize("with_gradients", [True, False])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_traced_dropin_is_right_for_other_sizes(kind, with_gradients):
    """torch.jit.trace with its own check of the trace, of a layer in two directions, for more and fewer steps."""
    layer = getattr(unrolled.nn, kind)(2, 3, bidirectional=True)
    with torch.set_grad_enabled(with_gradients):
        traced = torch.jit.trace(layer, torch.randn(LONG, 2, 2))
        for T, B in ((LONG, 2), (3, 4), (40, 1)):
            x = torch.randn(T, B, 2)
            torch.testing.assert_close(traced(x), layer(x))


@pytest.mark.parametrize(
    "refused",
    [
        lambda x: unrolled.nn.LSTM(2, 3, layer_norm=True)(x),
        lambda x: scan(CELLS["mingru"](2, 3), x),
        lambda x: scan(CELLS["gru"](2, 3), x, resets=torch.zeros(x.shape[:2], dtype=torch.bool)),
        lambda x: scan(CELLS["gru"](2, 3), x, backend="reference"),
        lambda x: scan(CELLS["gru"](2, 3), x, backend="native"),
    ],
)
def test_what_cannot_be_traced_is_refused(refused):
    with pytest.raises(BackendError, match=r"use torch\.export"):
        torch.jit.trace(lambda x: refused(x)[0], torch.randn(LONG, 2, 2), check_trace=False)


@pytest.mark.parametrize("check", ["jvp", "func.grad", "hessian"])
@pytest.mark.parametrize("method", ["log_partition", "marginals"])
def test_conditional_random_field(method, check):
    """Of marginals, too, which are first derivatives themselves: a loss of theirs has gradients."""
    torch.manual_seed(0)
    crf, lengths = CRF(3).double(), torch.tensor([4, 2])

    def function(emissions, follow, begin, end):
        weights = {"follow": follow, "begin": begin, "end": end}
        return (
            functional_call(Method(crf, method), {f"crf.{k}": w for k, w in weights.items()}, (emissions, lengths)),
        )

    CHECKS[check](function, [torch.randn(4, 2, 3).double(), *(torch.randn_like(p).detach() for p in crf.parameters())])


class Method(torch.nn.Module):
    def __init__(self, crf, method):
        super().__init__()
        self.crf, self.method = crf, method

    def forward(self, *given):
        return getattr(self.crf, self.method)(*given)


@pytest.mark.parametrize("name", CELLS)
def test_symbols_one_lane_at_a_time(name):
    """Per-sample gradients and tangents by the weights, of symbols in the place of vectors."""
    torch.manual_seed(0)
    cell = builtin_cells()[name].double()
    names, weights = zip(*((n, p.detach()) for n, p in cell.named_parameters()), strict=True)
    ids = torch.randint(0, 2, (5, 3))

    class Scan(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, ids):
            return scan(self.cell, ids)[0]

    def loss(weights, ids):
        found = functional_call(Scan(), {f"cell.{n}": w for n, w in zip(names, weights, strict=True)}, (ids,))
        return found.square().sum()

    single = [grad(loss)(weights, ids[:, b : b + 1]) for b in range(3)]
    wanted = tuple(torch.stack(each) for each in zip(*single, strict=True))
    got = vmap(grad(lambda w, i: loss(w, i[:, None])), in_dims=(None, 1))(weights, ids)
    torch.testing.assert_close(got, wanted)
    tangents = vmap(lambda i: jvp(lambda w: loss(w, i[:, None]), (weights,), (weights,))[1], in_dims=1)(ids)
    slopes = [sum((g[b] * w).sum() for g, w in zip(wanted, weights, strict=True)) for b in range(3)]
    torch.testing.assert_close(tangents, torch.stack(slopes))


@native_only
def test_vmap_over_nothing():
    layer = unrolled.nn.GRU(2, 3)
    outputs, last = vmap(layer)(torch.zeros(0, LONG, 2, 2))
    assert (outputs.shape, last.shape) == ((0, LONG, 2, 3), (0, 1, 2, 3))


def test_masks_differ_from_sample_to_sample():
    layer = unrolled.nn.LSTM(2, 8, zoneout=0.4, recurrent_dropout=0.4, weight_drop=0.4)
    x = torch.ones(6, 2, 2).expand(3, 6, 2, 2)
    different = vmap(lambda x: layer(x)[0], randomness="different")(x)
    assert not torch.allclose(different[0], different[1])
    same = vmap(lambda x: layer(x)[0], randomness="same")(x)
    torch.testing.assert_close(same[0], same[1])
