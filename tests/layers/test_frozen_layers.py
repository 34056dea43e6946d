"""freeze() of the drop-ins: explicit, undone by train(), never stale, no gradients."""

import copy
import io

import pytest
import torch
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import pack_padded_sequence

from unrolled import nn
from unrolled.analysis import capture
from unrolled.errors import ArgumentError, BackendError, DivergedError, ShapeError
from unrolled.kernels import extension
from unrolled.kernels.frozen import FrozenStack

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def runs(monkeypatch):
    """The calls that ran on packed weights."""
    found = []
    for name in ("call", "run"):
        inner = getattr(FrozenStack, name)

        def spy(self, *given, inner=inner, **named):
            results = inner(self, *given, **named)
            if results is not None:
                found.append(self)
            return results

        monkeypatch.setattr(FrozenStack, name, spy)
    return found


def made(build=nn.LSTM, **options):
    torch.manual_seed(0)
    return build(6, 8, 2, **options)


X = torch.linspace(-1, 1, 72).view(3, 4, 6)


def expected(layer):
    """What a new layer with the same weights computes."""
    other = type(layer)(6, 8, 2)
    other.load_state_dict(layer.state_dict())
    return other.eval()(X)[0]


def test_freezing_and_what_undoes_it(runs):
    layer = made(dropout=0.5)
    assert layer.frozen is None
    assert layer.freeze("int8") is layer
    assert (layer.frozen, layer.training) == ("int8", False)
    layer.eval()
    layer(X)
    assert (layer.frozen, len(runs)) == ("int8", 1)
    assert layer.train().frozen is None
    assert layer.training
    assert layer.freeze().unfreeze().frozen is None
    assert not layer.training
    layer(X)
    assert len(runs) == 1
    model = torch.nn.Sequential(made().freeze())
    assert model.train()[0].frozen is None


def fused_step(layer):
    """A step that does not count in ``_version``."""
    version = layer.weight_hh_l1._version
    layer.weight_hh_l1.grad = torch.ones(32, 8)
    torch.optim.SGD(layer.parameters(), lr=0.1, fused=True).step()
    assert layer.weight_hh_l1._version == version


CHANGES = {
    "in place": lambda layer: layer.weight_hh_l0.mul_(2),
    "one number": lambda layer: layer.bias_ih_l1.__setitem__(3, 7.0),
    "in inference mode": lambda layer: torch.inference_mode()(lambda: layer.weight_hh_l0.mul_(2))(),
    "data": lambda layer: setattr(layer.weight_ih_l0, "data", 2 * layer.weight_ih_l0),
    "another parameter": lambda layer: setattr(layer, "bias_hh_l0", torch.nn.Parameter(torch.ones(32))),
    "another cell": lambda layer: layer.stack.layers[1].__setitem__(0, made().stack.layers[1][0].apply(scaled)),
    "load_state_dict": lambda layer: layer.load_state_dict({k: 2 * v for k, v in layer.state_dict().items()}),
    "optimizer, for each": lambda layer: torch._foreach_add_(list(layer.parameters()), 0.1),
    "optimizer, fused": fused_step,
    "initialiser": lambda layer: [torch.nn.init.normal_(p) for p in layer.parameters()],
}


def scaled(module):
    for parameter in module.parameters(recurse=False):
        parameter.mul_(3)


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_weight_is_seen(runs, name):
    layer = made().freeze()
    before = layer(X)[0]
    CHANGES[name](layer)
    found = layer(X)[0]
    torch.testing.assert_close(found, expected(layer))
    assert (found - before).abs().max() > 1e-3
    layer(X)
    assert runs[0] is not runs[-1]
    assert runs[-1] is runs[-2]  # packed once


def test_gradients_are_refused_with_the_remedy():
    layer = made().freeze()
    with torch.enable_grad():
        with pytest.raises(
            BackendError, match=r"its weights require them; call it under torch.no_grad\(\).*unfreeze\(\)"
        ):
            layer(X)
        with pytest.raises(BackendError, match="unfreeze"):
            layer(pack_padded_sequence(X, torch.ones(4, dtype=torch.int64)))
        layer.requires_grad_(False)
        with pytest.raises(BackendError, match="the input require"):
            layer(X.clone().requires_grad_())
        h = torch.zeros(2, 4, 8, requires_grad=True)
        with pytest.raises(BackendError, match="the state require"):
            layer(X, (h, h))
        assert not layer(X)[0].requires_grad


REFUSED = {
    "layer norm": (lambda: made(layer_norm=True), "no layer norm"),
    "projection": (lambda: made(proj_size=3), "no projection"),
    "double": (lambda: made().double(), "float64, not in float32"),
    "backend": (lambda: made(backend="reference"), "runs on backend 'reference'"),
    "meta": (lambda: made(device="meta"), "the kernels run on the CPU"),
    "parametrized": (lambda: doubled(made()), "computed by a parametrization; remove it first"),
    "inference": (torch.inference_mode()(made), "created under torch.inference_mode"),
}


def doubled(layer):
    class Double(torch.nn.Module):
        def forward(self, weight):
            return 2 * weight

    parametrize.register_parametrization(layer.stack.layers[0][0], "weight_hh", Double())
    return layer


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_frozen(name):
    build, reason = REFUSED[name]
    layer = build()
    with pytest.raises(BackendError, match=f"cannot be frozen: .*{reason}"):
        layer.freeze()
    assert layer.frozen is None
    assert layer.training  # nothing has changed


def test_other_wrong_arguments():
    with pytest.raises(ArgumentError, match=r"precision must be .*float32.*bfloat16.*int8.*got 'int4'"):
        made().freeze("int4")
    layer = made()
    layer.weight_hh_l0[0, 0] = float("nan")
    with pytest.raises(DivergedError, match="not all finite"):
        layer.freeze()
    layer = made().freeze()
    layer.double()
    with pytest.raises(BackendError, match="float64"):
        layer(X)
    layer = made().freeze()
    for wrong in (X.double(), X[..., :5], X[0, 0], [1.0]):
        with pytest.raises(ShapeError):
            layer(wrong)
    h = torch.zeros(2, 4, 8)
    for wrong in ((h, h[:1]), (h,), h, (h, None), (h.double(), h.double()), (h[..., :7], h)):
        with pytest.raises(ShapeError):
            layer(X, wrong)


@pytest.mark.parametrize("build", [nn.RNN, nn.GRU, nn.LSTM])
def test_every_form_of_input(build):
    layer, plain = made(build).freeze(), made(build).eval()
    strided = torch.randn(6, 4, 3).permute(2, 1, 0)
    assert layer(torch.randn(0, 4, 6))[0].shape == (0, 4, 8)
    for x in (X, strided, X[:, 0], X[:1], torch.randn(2, 8, 6)[:, ::2], torch.nn.Parameter(X)):
        torch.testing.assert_close(layer(x), plain(x), rtol=1e-4, atol=1e-6)
    leaves = [torch.randn(8, 4, 2).permute(2, 1, 0) for _ in layer.state_names]  # not contiguous
    hx = tuple(leaves) if len(leaves) > 1 else leaves[0]
    torch.testing.assert_close(layer(X, hx), plain(X, hx), rtol=1e-4, atol=1e-6)


def test_without_fast_access_to_tensors(monkeypatch):
    """Before torch 2.10 everything is read by Python."""
    monkeypatch.setattr(FrozenStack, "call", lambda *_: None)
    layer = made().freeze()
    torch.testing.assert_close(layer(X), made().eval()(X))


def test_observed_calls_take_the_unfrozen_path(runs):
    layer, plain = made().freeze("int8"), made().eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(X)[0].dtype == torch.bfloat16
    torch.testing.assert_close(torch.func.vmap(lambda x: layer(x)[0])(X[None]), plain(X)[0][None])
    traces = []
    capture(layer, lambda part: traces.append(part))
    assert not runs
    torch.testing.assert_close(torch.func.functional_call(layer, dict(plain.named_parameters()), (X,))[0],
                               made().freeze("int8")(X)[0])  # fmt: skip


def test_copies_and_files_keep_the_precision_but_not_the_packed_weights(runs):
    layer = made().freeze("bfloat16")
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for other in (copy.deepcopy(layer), torch.load(file, weights_only=False)):
        other.weight_hh_l0.mul_(2)
        assert other.frozen == "bfloat16"
        assert (other(X)[0] - expected(other)).abs().max() < 0.01
        assert (other(X)[0] - layer(X)[0]).abs().max() > 0.01
    assert layer.state_dict().keys() == made().state_dict().keys()


def test_new_memory_for_every_result():
    layer = made().freeze()
    first, (h, c) = layer(X)
    kept = first.clone(), h.clone(), c.clone()
    second, _ = layer(X + 1, (h, c))
    assert torch.equal(first, kept[0])
    assert torch.equal(h, kept[1])
    assert torch.equal(c, kept[2])
    assert second.data_ptr() != first.data_ptr()
