"""The drop-ins against torch's own modules: numbers, gradients, forms of input, names and files."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import unrolled.nn
from unrolled.errors import ArgumentError, BackendError, ShapeError, UnrolledWarning
from unrolled.layers.torch_interface import DropIn

KINDS = ("RNN", "GRU", "LSTM")
FORMS = ("batched", "unbatched", "packed, sorted", "packed, unsorted")
EVERY_EXTRA = {
    "layer_norm": True,
    "recurrent_dropout": 0.1,
    "zoneout": 0.1,
    "weight_drop": 0.1,
    "residual": True,
    "learned_initial_state": True,
    "locked_dropout": True,
}


@pytest.fixture(autouse=True)
def long_way(monkeypatch):
    """These calls are short; test_short_calls.py looks at what becomes of such otherwise."""
    monkeypatch.setattr("unrolled.layers.torch_interface.faster_than_kernel", lambda *_: False)


def make(face: Any, kind: str, *args, seed: int = 0, **options) -> Any:
    torch.manual_seed(seed)
    return getattr(face, kind)(*args, **options)


@st.composite
def cases(draw) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    hidden = draw(st.integers(1, 6))
    options: dict[str, Any] = {
        "input_size": draw(st.integers(1, 5)),
        "hidden_size": hidden,
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if kind == "LSTM":
        options["proj_size"] = draw(st.integers(0, hidden - 1))
    return {
        "kind": kind,
        "options": options,
        "form": draw(st.sampled_from(FORMS)),
        "lengths": draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)),
        "hx": draw(st.booleans()),
        "seed": draw(st.integers(0, 99)),
    }


def run(module: nn.Module, case: dict[str, Any], dtype: torch.dtype) -> dict[str, Tensor]:
    """Everything that comes out of a forward and a backward pass, by name; the numbers in depend on the case only."""
    generator = torch.Generator().manual_seed(case["seed"])

    def draw(*shape: int) -> Tensor:  # the same single-precision numbers in either precision
        return torch.randn(shape, generator=generator).to(dtype)

    options, lengths = case["options"], case["lengths"]
    T, B = max(lengths), len(lengths)
    L, H = options["num_layers"] * (1 + options["bidirectional"]), options["hidden_size"]
    packed, batched = case["form"].startswith("packed"), case["form"] != "unbatched"
    first = options["batch_first"]

    shape = (B, T) if first else (T, B)
    x = draw(*(shape if batched else (T,)), options["input_size"]).requires_grad_()
    input: Any = x
    if packed:
        unsorted = case["form"] == "packed, unsorted"
        order = lengths if unsorted else sorted(lengths, reverse=True)
        input = pack_padded_sequence(x, torch.tensor(order), batch_first=first, enforce_sorted=not unsorted)
    lanes = (B,) if batched else ()
    h = draw(L, *lanes, options.get("proj_size") or H).requires_grad_()
    c = draw(L, *lanes, H).requires_grad_()
    hx = (h, c) if case["kind"] == "LSTM" else h

    output, state = module(input, hx) if case["hx"] else module(input)
    results = {"output": output}
    if packed:
        results = {"output": output.data, "batch_sizes": output.batch_sizes}
        if output.sorted_indices is not None:
            results |= {"sorted": output.sorted_indices, "unsorted": output.unsorted_indices}
    results |= dict(zip(("h_n", "c_n"), state if isinstance(state, tuple) else (state,), strict=False))
    loss = sum((draw(*value.shape) * value).sum() for value in results.values() if value.is_floating_point())
    loss.backward()
    names = list(module.state_dict())
    results |= {f"∇{name}": getattr(module, name).grad for name in names}
    results["∇input"] = x.grad
    if case["hx"]:
        results |= {f"∇{name}": leaf.grad for name, leaf in (("h_0", h), ("c_0", c)) if leaf.grad is not None}
    return {name: value.detach() for name, value in results.items()}


def error(a: Tensor, reference: Tensor) -> float:
    """``max|a − ref| / max|ref|``.

    A handful of numbers may all be small differences of numbers of order one, whose rounding is relative to
    those; such a tensor counts as no smaller than 0.1.
    """
    largest = reference.abs().max().item()
    scale = max(largest, 0.1) if reference.numel() < 8 else largest
    difference = (a.double() - reference).abs().max().item()
    return difference / scale if scale else difference


def assert_agrees(ours: dict[str, Tensor], torchs: dict[str, Tensor], exact: dict[str, Tensor], slack: float) -> None:
    """Every number is as near to the float64 reference as torch's own, within a factor of two and ``slack``."""
    assert ours.keys() == torchs.keys() == exact.keys()
    for name, reference in exact.items():
        assert ours[name].shape == reference.shape, name
        assert ours[name].dtype == torchs[name].dtype, name
        assert error(ours[name], reference) <= 2 * error(torchs[name], reference) + slack, name


@pytest.mark.parametrize("backend", ["auto", "reference"])
@settings(deadline=None, max_examples=40, derandomize=True)
@given(case=cases())
def test_outputs_states_and_every_gradient_agree_with_torch(backend, case):
    module = make(nn, case["kind"], **case["options"])
    ours = make(unrolled.nn, case["kind"], **case["options"], backend=backend, seed=1)
    ours.load_state_dict(module.state_dict())
    exact = run(copy.deepcopy(module).double(), case, torch.float64)
    double = run(copy.deepcopy(ours).double(), case, torch.float64)
    assert_agrees(double, exact, exact, 1e-12)  # where torch is its own reference
    single = run(module, case, torch.float32)
    assert_agrees(run(ours, case, torch.float32), single, exact, 16 * torch.finfo(torch.float32).eps)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_weights_and_same_dropout(kind):
    options = {"num_layers": 3, "bidirectional": True, "dropout": 0.4}
    options |= {"proj_size": 2} if kind == "LSTM" else {}
    module, ours = make(nn, kind, 3, 5, **options), make(unrolled.nn, kind, 3, 5, **options)
    assert list(module.state_dict()) == list(ours.state_dict())
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, ours.state_dict()[name]), name
    x = torch.randn(6, 4, 3)
    outputs = []
    for each in (module, ours):
        torch.manual_seed(5)
        outputs.append(each(x)[0])
    torch.testing.assert_close(outputs[0], outputs[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_constructor_takes_torchs_positions(kind):
    positions = {
        "RNN": (3, 5, 2, "relu", False, True, 0.5, True),
        "GRU": (3, 5, 2, False, True, 0.5, True),
        "LSTM": (3, 5, 2, False, True, 0.5, True, 2),
    }[kind]
    module, ours = make(nn, kind, *positions), make(unrolled.nn, kind, *positions)
    names = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"]
    for name in [*names, "proj_size", *(["nonlinearity"] if kind == "RNN" else [])]:
        assert getattr(module, name) == getattr(ours, name), name
    assert module.extra_repr() == ours.extra_repr()
    x = torch.randn(4, 6, 3)
    torch.testing.assert_close(module.eval()(x), ours.eval()(x))
    parameters = inspect.signature(type(ours)).parameters
    assert all(p.kind is not p.POSITIONAL_OR_KEYWORD for n, p in parameters.items() if n in ("peepholes", "init"))
    assert make(unrolled.nn, kind, 3, 5, dtype=torch.float64, device="cpu").weight_hh_l0.dtype == torch.float64


@pytest.mark.parametrize("kind", KINDS)
def test_no_lanes_and_no_steps(kind):
    module, ours = (
        make(nn, kind, 3, 5, 2, bidirectional=True),
        make(unrolled.nn, kind, 3, 5, 2, bidirectional=True),
    )
    output, state = ours(torch.zeros(4, 0, 3))
    torch.testing.assert_close((output, state), module(torch.zeros(4, 0, 3)))
    hx = torch.randn(4, 2, 5)  # torch refuses an empty sequence; here its state is the one it came with
    output, state = ours(torch.zeros(0, 2, 3), (hx, hx) if kind == "LSTM" else hx)
    assert output.shape == (0, 2, 10)
    assert all(torch.equal(leaf, hx) for leaf in (state if kind == "LSTM" else (state,)))


class Model(nn.Module):
    def __init__(self, face: Any, kind: str = "LSTM", **options: Any) -> None:
        super().__init__()
        self.head = nn.Linear(10, 2)
        self.rnn = make(face, kind, 3, 5, 2, bidirectional=True, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_state_dicts_load_both_ways_also_inside_a_model(kind, assign):
    module, ours = Model(nn, kind, seed=1), Model(unrolled.nn, kind, seed=2)
    x = torch.randn(6, 4, 3)
    ours.load_state_dict(module.state_dict(), assign=assign)
    torch.testing.assert_close(ours(x), module(x))
    assert list(ours.state_dict()) == list(module.state_dict())
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1)
    module.load_state_dict(ours.state_dict(), assign=assign)
    torch.testing.assert_close(ours(x), module(x))
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in ours.parameters())


def test_strict_errors_speak_torchs_names():
    ours = Model(unrolled.nn)
    before = copy.deepcopy(ours.state_dict())
    wrong = Model(nn).state_dict()
    del wrong["rnn.weight_hh_l0_reverse"]
    wrong["rnn.weight_hh_l7"] = torch.zeros(1)
    wrong["rnn.bias_ih_l1"] = torch.zeros(3)
    messages = []
    for model in (ours, Model(nn)):
        with pytest.raises(RuntimeError) as caught:
            model.load_state_dict(wrong)
        messages.append(str(caught.value))
    assert 'Missing key(s) in state_dict: "rnn.weight_hh_l0_reverse"' in messages[0]
    assert 'Unexpected key(s) in state_dict: "rnn.weight_hh_l7"' in messages[0]
    assert "size mismatch for rnn.bias_ih_l1" in messages[0]
    assert sorted(messages[0].splitlines()) == sorted(messages[1].splitlines())  # word for word as torch's

    ours.load_state_dict(before)
    del wrong["rnn.bias_ih_l1"]
    result = ours.load_state_dict(wrong, strict=False)
    assert result.missing_keys == ["rnn.weight_hh_l0_reverse", "rnn.bias_ih_l1"]
    assert result.unexpected_keys == ["rnn.weight_hh_l7"]
    assert torch.equal(ours.rnn.weight_hh_l0_reverse, before["rnn.weight_hh_l0_reverse"])  # untouched
    assert torch.equal(ours.rnn.weight_hh_l0, wrong["rnn.weight_hh_l0"])


def test_two_in_one_model_and_a_nested_one_keep_their_names_apart():
    model = nn.ModuleDict({"a": Model(unrolled.nn, seed=1), "b": nn.ModuleList([Model(unrolled.nn, "GRU")])})
    twin = nn.ModuleDict({"a": Model(nn, seed=3), "b": nn.ModuleList([Model(nn, "GRU", seed=4)])})
    twin.load_state_dict(model.state_dict())
    model.load_state_dict(twin.state_dict())
    result = model.load_state_dict({}, strict=False)
    assert sorted(result.missing_keys) == sorted(twin.state_dict())


def test_torchs_names_read_and_set_the_one_parameter_there_is():
    lstm = make(unrolled.nn, "LSTM", 3, 5, 2, bidirectional=True)
    cell = list(lstm.stack.cells)[3]
    assert lstm.weight_hh_l1_reverse is cell.weight_hh
    new = nn.Parameter(torch.zeros(20, 5))
    lstm.weight_hh_l1_reverse = new
    assert cell.weight_hh is new
    assert len(list(lstm.parameters())) == 16
    assert [[p.shape for p in row] for row in lstm.all_weights] == [
        [p.shape for p in row] for row in make(nn, "LSTM", 3, 5, 2, bidirectional=True).all_weights
    ]
    lstm.flatten_parameters()
    assert not hasattr(lstm, "weight_hh_l2")
    with pytest.raises(AttributeError, match="weight_hr_l0"):
        _ = lstm.weight_hr_l0
    lstm.dropout = 0.3
    assert (lstm.dropout, lstm.stack.dropout.p) == (0.3, 0.3)


def test_deepcopy_is_a_module_of_its_own():
    lstm = make(unrolled.nn, "LSTM", 3, 5, peepholes=True)
    twin = copy.deepcopy(lstm)
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(twin(x), lstm(x))
    with torch.no_grad():
        twin.weight_hh_l0.zero_()
    twin.load_state_dict(twin.state_dict())  # the copied hooks act on the copy
    assert not twin.state_dict()["weight_hh_l0"].any()
    assert lstm.weight_hh_l0.any()


@pytest.mark.parametrize("kind", KINDS)
def test_safetensors_hold_the_state_dict(kind, tmp_path):
    module, ours = make(nn, kind, 3, 5, 2, seed=1), make(unrolled.nn, kind, 3, 5, 2, seed=2)
    safetensors.torch.save_file(ours.state_dict(), tmp_path / "weights.safetensors")
    module.load_state_dict(safetensors.torch.load_file(tmp_path / "weights.safetensors"))
    x = torch.randn(6, 4, 3)
    torch.testing.assert_close(ours(x), module(x))


@pytest.mark.parametrize("kind", KINDS)
def test_from_torch(kind):
    options = {
        "bias": False,
        "batch_first": True,
        "dropout": 0.2,
        "bidirectional": True,
        "dtype": torch.float64,
    }
    options |= {"RNN": {"nonlinearity": "relu"}, "LSTM": {"proj_size": 2}}.get(kind, {})
    module = make(nn, kind, 3, 5, 2, **options).eval()
    module.weight_ih_l0.requires_grad_(False)
    ours = getattr(unrolled.nn, kind).from_torch(module, backend="reference")
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(ours(x), module(x))
    assert not ours.training
    assert not ours.weight_ih_l0.requires_grad
    assert ours.weight_hh_l0.requires_grad
    other = nn.GRU(3, 5) if kind != "GRU" else nn.RNN(3, 5)
    with pytest.raises(ArgumentError, match=rf"module must be a torch\.nn\.{kind}, got"):
        getattr(unrolled.nn, kind).from_torch(other)


def extras_of(kind: str) -> dict[str, Any]:
    own = {"GRU": {"reset_after": False}, "LSTM": {"peepholes": True, "forget_bias": 1.0, "proj_size": 5}}
    return EVERY_EXTRA | own.get(kind, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_extra_at_once_trains_and_reloads(kind):
    module = make(unrolled.nn, kind, 3, 6, 3, bidirectional=True, dropout=0.1, **extras_of(kind))
    lengths = torch.tensor([2, 5, 3])
    packed = pack_padded_sequence(torch.randn(5, 3, 3), lengths, enforce_sorted=False)
    output, _ = module(packed)
    output.data.square().sum().backward()
    for name in module.state_dict():
        gradient = getattr(module, name).grad
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
        assert gradient.any(), name
    twin = make(unrolled.nn, kind, 3, 6, 3, bidirectional=True, dropout=0.1, **extras_of(kind), seed=9)
    twin.load_state_dict(module.state_dict())
    torch.testing.assert_close(twin.eval()(packed)[0].data, module.eval()(packed)[0].data)
    assert len(module.state_dict()) == len(list(module.parameters()))
    assert not any("stack" in name for name in module.state_dict())


def test_what_extras_add_is_named_in_the_same_pattern():
    lstm = make(unrolled.nn, "LSTM", 3, 4, peepholes=True, layer_norm=True, learned_initial_state=True)
    added = [name for name in lstm.state_dict() if name not in make(nn, "LSTM", 3, 4).state_dict()]
    assert sorted(added) == [
        *("initial_c_l0", "initial_h_l0"),
        *("norm_c_bias_l0", "norm_c_weight_l0", "norm_hh_weight_l0", "norm_ih_weight_l0"),
        *("peephole_f_l0", "peephole_i_l0", "peephole_o_l0"),
    ]
    assert lstm.norm_c_bias_l0 is next(lstm.stack.cells).norm_c.bias


def test_a_learned_initial_state_stands_for_a_missing_hx_only():
    gru = make(unrolled.nn, "GRU", 3, 4, 2, learned_initial_state=True)
    with torch.no_grad():
        gru.initial_h_l0.fill_(0.5)
        gru.initial_h_l1.fill_(-0.5)
    x = torch.randn(6, 2, 3)
    learned = torch.tensor([0.5, -0.5])[:, None, None].expand(2, 2, 4)
    torch.testing.assert_close(gru(x), gru(x, learned))
    plain = make(nn, "GRU", 3, 4, 2)
    plain.load_state_dict({k: v for k, v in gru.state_dict().items() if not k.startswith("initial")})
    torch.testing.assert_close(gru(x, torch.zeros(2, 2, 4)), plain(x))


def test_residual_and_forget_bias_do_what_they_say():
    plain, residual = make(unrolled.nn, "GRU", 3, 4, 2), make(unrolled.nn, "GRU", 3, 4, 2, residual=True)
    x = torch.randn(6, 2, 3)
    every, _ = plain.stack.run(x)
    torch.testing.assert_close(residual(x)[0], every[0] + every[1])
    lstm = make(unrolled.nn, "LSTM", 3, 4, forget_bias=1.0)
    assert (lstm.bias_ih_l0 + lstm.bias_hh_l0)[4:8].tolist() == [1, 1, 1, 1]


def test_torch_compile_sees_through_it():
    lstm = make(unrolled.nn, "LSTM", 3, 5, 2, bidirectional=True)
    x = torch.randn(4, 2, 3)
    compiled = torch.compile(lstm, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), lstm(x))


def wrong_calls() -> list[tuple[str, Any, Any, str]]:
    x, z = torch.zeros(5, 2, 3), torch.zeros(2, 2, 4)
    packed = pack_padded_sequence(torch.zeros(5, 2, 9), torch.tensor([5, 5]))
    return [
        (
            "LSTM",
            torch.zeros(5, 2, 9),
            None,
            r"input must be \(T, B, 3\) or unbatched \(T, 3\), got \(5, 2, 9\)",
        ),
        ("LSTM", torch.zeros(3), None, r"input must be .* got \(3,\)"),
        ("LSTM", packed, None, r"input must be packed \(steps, 3\), got \(10, 9\)"),
        ("GRU", x.double(), None, "input must have the weights' dtype torch.float32, got torch.float64"),
        ("GRU", x, z.double(), r"hx must have .*; convert one of them: hx.to\(torch.float32\)"),
        ("GRU", x, z[:1], r"hx must be \(2, 2, 4\) = \(layers × directions, B, width\), got \(1, 2, 4\)"),
        ("GRU", x[:, 0], z, r"hx must be \(2, 4\) = \(layers × directions, width\), got \(2, 2, 4\)"),
        ("GRU", x, (z, z), "hx must be .* got tuple"),
        ("LSTM", x, z, r"hx must be a tuple \(h_0, c_0\), got Tensor"),
        ("LSTM", x, (z, z[..., :3]), r"c_0 must be \(2, 2, 4\)"),
    ]


@pytest.mark.parametrize(("kind", "input", "hx", "message"), wrong_calls())
def test_what_does_not_fit_is_named(kind, input, hx, message):
    with pytest.raises(ShapeError, match=message):
        make(unrolled.nn, kind, 3, 4, 2)(input, hx)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("LSTM", {"hidden_size": 0}, "hidden_size must be an integer of at least 1, got 0"),
        ("LSTM", {"num_layers": 0}, "num_layers must be an integer"),
        ("LSTM", {"proj_size": 5}, r"proj_size must be less than hidden_size \(4\), got 5"),
        ("LSTM", {"bias": 0.5}, "bias must be True or False, got 0.5"),
        ("LSTM", {"dropout": -0.1}, "dropout must be a probability"),
        ("RNN", {"nonlinearity": "sigmoid"}, "nonlinearity must be 'tanh' or 'relu'"),
        ("GRU", {"init": "xavir"}, "did you mean 'xavier'"),
        ("GRU", {"backend": "cuda"}, "backend must be one of"),
    ],
)
def test_what_cannot_be_built(kind, options, message):
    with pytest.raises(ArgumentError, match=message):
        getattr(unrolled.nn, kind)(**({"input_size": 3, "hidden_size": 4} | options))


def test_a_backend_named_never_degrades():
    with pytest.raises(BackendError, match="zoneout"):
        unrolled.nn.LSTM(3, 4, zoneout=0.1, backend="torch")(torch.zeros(2, 1, 3))


def test_dropout_without_a_second_layer_warns():
    with pytest.warns(UnrolledWarning, match="has no effect with num_layers=1"):
        unrolled.nn.GRU(3, 4, dropout=0.5)


def test_packed_output_is_a_packed_sequence_and_the_base_is_shared():
    gru = make(unrolled.nn, "GRU", 3, 4)
    assert isinstance(gru, DropIn)
    assert isinstance(gru(pack_padded_sequence(torch.zeros(5, 2, 3), torch.tensor([5, 1])))[0], PackedSequence)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unrolled.nn.LSTM(2, 3, reset_after=False), "reset_after must be omitted in LSTM.* of GRU only"),
        (lambda: unrolled.nn.LSTM(2, 3, nonlinearity="relu"), "nonlinearity must be omitted in LSTM.* of RNN only"),
        (lambda: unrolled.nn.GRU(2, 3, peepholes=True), "peepholes must be omitted in GRU.* of LSTM only"),
        (lambda: unrolled.nn.LSTM(2, hiden_size=3), r"^'hiden_size' is not an option; did you mean 'hidden_size'\?$"),
        (lambda: unrolled.nn.LSTM(2, 3)(torch.zeros(4, 1, 2), lengths=[4]), "pack the input: .*pack_padded_sequence"),
        (lambda: unrolled.nn.GRU(2, 3)(torch.zeros(4, 1, 2), hy=None), "'hy' is not an option; known: input, hx"),
        (lambda: unrolled.nn.RNN(2, 3)([[1.0]]), r"input must be a tensor \(T, B, 2\).*, got list; convert it"),
        (lambda: unrolled.nn.GRU(2, 3, device="meta")(torch.zeros(4, 1, 2)), "on the weights' device meta, got cpu"),
        (lambda: unrolled.nn.GRU(2, 3)(torch.zeros(4, 1, 2, device="meta")), "on the weights' device cpu, got meta"),
    ],
)
def test_wrong_options_and_inputs_are_explained(call, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        call()
