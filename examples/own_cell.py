# %% [markdown]
# # A recurrent cell of your own
#
# A leaky recurrent cell updates each unit at its own rate:
#
# $$\tilde h_t = \tanh(W x_t + U h_{t-1} + b) \qquad h_t = (1 - a) \circ h_{t-1} + a \circ \tilde h_t$$
#
# where $a = \sigma(\alpha)$ is learned: a unit with a small $a$ remembers for about $1 / a$ steps.

# %%
import os
from typing import NamedTuple

import torch
from torch import nn

import unrolled
from unrolled.results import Series
from unrolled.testing import check_cell

STEPS = int(os.environ.get("STEPS", "2000"))
DATA = os.environ.get("DATA", "stdlib")

# %% [markdown]
# A cell derives from `unrolled.Cell` and defines two methods: the state before the first step, and one step. A state is
# a named tuple of tensors with the batch in dimension 0. `step_traced` is optional: it names the gates.


# %%
class LeakyState(NamedTuple):
    h: torch.Tensor


class LeakyCell(unrolled.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)
        self.alpha = nn.Parameter(torch.linspace(-4.0, 2.0, hidden_size))

    def initial_state(self, batch_size):
        return LeakyState(self.alpha.new_zeros(batch_size, self.hidden_size))

    def step(self, x, state, noise=None):
        candidate = torch.tanh(self.input(x) + self.recurrent(state.h))
        h = torch.lerp(state.h, candidate, torch.sigmoid(self.alpha))
        return h, LeakyState(h)

    def step_traced(self, x, state, noise=None):
        output, after = self.step(x, state, noise)
        return output, after, {"h": after.h}


# %% [markdown]
# `scan` runs a cell over a sequence: here the response of three units to one impulse.

# %%
torch.manual_seed(0)
cell = LeakyCell(input_size=1, hidden_size=32)
impulse = torch.zeros(40, 1, 1)  # (T, B, I)
impulse[0] = 5.0
with torch.no_grad():
    outputs, _ = unrolled.scan(cell, impulse)  # (T, B, H)
response = Series("response", range(40), {f"unit {u}": outputs[:, 0, u].tolist() for u in (0, 16, 31)})
print(response)

# %% [markdown]
# `check_cell` checks what training, inspection and export rely on: shapes, lengths, resets, gradients of every kind,
# `torch.compile`. A check that fails raises an error with its reason.

# %%
conformance = check_cell(cell)
print(conformance)

# %% [markdown]
# Training takes the class. The run stores its name, `module:Class`; in a script or notebook the module is `__main__`. A
# cell in a file `my_cells.py` is `my_cells:LeakyCell`, on the command line too.

# %%
options = {"hidden_size": 96, "num_layers": 1, "batch_size": 16, "lr": 0.01}
model = unrolled.train("lm", data=DATA, cell=LeakyCell, steps=STEPS, **options)
print(model)

# %%
print(model.generate("def ", length=200, temperature=0.8))
