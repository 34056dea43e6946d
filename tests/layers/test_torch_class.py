"""A drop-in where code asks for torch's own class: what is said of it, what is taken from it, and what comes out."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import unrolled.nn
from unrolled.errors import ArgumentError, BackendError, ShapeError, UnrolledWarning

KINDS = ("RNN", "GRU", "LSTM")
FORMS: list[dict[str, Any]] = [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}]


def both(kind: str, *sizes: int, **options: Any) -> tuple[Any, Any]:
    """torch's layer and ours with the same weights."""
    made = []
    for source in (nn, unrolled.nn):
        torch.manual_seed(0)
        made.append(getattr(source, kind)(*(sizes or (3, 4)), **options))
    return made[0], made[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [*FORMS, {"proj_size": 2}], ids=str)
def test_its_inside_reads_as_torchs(kind: str, form: dict[str, Any]) -> None:
    if "proj_size" in form and kind != "LSTM":
        return
    theirs, ours = both(kind, **form)
    assert isinstance(ours, nn.RNNBase)
    for name in ("mode", "_flat_weights_names", "_all_weights", "proj_size", "input_size", "num_layers", "dropout"):
        assert getattr(ours, name) == getattr(theirs, name)
    for weights in (zip(ours._flat_weights, theirs._flat_weights, strict=True),):
        assert all(torch.equal(a, b) for a, b in weights)
    x = torch.zeros(5, 2, 3)
    sizes = [module.get_expected_hidden_size(x, None) for module in (ours, theirs)]
    assert sizes[0] == sizes[1]
    hidden = torch.zeros(sizes[0])
    state = (hidden, torch.zeros(ours.get_expected_cell_size(x, None))) if kind == "LSTM" else hidden
    ours.check_forward_args(x, state, None)
    turned = ours.permute_hidden(state, torch.tensor([1, 0]))
    assert (turned[0] if kind == "LSTM" else turned).shape == hidden.shape
    with pytest.raises(ValueError, match="does not match weight dtype"):
        ours.check_input(x.double(), None)


@pytest.mark.parametrize("kind", KINDS)
def test_what_torchs_class_does_with_weights_reaches_the_cells(kind: str) -> None:
    theirs, ours = both(kind, num_layers=2)
    x = torch.randn(30, 2, 3)
    wanted = theirs(x)[0]
    for same in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), ours._replicate_for_data_parallel()):  # noqa: S301
        torch.testing.assert_close(same(x)[0], wanted)
    moved = copy.deepcopy(ours).double()
    assert {weight.dtype for weight in moved._flat_weights} == {torch.float64}
    torch.testing.assert_close(moved(x.double())[0], wanted.double(), rtol=1e-4, atol=1e-5)
    assert ours._flat_weights[0].dtype == torch.float32
    ours.flatten_parameters()
    for module in (ours, theirs):
        torch.manual_seed(5)
        module.reset_parameters()
    assert torch.equal(ours.weight_hh_l1, theirs.weight_hh_l1)
    assert ours.to_empty(device="meta").weight_ih_l0.is_meta


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [*FORMS, {"num_layers": 2, "dropout": 0.5, "batch_first": True}], ids=str)
def test_to_torch(kind: str, form: dict[str, Any]) -> None:
    _, ours = both(kind, **form)
    ours.weight_hh_l0.requires_grad_(False)
    theirs = ours.eval().to_torch()
    assert type(theirs) is getattr(nn, kind)
    assert not theirs.training
    x = torch.randn(40, 2, 3)
    torch.testing.assert_close(theirs(x), ours(x))
    assert [p.requires_grad for p in theirs.parameters()] == [p.requires_grad for p in ours.all_weights[0]] + [True] * (
        len(list(ours.parameters())) - len(ours.all_weights[0])
    )
    with torch.no_grad():
        theirs.weight_hh_l0.zero_()
    assert ours.weight_hh_l0.any()


@pytest.mark.parametrize(
    ("kind", "options", "lacking"),
    [
        ("LSTM", {"layer_norm": True, "peepholes": True}, "layer_norm, peepholes"),
        ("GRU", {"reset_after": False}, "reset_after=False"),
        ("RNN", {"zoneout": 0.1, "residual": True}, "zoneout, residual"),
        ("GRU", {"learned_initial_state": True, "weight_drop": 0.2}, "weight_drop, initial_state"),
    ],
)
def test_what_torch_lacks_does_not_become_torchs(kind: str, options: dict[str, Any], lacking: str) -> None:
    with pytest.raises(
        ArgumentError, match=f"built without options that torch.nn.{kind} does not have, got '{lacking}'"
    ):
        getattr(unrolled.nn, kind)(3, 4, **options).to_torch()
    assert unrolled.nn.LSTM(3, 4, forget_bias=1.0, init="orthogonal", backend="native").to_torch().bias


def test_quantization_says_what_it_leaves_out_and_takes_torchs_own() -> None:
    ours = unrolled.nn.LSTM(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.warns(
            UnrolledWarning, match=r"does not quantize an unrolled\.nn\.LSTM; replace it by module\.to_torch\(\)"
        ):
            torch.ao.quantization.quantize_dynamic(nn.Sequential(ours), {nn.LSTM}, dtype=torch.qint8)
        made = torch.ao.quantization.quantize_dynamic(nn.Sequential(ours.to_torch()), {nn.LSTM}, dtype=torch.qint8)
    assert "quantized" in type(made[0]).__module__
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(made(x)[0], ours(x)[0], rtol=0.1, atol=0.05)


def test_scripting_says_what_to_script() -> None:
    ours = unrolled.nn.GRU(3, 4)
    with pytest.raises(
        BackendError, match=r"cannot compile an unrolled\.nn\.GRU; replace it by module\.to_torch\(\) first"
    ):
        torch.jit.script(nn.Sequential(ours))


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_gives_the_types_that_torchs_gives(kind: str) -> None:
    """Of outputs and states: short calls and long ones, packed or not, with a state or without."""
    theirs, ours = both(kind)
    types = [torch.float32, torch.bfloat16]
    for T, packed, x_type, h_type in itertools.product((2, 40), (False, True), types, [None, *types]):
        x: Any = torch.randn(T, 2, 3).to(x_type).requires_grad_()
        hx: Any = None if h_type is None else torch.full((1, 2, 4), 0.5, dtype=h_type)
        found = []
        for module in (theirs, ours):
            module.zero_grad()
            given = pack_padded_sequence(x, [T, 1]) if packed else x
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output, state = module(given, (hx, hx) if kind == "LSTM" and hx is not None else hx)
            output = output.data if packed else output
            output.float().sum().backward()
            found.append([output, *(state if kind == "LSTM" else (state,))])
            assert module.weight_hh_l0.grad.abs().sum() > 0
        assert [one.dtype for one in found[1]] == [one.dtype for one in found[0]]
        for a, b in zip(*found, strict=True):
            torch.testing.assert_close(b, a, rtol=0.05, atol=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(torch.zeros(40, 3))[0].dtype == theirs(torch.zeros(40, 3))[0].dtype  # without lanes


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_numpy_and_torch_are_numbers(kind: str) -> None:
    sizes: list[Any] = [np.int64(3), np.array(4), torch.tensor(2)]
    made = getattr(unrolled.nn, kind)(
        *sizes, dropout=np.float32(0.5), bidirectional=np.bool_(True), zoneout=np.float64(0)
    )
    assert [type(getattr(made, name)) for name in ("input_size", "hidden_size", "num_layers")] == [int] * 3
    assert (made.dropout, made.bidirectional) == (0.5, True)
    _, like = both(kind, 3, 4, num_layers=2, bidirectional=True)
    assert {name: one.shape for name, one in made.state_dict().items()} == {
        name: one.shape for name, one in like.state_dict().items()
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": True}, "hidden_size must be an integer, got True"),
        ({"hidden_size": 6.0}, "hidden_size must be an integer, got 6.0"),
        ({"dropout": float("nan")}, "dropout must be a finite number, got nan"),
        ({"dropout": True}, "dropout must be a number, got True"),
        ({"bias": 1}, "bias must be True or False, got 1"),
        ({"zoneout": "much"}, "zoneout must be a number or 2 values: a number, a number, got 'much'"),
        ({"zoneout": float("nan")}, "zoneout must be"),
        ({"layer_norm": "yes"}, "layer_norm must be True or False, got 'yes'"),
        ({"backend": 5}, "backend must be a string, got 5"),
        ({"dtype": "float32"}, "dtype must be a dtype, got 'float32'"),
        ({"dtype": torch.int32}, "dtype must be a floating-point type, such as torch.float32, got torch.int32"),
        ({"device": "gpu"}, "device must be a device of this machine, such as 'cpu', got 'gpu'; torch says: "),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_made(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        getattr(unrolled.nn, kind)(**({"input_size": 3, "hidden_size": 4} | options))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [5, None, "x", [1.0], np.zeros((3, 2, 3), dtype=np.float32)])
def test_what_is_no_tensor(given: Any) -> None:
    with pytest.raises(ShapeError, match=f"input must be .*, got {type(given).__name__}"):
        unrolled.nn.GRU(3, 4)(given)
