"""The same recurrences in other libraries: torch.nn, onnxruntime and JAX."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .measure import Work

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
TORCH: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def installed(name: str) -> bool:
    """Return whether a peer's packages are installed."""
    parts = {"onnxruntime": ("onnx", "onnxruntime"), "jax": ("jax",)}.get(name, (name,))
    return all(importlib.util.find_spec(part) is not None for part in parts)


def training_step(layer: nn.Module, x: Tensor) -> Work:
    """Return a function for forward and backward, with gradients of weights and inputs ``x (T, B, I)``."""
    x = x.detach().clone().requires_grad_()
    weight = torch.randn_like(layer(x)[0])

    def work() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x)[0].backward(weight)

    return work


def inference(layer: nn.Module, x: Tensor, state: tuple[Tensor, ...] = ()) -> Work:
    """Return a function for the forward pass, from the leaves of a state if they are given."""
    given = () if not state else (state,) if len(state) > 1 else state

    @torch.inference_mode()
    def work() -> None:
        layer(x, *given)

    return work


def onnxruntime_inference(
    cell: str, layer: Any, x: Tensor, state: tuple[Tensor, ...] = (), *, int8: bool = False
) -> Work:
    """Return a function for ONNX's operator RNN, GRU or LSTM on ``x (T, B, I)``, with a torch layer's weights.

    ``state``: the leaves before the first step, ``(1, B, H)``. ``int8``: after onnxruntime's `quantize_dynamic`, which
    changes only an LSTM.
    """
    onnx, ort = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    (T, B, _), H = x.shape, layer.hidden_size
    order = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}[cell]  # gates r z n and i f g o in ONNX's order

    def gates(rows: Tensor) -> Tensor:
        return torch.cat([rows.detach().chunk(GATES[cell])[g] for g in order])[None]

    biases = torch.cat([gates(layer.bias_ih_l0), gates(layer.bias_hh_l0)], dim=1)
    weights = {"W": gates(layer.weight_ih_l0), "R": gates(layer.weight_hh_l0), "B": biases}
    attributes = {"linear_before_reset": 1} if cell == "gru" else {}
    leaves = dict(zip("hc", state, strict=False))
    after = [f"Y_{name}" for name in leaves]
    node = make.make_node(
        cell.upper(), ["X", *weights, *([""] if leaves else []), *leaves], ["Y", *after], hidden_size=H, **attributes
    )
    shapes = {"X": list(x.shape), "Y": [T, 1, B, H], **{name: [1, B, H] for name in (*leaves, *after)}}
    values = {name: make.make_tensor_value_info(name, kind, shape) for name, shape in shapes.items()}
    graph = make.make_graph(
        [node],
        "layer",
        [values[name] for name in ("X", *leaves)],
        [values[name] for name in ("Y", *after)],
        [onnx.numpy_helper.from_array(weight.contiguous().numpy(), name) for name, weight in weights.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime_session(ort, quantized(model) if int8 else model.SerializeToString())
    inputs = {"X": x.numpy(), **{name: leaf.numpy() for name, leaf in leaves.items()}}
    return lambda: session.run(None, inputs)


def quantized(model: Any) -> bytes:
    """Return an ONNX model after onnxruntime's `quantize_dynamic` to int8, with its defaults."""
    quantization = importlib.import_module("onnxruntime.quantization")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(model, path)
        return path.read_bytes()


def onnxruntime_session(ort: Any, model: bytes) -> Any:
    """Return a session with as many threads as torch, which do not spin during others' turns."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def jax_step(cell: str, layer: Any, x: Tensor, train: bool) -> Work:
    """Return a compiled `jax.lax.scan` over the cell, after one product with all inputs; ``train``: with gradients."""
    jax = importlib.import_module("jax")
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights = tuple(jnp.asarray(getattr(layer, name).detach().numpy()) for name in names)
    inputs = jnp.asarray(x.detach().numpy())
    zero = jnp.zeros((x.size(1), layer.hidden_size))

    def run(weights: Any, inputs: Any) -> Any:
        W_ih, W_hh, b_ih, b_hh = weights

        def rnn(h: Any, from_x: Any) -> Any:
            h = jnp.tanh(from_x + h @ W_hh.T + b_hh)
            return h, h

        def gru(h: Any, from_x: Any) -> Any:
            (xr, xz, xn), (hr, hz, hn) = jnp.split(from_x, 3, -1), jnp.split(h @ W_hh.T + b_hh, 3, -1)
            z, n = sigmoid(xz + hz), jnp.tanh(xn + sigmoid(xr + hr) * hn)
            h = z * h + (1 - z) * n
            return h, h

        def lstm(state: Any, from_x: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(from_x + h @ W_hh.T + b_hh, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            h = sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        step: Any = {"rnn": rnn, "gru": gru, "lstm": lstm}[cell]
        begin = (zero, zero) if cell == "lstm" else zero
        return jax.lax.scan(step, begin, inputs @ W_ih.T + b_ih)[1]

    compute = jax.jit(jax.grad(lambda weights, inputs: run(weights, inputs).sum(), (0, 1)) if train else run)
    return lambda: jax.block_until_ready(compute(weights, inputs))
