# %% [markdown]
# # A task of your own
#
# A task is a class: its options, data, network, loss and metrics. The training loop, checkpoints, `unrolled.load` and
# the command line need nothing else. This one learns to continue a wave: $x_{t+1} = x_t + W h_t + b$, where $h_t$ is
# the state of a GRU. `docs/adding-a-task.md` has a more complete one, with files, pictures and error messages.

# %%
import os
from dataclasses import dataclass, field

import torch
from torch import nn

import unrolled
from unrolled.results import Prediction, Series
from unrolled.tasks.common.own_parts import OwnParts, evaluated
from unrolled.tasks.common.recurrent import Recurrent, restored
from unrolled.tasks.common.trained import Trained
from unrolled.tasks.registry import register
from unrolled.training.metrics import LOSS
from unrolled.training.options import Training
from unrolled.training.task import Task

STEPS = int(os.environ.get("STEPS", "1000"))

# %% [markdown]
# The options are groups of a frozen dataclass: every field is an option of `unrolled.train` and of the command line.


# %%
@dataclass(frozen=True, kw_only=True)
class Wave:
    data: str = "wave"
    period: float = 25.0
    loss_unit = "squared error"


@dataclass(frozen=True, kw_only=True)
class Config:
    data: Wave = field(default_factory=Wave)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", hidden_size=32, num_layers=1))
    training: Training = field(default_factory=lambda: Training(batch_size=16, lr=1e-2))


class Network(nn.Module):
    """x (T, B, 1), state → the next number at each step (T, B, 1), state"""

    def __init__(self, options):
        super().__init__()
        self.stack, self.head = options.build(1), nn.Linear(options.hidden_size, 1)

    def forward(self, x, state=None):
        h, state = self.stack(x, state)
        return x + self.head(h), state


# %% [markdown]
# A batch is a pure function of the step number, so a resumed run sees the same batches as an uninterrupted one.


# %%
@register
class NextValue(Task):
    """the next number of a wave"""

    name, Config, Evaluate, unit = "next-value", Config, OwnParts, "numbers"
    metrics = (LOSS._replace(label="squared error", format=".6f"),)

    def prepare(self):
        self.x = torch.sin(torch.arange(2000) * 6.2832 / self.config.data.period)
        self.x += 0.05 * torch.randn(2000, generator=torch.Generator().manual_seed(0))
        train, valid, test = self.x.tensor_split([1600, 1800])
        self.parts, self.windows = {"valid": valid, "test": test}, train.unfold(0, 51, 1)  # (N, T + 1)
        return ["a sine wave with noise: 2,000 numbers"]

    def build_model(self):
        return Network(self.config.model)

    @property
    def steps_per_epoch(self):
        return len(self.windows) / self.config.training.batch_size

    def batch(self, step):
        seeded = torch.Generator().manual_seed(self.config.training.seed * 1_000_003 + step)
        chosen = torch.randint(len(self.windows), (self.config.training.batch_size,), generator=seeded)
        return self.windows[chosen].t()[..., None]  # (T + 1, B, 1)

    def units(self, batch):
        return batch.numel()

    def loss(self, model, batch, carry):
        return nn.functional.mse_loss(model(batch[:-1])[0], batch[1:]), None

    @torch.no_grad()
    def evaluate(self, model, split):
        return {"loss": self.loss(model, self.parts[split][:, None, None], None)[0].item()}

    def preview(self, model):
        return f"squared error {self.evaluate(model, 'valid')['loss']:.6f}"

    @classmethod
    def open(cls, file, config):
        return TrainedNextValue(restored(file, config.model, lambda: Network(config.model)), config, "")


class TrainedNextValue(Trained):
    """What `unrolled.load` returns for a run of this task."""

    task = "next-value"

    def evaluation(self, options, progress=None):
        return evaluated(NextValue, self, options)

    @torch.no_grad()
    def continued(self, x, count):
        """``x (T,)`` and ``count`` more numbers, each predicted from those before it."""
        output, state = self.model(x[:, None, None])
        values = [*x.tolist(), output[-1].item()]
        for _ in range(count - 1):
            output, state = self.model(output[-1:], state)
            values.append(output[-1].item())
        return Prediction(f"{len(x)} numbers", parts=(Series("continued", range(len(values)), {"x": values}),))


# %% [markdown]
# `register` adds the task to this Python process, so it can be trained like any other.

# %%
model = unrolled.train("next-value", period=20, steps=STEPS)
print(model)

# %% [markdown]
# The model reads 60 numbers of the wave and predicts the next 120.

# %%
continued = model.continued(torch.sin(torch.arange(60) * 6.2832 / 20), count=120)
print(continued)

# %%
report = model.evaluation(OwnParts(split="test"))
print(report)

# %% [markdown]
# To use the task on the command line, put the classes into a package and declare it in `pyproject.toml`:
#
# ```toml
# [project.entry-points."unrolled.tasks"]
# next-value = "my_package.next_value:NextValue"
# ```
#
# Once the package is installed, `unrolled train next-value --period 20`, `resume`, `evaluate` and `runs` work.
