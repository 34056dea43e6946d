"""A cell of the user's own that is none is told in one line, with the place in its file."""

import pytest
import torch
from torch import Tensor, nn

from unrolled.cells import Cell, cell_class, make_cell
from unrolled.errors import ArgumentError, origin


class Right(Cell):
    """A cell as it should be, whose initial state and noise are random."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.linear = nn.Linear(input_size, hidden_size)

    def initial_state(self, batch_size: int):
        return (torch.randn(batch_size, self.hidden_size),)

    def draw_noise(self, T, B, generator=None):
        return torch.rand(T, B, self.hidden_size)

    def step(self, x, state, noise=None):
        h = torch.tanh(self.linear(x) + state[0] * (0.5 if noise is None else noise))
        return h, (h,)


class Nothing(Cell):
    pass


class NoStep(Cell):
    def initial_state(self, batch_size: int):
        return torch.zeros(batch_size, 3)


class Unbuilt(Right):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        raise KeyError("no\nsuch")


class Three(Right):
    def __init__(self, input_size: int, hidden_size: int, third: int) -> None: ...


class Exits(Right):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        raise SystemExit(0)


class NoSizes(Right):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.input_size = 7


class Unsized(Right):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        Cell.__init__(self)
        self.hidden_size = hidden_size


class TimeFirst(Right):
    def initial_state(self, batch_size: int):
        return (torch.zeros(1, batch_size, self.hidden_size),)


class Alone(Right):
    def step(self, x, state, noise=None):
        return state[0]


class Narrow(Right):
    def step(self, x, state, noise=None):
        return state[0][:, :2], state


class OtherState(Right):
    def step(self, x, state, noise=None):
        return state[0], state[0]


class Two(Right):
    def step(self, x, state, noise=None):
        return state[0] + torch.zeros(2, 1), state


class Second(Right):
    def step(self, x, state, noise=None):
        return state[0].view(-1).view(-1, 6), (torch.zeros(6, x.size(0)).t(),)


class Double(Right):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.double()


class DoubleOutput(Right):
    def step(self, x, state, noise=None):
        return state[0].double(), state


class DoubleState(Right):
    def step(self, x, state, noise=None):
        return state[0], (state[0].double(),)


class Shapes(Right):
    def step(self, x: Tensor, state, noise=None):
        return state[0] @ x, state


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Nothing, "cell must be a class with all methods of a cell, got {}; define initial_state and step in it"),
        (NoStep, "cell must be a class with all methods of a cell, got {}; define step in it"),
        (
            Unbuilt,
            "must be a class that is built as Class(input_size, hidden_size), got {}; building it raised KeyError: ",
        ),
        (Unbuilt, f"({__file__}:{Unbuilt.__init__.__code__.co_firstlineno + 1}, in __init__)"),
        (Three, "building it raised TypeError: Three.__init__() missing 1 required positional argument: 'third'"),
        (Exits, "building it raised SystemExit: 0"),
        (NoSizes, "that sets input_size and hidden_size, 4 and a number here, got {}; it returns [7, 6]"),
        (Unsized, "must be a cell that sets input_size, got 'Unsized'; call super().__init__(input_size, hidden_size)"),
        (TimeFirst, "whose initial_state(2) returns tensors (2, …), got {}; it returns ((1, 2, 6),)"),
        (
            Alone,
            "whose step returns a pair (output, state), got {}; it returns (2, 6); unrolled.testing.check_cell checks",
        ),
        (Narrow, "whose step returns an output (B, output_size), here (2, 6), got {}; it returns (2, 2)"),
        (OtherState, "whose step returns a state of the same shapes, ((2, 6),), got {}; it returns (2, 6)"),
        (
            Shapes,
            "a class whose methods run, got {}; the first step of 2 sequences raised RuntimeError: mat1 and mat2",
        ),
        (Two, "returns an output (B, output_size), here (1, 6), got {}; it returns (2, 6)"),
        (Second, "a class whose methods run, got {}; the second step of 2 sequences raised RuntimeError: view size"),
        (Double, "the first step of 2 sequences raised RuntimeError: mat1 and mat2 must have the same dtype"),
        (DoubleOutput, "returns torch.float32 for torch.float32, got {}; it returns torch.float64"),
        (DoubleState, "keeps the state's dtypes, [torch.float32], got {}; it returns [torch.float64]"),
        (Shapes, f"({__file__}:{Shapes.step.__code__.co_firstlineno + 1}, in step)"),
    ],
)
def test_what_is_no_cell(cls, expected):
    name = f"{__name__}:{cls.__name__}"
    with pytest.raises(ArgumentError) as caught:
        make_cell(name, 4, 6)
    assert expected.format(repr(name)) in str(caught.value)
    assert caught.value.name == "cell"


def test_what_importing_raises(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text, said in (
        ("exits_at_once", "import sys\nsys.exit(3)\n", "importing it raised SystemExit: 3 ({}:2, in <module>)"),
        ("fails_at_once", "\n\n1 / 0\n", "importing it raised ZeroDivisionError: division by zero ({}:3, in <module>)"),
    ):
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        with pytest.raises(ArgumentError) as caught:
            cell_class(f"{name}:Mine")
        assert str(caught.value).endswith(said.format(file))


def test_a_right_one_is_tried_without_a_trace():
    torch.manual_seed(3)
    plain = Right(4, 6)
    after = torch.rand(5)
    torch.manual_seed(3)
    cell = make_cell(f"{__name__}:Right", 4, 6)
    assert torch.equal(torch.rand(5), after)
    assert torch.equal(cell.linear.weight, plain.linear.weight)
    assert cell.linear.weight.grad is None


def test_where_an_error_comes_from():
    with pytest.raises(ArgumentError) as ours:
        make_cell("lstm", 0, 6)
    ours.value.__traceback__ = ours.value.__traceback__.tb_next  # without this file's line
    assert origin(ours.value) == ""
