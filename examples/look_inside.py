# %% [markdown]
# # Look inside a language model
#
# Which units of a network track features of the text? Karpathy, Johnson and Fei-Fei (2015) found units that are active
# inside quotes, and units that count the characters of a line. This script searches for such units, holds one at a
# value, and writes a page with the text coloured by them.

# %%
import os
from pathlib import Path

import torch

import unrolled
from unrolled.analysis import capture
from unrolled.inspector import built_in, label, read, search
from unrolled.inspector.page import PageUnit, page
from unrolled.inspector.shown import values_of
from unrolled.results import Series

STEPS = int(os.environ.get("STEPS", "4000"))
DATA = os.environ.get("DATA", "stdlib")
CHARACTERS = int(os.environ.get("CHARACTERS", "30000"))  # of the text to analyse

# %% [markdown]
# Set the environment variable `RUN` to use a model that you have trained; otherwise a small one is trained.

# %%
if "RUN" in os.environ:
    model = unrolled.load(os.environ["RUN"])
else:
    options = {"cell": "gru", "hidden_size": 128, "num_layers": 1, "batch_size": 16, "lr": 0.01}
    model = unrolled.train("lm", data=DATA, steps=STEPS, **options)
print(model)

# %% [markdown]
# `capture` records every gate at every step while the network runs. Here are the gates and the state of the first unit
# over one line of code.

# %%
line = "    return [x for x in range(10)]  # a note\n"
traces = {}
with capture(model.model, lambda name, begin, trace: traces.update(trace)), torch.no_grad():
    model.step(line)
unit = {gate: traces[gate][:, 0, 0].tolist() for gate in traces}
gates = Series("unit 0", list(line), unit)
print(gates)

# %% [markdown]
# The search scores every unit against every hypothesis, on text that was not used to select it. A unit counts as found
# (★) if it beats the best unit of 19 untrained networks, labels shifted along the text, and a lookup table of the
# current token.

# %%
text = Path(torch.nn.modules.rnn.__file__).read_text(encoding="utf-8")[:CHARACTERS]
text = "".join(c for c in text if not model.vocabulary.outside(c))
reading = read(model, text)
found = search(reading, label(text, built_in()))
print(found)

# %% [markdown]
# What does the best unit do? `held` returns a copy of the model with units of its state held at values; gates cannot be
# held, because they follow from the state.

# %%
first = next(finding for finding in found.findings if finding.best[0].unit.gate in ("h", "c"))
best = first.best[0].unit.name
print(f"{best}: {first.hypothesis}")
for value in (-1.0, 1.0):
    print(f"--- {best} = {value}\n{model.held({best: value}).generate('def ', length=200, temperature=0.5)}\n")

# %% [markdown]
# The page shows the text coloured by each unit found; open it in a browser.

# %%
shown = [finding for finding in found.findings if finding.found][:8] or found.findings[:3]
values = values_of(reading, [finding.best[0].unit for finding in shown], len(text))
units = [PageUnit(finding.hypothesis, f"{finding.best[0].unit.name} {finding.score:.2f}") for finding in shown]
source = page("Cells", "PyTorch's rnn.py", text, units, values, lambda token: model.vocabulary.decode([token]))
Path("runs").mkdir(exist_ok=True)
written = Path("runs/cells.html")
written.write_text(source, encoding="utf-8")
print(f"{written}: {len(source):,} characters")
