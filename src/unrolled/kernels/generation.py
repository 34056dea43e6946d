"""Generation with a frozen model: embedding → layers → head → sampling, in compiled code (native/generate.cpp).

`freeze` copies the weights once, in the order in which a step reads them. Later changes of the model do not affect the
copy. A step of a few streams is bound by the memory bandwidth of reading the weights, hence the precisions:

    float32     the weights of the model
    bfloat16    weights in half the bytes; states, inputs and sums stay float32
    int8        weights in a quarter of the bytes, quantized to 255 levels per row of a matrix; the inputs of each
                product are quantized to 255 levels of their largest magnitude, states and sums are not

The product of the first layer with its input has only V values, one for each token: they are looked up in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..cells import Cell, GatedCell, GRUState, LSTMCell, LSTMState, RNNState, State
from ..errors import ArgumentError, BackendError, DivergedError, ShapeError
from . import extension
from .operators import guard
from .packing import CELLS, PAD, FrozenLayer, Held, Packed, Precision, address, dense, pack, pack_layer, pad

# B streams, V tokens in the vocabulary, E embedding_size, I input_size, H hidden_size, G gates

Reads = Literal["last", "sum", "concat"]

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
READS: tuple[Reads, ...] = ("last", "sum", "concat")

HEAD_VECTORS = 4  # kHead of native/generate.cpp: vectors of tokens in a panel
BYTES_PER_THREAD = 1 << 17  # of weights; with fewer, another thread costs more than it saves


class Draws(NamedTuple):
    """The sampling parameters of each of B streams, see `unrolled.decoding.Sampling`. All are ``(B,)``.

    seed, stream, position   int64: the keys of a stream's first draw; the position increases by one per token
    temperature              float64; 0 takes the most likely token
    top_k                    int64; 0 for all
    top_p                    float64; 1 for all
    """

    seed: Tensor
    stream: Tensor
    position: Tensor
    temperature: Tensor
    top_k: Tensor
    top_p: Tensor


def unsupported(cells: Sequence[Cell]) -> str | None:
    """Return why a model with these layers cannot be frozen; `None` if it can."""
    if extension.missing:
        return extension.missing
    for cell in cells:
        if type(cell) not in CELLS:
            return f"there is no kernel for {type(cell).__name__}"
        assert isinstance(cell, GatedCell)
        if cell.layer_norm:
            return "the kernels have no layer norm"
        if isinstance(cell, LSTMCell) and cell.proj_size:
            return "the kernels have no projection"
        if cell.weight_hh.device.type != "cpu":
            return f"the model is on {cell.weight_hh.device.type}, and the kernels run on the CPU"
        if cell.weight_hh.dtype != torch.float32:
            return f"the model is in {str(cell.weight_hh.dtype).removeprefix('torch.')}, not in float32"
    return None


@torch.no_grad()
def freeze(
    cells: Sequence[Cell],
    embedding: Tensor | None,
    head_weight: Tensor,
    head_bias: Tensor,
    *,
    reads: Reads = "last",
    residual: bool = False,
    precision: Precision = "float32",
    held: Mapping[int, Held] | None = None,
) -> Frozen:
    """Copy a language model's weights into a model that generates in compiled code.

    Args:
        cells: one per layer, each over the outputs of the layer below.
        embedding: ``(V, E)``, E the input size of the first cell; `None` for one-hot inputs.
        head_weight: ``(V, K)``, K the input width of the head.
        head_bias: ``(V,)``.
        reads: the input of the head: the outputs of the last layer, or the sum or concatenation of all layers' outputs.
        residual: add a layer's input to its output from the second layer on, where the widths agree.
        precision: precision of the weights, see the module.
        held: number of the layer → units of its state to hold at values; see `unrolled.analysis.clamp`.

    Raises:
        ArgumentError: precision or reads is unknown.
        BackendError: the kernels do not support these cells.
        ShapeError: the sizes of embedding, cells and head do not fit together.
        DivergedError: a weight is infinite or NaN.
    """
    if precision not in PRECISIONS:
        raise ArgumentError("precision", f"one of {', '.join(PRECISIONS)}", precision)
    if reads not in READS:
        raise ArgumentError("reads", f"one of {', '.join(READS)}", reads)
    reason = unsupported(cells)
    if reason is not None:
        raise BackendError(f"the model cannot be frozen: {reason}; use the model without freeze()")
    _check_fit(cells, embedding, head_weight, head_bias, reads)
    weights = [*(p for cell in cells for p in cell.parameters()), head_weight, head_bias]
    if not all(bool(weight.isfinite().all()) for weight in [*weights, *([] if embedding is None else [embedding])]):
        raise DivergedError("the model's weights are not all finite numbers; open another checkpoint or run")
    instructions = extension.instruction_set()
    lanes = extension.compiled.vector_bytes(instructions) // 4
    layers, width, held = [], -1, held or {}
    for number, cell in enumerate(cells):
        assert isinstance(cell, GatedCell)
        inputs = (embedding, head_weight.size(0)) if number == 0 else None
        layers.append(
            pack_layer(cell, inputs, residual and width == cell.hidden_size, lanes, precision, held.get(number, {}))
        )
        width = cell.hidden_size
    looked_up = layers[0].fields["I"] == 0
    pieces = head_weight.split([cell.hidden_size for cell in cells], dim=1) if reads == "concat" else [head_weight]
    padded = torch.cat([pad(piece, 1, PAD) for piece in pieces], dim=1)  # (V, K)
    rows = pad(padded, 0, HEAD_VECTORS * lanes)
    return Frozen(
        layers=layers,
        embedding=None if looked_up or embedding is None else dense(pad(embedding, 1, PAD)),
        head=pack(rows.view(-1, HEAD_VECTORS, lanes, rows.size(1)), precision),
        head_bias=dense(pad(head_bias, 0, HEAD_VECTORS * lanes)),
        symbols=head_weight.size(0),
        reads=reads,
        precision=precision,
        instructions=instructions,
    )


class Frozen:
    """A frozen language model, built by `freeze`. It keeps no state between calls.

    The state passed to its methods is that of the original model: a tuple with the `RNNState`, `GRUState` or
    `LSTMState` of each layer, leaves ``(B, H)``. ``symbols`` is V, the size of the vocabulary.
    """

    def __init__(
        self,
        *,
        layers: Sequence[FrozenLayer],
        embedding: Tensor | None,
        head: Packed,
        head_bias: Tensor,
        symbols: int,
        reads: Reads,
        precision: Precision,
        instructions: str,
    ) -> None:
        self.layers, self.embedding, self.head, self.head_bias = tuple(layers), embedding, head, head_bias
        self.symbols, self.reads, self.precision, self.instructions = symbols, reads, precision, instructions

    @property
    def bytes_per_step(self) -> int:
        """Number of bytes of weights that every step reads, for all streams together."""
        packed = [field for layer in self.layers for field in layer.fields.values() if isinstance(field, Packed)]
        return sum(matrix.weights.nbytes for matrix in [*packed, self.head])

    def run(self, logits: Tensor, state: State, count: int, draws: Draws) -> tuple[Tensor, Tensor, State]:
        """Sample a token and take a step, ``count`` times. The arguments are not modified.

        Args:
            logits: ``(B, V)`` float32, of the first token.
            state: the state of the B streams before it.
            count: number of tokens for each stream.
            draws: the sampling parameters of each stream.

        Returns:
            The token ids ``(count, B)`` int64, the logits ``(B, V)`` of the next token, and the state there.

        Raises:
            ShapeError: logits, state or draws do not fit.
            BackendError: forward-mode derivatives are active, which the kernel does not support.
        """
        guard()
        B = logits.size(0) if logits.dim() == 2 else -1
        if logits.shape != (B, self.symbols) or logits.dtype != torch.float32 or logits.device.type != "cpu":
            received = f"{tuple(logits.shape)} {logits.dtype} on {logits.device}"
            raise ShapeError(f"logits must be (B, {self.symbols}) float32 on the CPU, got {received}")
        for name, numbers in draws._asdict().items():
            dtype = torch.float64 if name in ("temperature", "top_p") else torch.int64
            if numbers.shape != (B,) or numbers.dtype != dtype:
                raise ShapeError(f"draws.{name} must be ({B},) {dtype}, got {tuple(numbers.shape)} {numbers.dtype}")
        ids = torch.empty(count, B, dtype=torch.int64)
        after = logits.detach().clone(memory_format=torch.contiguous_format)
        numbers = {name: tensor.contiguous() for name, tensor in draws._asdict().items()}
        state = self._call(state, B, count, {"logits": after, "ids": ids, **numbers})
        return ids, after, state

    def read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read token ids instead of sampling them: ``ids (T, B)`` int64 → logits ``(T, B, V)`` and the state after.

        Raises:
            ShapeError: ids or state do not fit.
        """
        if ids.dim() != 2 or ids.dtype != torch.int64:
            raise ShapeError(f"ids must be (T, B) int64, got {tuple(ids.shape)} {ids.dtype}")
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < self.symbols:
            raise ShapeError(f"ids must lie in 0..{self.symbols - 1}, got {int(ids.min())}..{int(ids.max())}")
        T, B = ids.shape
        all_logits = torch.empty(T, B, self.symbols)
        arrays = {"logits": torch.zeros(B, self.symbols), "ids": torch.empty_like(ids), "every": all_logits}
        state = self._call(state, B, T, {**arrays, "forced": ids.contiguous()})
        return all_logits, state

    def _call(self, state: State, B: int, count: int, arrays: dict[str, Tensor]) -> State:
        """Pass the addresses of the arrays to the kernel; the tensors live until it returns."""
        self._check_state(state, B)
        leaves = [layer.state(entry) for layer, entry in zip(self.layers, state, strict=True)]
        layers = []
        for layer, layer_leaves in zip(self.layers, leaves, strict=True):
            fields = {name: f.addresses() if isinstance(f, Packed) else f for name, f in layer.fields.items()}
            layers.append({**fields, **{name: leaf.data_ptr() for name, leaf in zip("hc", layer_leaves, strict=False)}})
        if B and count > 0:
            extension.compiled.generate(
                self.instructions, PRECISIONS.index(self.precision), layers, self.head.addresses(),
                B=B, V=self.symbols, count=count, reads=READS.index(self.reads),
                threads=max(1, min(extension.threads(), self.bytes_per_step * B // BYTES_PER_THREAD)),
                embedding=address(self.embedding), head_bias=address(self.head_bias),
                **{name: tensor.data_ptr() for name, tensor in arrays.items()},
            )  # fmt: skip
        return tuple((RNNState, GRUState, LSTMState)[layer.kind](*layer_leaves)
                     for layer, layer_leaves in zip(self.layers, leaves, strict=True))  # fmt: skip

    def _check_state(self, state: State, B: int) -> None:
        if len(state) != len(self.layers):
            raise ShapeError(f"state must have {len(self.layers)} entries, one per layer, got {len(state)}")
        for number, (layer, entry) in enumerate(zip(self.layers, state, strict=True)):
            layer_leaves = tree_leaves(entry)
            expected = [(B, layer.hidden_size)] * (2 if layer.kind == 2 else 1)
            shapes = [tuple(leaf.shape) for leaf in layer_leaves]
            on_cpu = all(leaf.dtype == torch.float32 and leaf.device.type == "cpu" for leaf in layer_leaves)
            if shapes != expected or not on_cpu:
                raise ShapeError(f"state[{number}] must have {expected} float32 on the CPU, got {entry}")


def _check_fit(
    cells: Sequence[Cell], embedding: Tensor | None, head_weight: Tensor, head_bias: Tensor, reads: Reads
) -> None:
    """Raise `ShapeError` unless every part fits the one below it."""
    if not cells:
        raise ShapeError("cells must not be empty")
    V, K = head_weight.shape
    widths = [cell.hidden_size for cell in cells]
    below = [V if embedding is None else embedding.size(1), *widths[:-1]]
    if embedding is not None and embedding.size(0) != V:
        raise ShapeError(f"embedding must be ({V}, E) as head_weight has {V} rows, got {tuple(embedding.shape)}")
    if [cell.input_size for cell in cells] != below:
        raise ShapeError(f"cells must have the input sizes {below}, got {[cell.input_size for cell in cells]}")
    if reads == "sum" and len(set(widths)) > 1:
        raise ShapeError(f"cells must have the same width for reads='sum', got {widths}")
    expected = sum(widths) if reads == "concat" else widths[-1]
    if expected != K or head_bias.shape != (V,):
        received = f"{tuple(head_weight.shape)} and {tuple(head_bias.shape)}"
        raise ShapeError(f"head_weight and head_bias must be (V, {expected}) and (V,), got {received}")
