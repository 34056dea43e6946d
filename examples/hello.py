# %% [markdown]
# # A first language model
#
# A language model reads a text one character at a time and predicts the next one. Trained on Python's own standard
# library, it learns to spell, to indent, and to generate text that looks like Python.

# %%
import os

import unrolled

STEPS = int(os.environ.get("STEPS", "4000"))  # of training; fewer for a quick look
DATA = os.environ.get("DATA", "stdlib")  # a named text, a file or a folder

# %% [markdown]
# One call reads the text, splits it into training, validation and test data, trains, and returns the best model. The
# network is a GRU with one layer of 128 units. While it trains, one line shows the loss (in nats per character: 4.6 for
# guessing among 100 characters, about 1.5 for a good small model) and the time left.

# %%
model = unrolled.train("lm", data=DATA, cell="gru", hidden_size=128, num_layers=1, batch_size=16, lr=0.01, steps=STEPS)
print(model)

# %% [markdown]
# The model continues a prompt. It draws each character from the predicted distribution; a low temperature makes likely
# characters more likely.

# %%
print(model.generate("def ", length=400, temperature=0.8))

# %% [markdown]
# `step` reads a text and returns the log-probability of each possible next character, and the state after the text.
# Pass that state to continue.

# %%
log_p, state = model.step("    retur")
best = log_p.topk(5)
for token, p in zip(best.indices.tolist(), best.values.exp().tolist(), strict=True):
    print(f"{model.vocabulary.decode([token])!r}  {p:.3f}")
log_p, state = model.step("n ", state)

# %% [markdown]
# The run is a folder under `runs/`, where `unrolled runs` lists it. `unrolled.load(folder)` opens it again, and
# `unrolled.resume(folder, steps=…)` trains it for longer.
