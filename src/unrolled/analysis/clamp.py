"""Hold units of a recurrent state at chosen values, to find out what they do.

    s̃_t = s_t with unit u at v_u for every held u                                                       (1)
    y_t, s_t = step(x_t, s̃_{t-1})           the next step reads the values, also at the first step          (2)
    the final state is s̃_T                  the caller receives the values                                  (3)
    y_t is held, too, where it is h_t    the layer above or the head reads them (built-in cells)         (4)
    c of an LSTM is held in its step:    c_t[u] = v,  then  o_t  and  h_t = o_t ∘ tanh(c_t)              (5)
    after a reset the initial state is held; at padding y is 0 and the state does not change             (6)

The value 0 ablates a unit; its mean removes only its information and keeps the input of the other units in its usual
range. In a custom cell, leaves are overwritten after the step, and so is the output if it is the same tensor as such a
leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn

from ..cells import Cell, GatedCell, LSTMCell, State, Trace
from ..cells.dilated import Dilated
from ..cells.state import named_leaves, with_leaves
from ..checks import UNCHECKED, checked
from ..errors import ArgumentError
from ..layers import Stack
from ..scan import scan
from .edits import GATES, begins_at, constant_input, held_memory
from .runner import run_by
from .units import Unit, by_cell, stack_of

Values = Mapping[int, float]


@checked
@contextmanager
def clamp(
    model: nn.Module,
    units: Mapping[Annotated[Unit, UNCHECKED], Annotated[float, UNCHECKED]],
    *,
    leaf: str = "h",
    stack: str | None = None,
) -> Iterator[None]:
    """Context manager in which every pass of the model has these units of its recurrent state at these values.

        with clamp(handle.model, {(1, 0, 17): 0.0}):
            handle.evaluate(text), handle.generate("ROMEO:")

    See the module for the equations. Contexts may be nested, also with another ``leaf``, and `capture` works inside. In
    evaluation the kernels run with edited weights (`edits`); in training, and where no weights are equivalent, the
    reference loop runs. A frozen copy has the units that are held when it is made.

    Args:
        model: any module with recurrent layers.
        units: ``(layer, direction, unit)`` → value.
        leaf: ``"h"``, or ``"c"`` of an LSTM.
        stack: name of the recurrent layers, if the model has several stacks.

    Raises:
        ArgumentError: a unit or the leaf does not exist, a value is not finite, or `capture` is active.
    """
    layers = stack_of(model, stack)
    before: Any = vars(layers).get("runner")
    if before is not None and before is not run_clamped:
        raise ArgumentError("model", "outside capture()", "a model in capture()", "enter capture() inside clamp()")
    clamped = {cell: _clamped(cell, leaf, values) for cell, values in by_cell(layers, units, leaf).items()}
    originals = _exchange(layers, clamped)
    try:
        with run_by(layers, run_clamped):
            yield
    finally:
        _exchange(layers, originals)


def _clamped(cell: Cell, leaf: str, values: Values) -> Cell:
    """Return a clamped cell; in a dilated cell, the inner cell is clamped."""
    if isinstance(cell, Dilated):
        return Dilated(_clamped(cell.cell, leaf, values), cell.dilation).train(cell.training)
    return Clamped(cell, leaf, values)


class Clamped(Cell):
    """A cell with held units; see the module. It shares the parameters of ``cell``, with the same names.

    Args:
        cell: any cell, also a clamped one.
        leaf: leaf of the state.
        values: unit → value.
    """

    held: dict[str, dict[int, float]]

    def __init__(self, cell: Cell, leaf: str, values: Values) -> None:
        super().__init__()
        held: dict[str, dict[int, float]] = {}
        if isinstance(cell, Clamped):
            held = dict(cell.held)
            cell = cell.bare
        self.held = {**held, leaf: {**held.get(leaf, {}), **values}}
        self._bare = (cell,)  # in a tuple, so that it is not a submodule
        self._parameters, self._modules, self._buffers = cell._parameters, cell._modules, cell._buffers
        self.input_size, self.hidden_size, self.training = cell.input_size, cell.hidden_size, cell.training
        self._cache: dict[str, tuple[Any, Any]] = {}

    @property
    def bare(self) -> Cell:
        """The cell without clamps."""
        return self._bare[0]

    @property
    def output_size(self) -> int:
        return self.bare.output_size

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "_bare":
                raise
            return getattr(self.bare, name)

    def train(self, mode: bool = True) -> Clamped:
        self.bare.train(mode)
        self.training = mode
        return self

    def draw_noise(self, T: int, B: int, generator: torch.Generator | None = None) -> State | None:
        return self.bare.draw_noise(T, B, generator)

    def initial_state(self, batch_size: int) -> State:
        return self.hold(self.bare.initial_state(batch_size))

    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, after = self._stepping().step(x, self.hold(state), noise)
        return self.hold_output(output, after), self.hold(after)

    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        output, after, trace = self._stepping().step_traced(x, self.hold(state), noise)
        held = {name: _overwritten(trace[name], self.held[name]) for name in trace if name in self.held}
        return self.hold_output(output, after), self.hold(after), {**trace, **held}

    def hold(self, state: State) -> State:
        """Return the state with held units, s̃ (1)."""
        leaves = named_leaves(state)
        return with_leaves(state, {leaf: _overwritten(leaves[leaf], values) for leaf, values in self.held.items()})

    def hold_output(self, output: Tensor, after: State) -> Tensor:
        """Return the output with held units (4)."""
        leaves = named_leaves(after)
        for leaf, values in self.held.items():
            if leaves[leaf] is output:
                return _overwritten(output, values)
        return output

    def edited(self) -> GatedCell | None:
        """Return an equivalent built-in cell for `run_clamped`; `None` if none exists."""
        bare = self.bare
        if type(bare) not in GATES or (self.training and cast(GatedCell, bare).initial == "random"):
            return None
        return self._cached("edited", self._edit)

    def _edit(self) -> GatedCell | None:
        cell = cast(GatedCell, self._hold_memory())
        edited = constant_input(cell, self.held.get("h", {}))
        if edited is not None:
            begins_at(edited, self.initial_state(1))
        return edited

    def _stepping(self) -> Cell:
        return self._cached("stepping", self._hold_memory)

    def _hold_memory(self) -> Cell:
        """Return the cell with weights that implement (5)."""
        bare = self.bare
        return held_memory(bare, self.held["c"]) if type(bare) is LSTMCell and "c" in self.held else bare

    def forget(self) -> None:
        """Edit the weights anew at the next step."""
        self._cache.clear()

    def _cached(self, name: str, make: Callable[[], Any]) -> Any:
        """Return ``make()``, cached while the weights do not change and gradients are disabled."""
        if torch.is_grad_enabled():
            return make()
        key = [(id(p), p.data_ptr(), p._version) for p in self.bare.parameters()]
        if name not in self._cache or self._cache[name][0] != key:
            self._cache[name] = key, make()
        return self._cache[name][1]


def bare_cells(cells: Iterable[Cell]) -> tuple[list[Cell], dict[int, dict[str, dict[int, float]]]]:
    """Return the cells without clamps, and the held units of each: number of the cell → leaf → unit → value."""
    given = list(cells)
    held = {number: cell.held for number, cell in enumerate(given) if isinstance(cell, Clamped)}
    return [cell.bare if isinstance(cell, Clamped) else cell for cell in given], held


def run_clamped(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None = None,
    noise: State | None = None,
    **options: Any,
) -> tuple[Tensor, State]:
    """Run `scan`; a `Clamped` cell runs on the kernels where edited weights are equivalent."""
    arguments: dict[str, Any] = {"lengths": lengths, "noise": noise, **options}
    if not isinstance(cell, Clamped):
        return scan(cell, inputs, state, **arguments)
    if inputs.size(0) > 1:
        cell.forget()  # single steps keep the edits; they do not see changes of ``.data``, which has no version
    before = cell.hold(state)
    edited = cell.edited() if noise is None else None
    if edited is None:
        return scan(cell, inputs, before, **arguments)
    outputs, after = scan(edited, inputs, before, **arguments)
    if "h" in cell.held:
        outputs = _overwritten(outputs, cell.held["h"])
    if lengths is not None:
        inside = torch.arange(inputs.size(0), device=inputs.device)[:, None] < lengths  # (T, B)
        outputs = torch.where(inside[:, :, None], outputs, 0.0)
    return outputs, cell.hold(after)


def _exchange(stack: Stack, cells: Mapping[Cell, Cell]) -> dict[Cell, Cell]:
    """Replace cells of a stack; return the mapping that restores them."""
    layers: Any = stack.layers
    for layer in layers:
        for direction, cell in enumerate(layer):
            if cell in cells:
                layer[direction] = cells[cell]
    return {new: old for old, new in cells.items()}


def _overwritten(values: Tensor, held: Values) -> Tensor:
    """Return ``values (…, ·)`` with units of the last dimension replaced by the held values."""
    if not held:
        return values
    index = torch.tensor(list(held), device=values.device)
    replacement = torch.tensor(list(held.values()), dtype=values.dtype, device=values.device)
    return values.index_copy(-1, index, replacement.expand(*values.shape[:-1], -1))
