# %% [markdown]
# # A language model of your own text
#
# The text may be a file, a folder or a pattern. Two models are trained on the same text: a recurrent network and an
# n-gram model, the standard language model for decades. They are compared in bits per character: the number of bits
# that an ideal compressor would need per character with the model's predictions.

# %%
import os
from pathlib import Path
from pydoc_data.topics import topics

import unrolled

STEPS = int(os.environ.get("STEPS", "4000"))

# %% [markdown]
# Set the environment variable `TEXT` to the path of your text. The default is Python's language reference, which is
# part of the standard library for `help()`: 700 kB of English.

# %%
path = Path(os.environ.get("TEXT", "runs/texts/reference.txt"))
if "TEXT" not in os.environ:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(topics.values()), encoding="utf-8")

# %%
counted = unrolled.train("lm", data=path, kind="ngram", order=5)
print(counted)

# %%
network = unrolled.train(
    "lm", data=path, cell="gru", hidden_size=128, num_layers=1, batch_size=16, lr=0.01, steps=STEPS
)
print(network)

# %% [markdown]
# Evaluate both on the same test data.

# %%
for name, model in (("5-grams", counted), ("GRU", network)):
    scores = model.evaluate(model.own_text("test")[1], lanes=16)
    print(f"{name:8} {scores['bits_per_char']:.3f} bits per character, {model.size:,} parameters")

# %% [markdown]
# The 5-gram model sees the last four characters only. The network carries a state, so it can close quotes and brackets
# opened long before.

# %%
for name, model in (("5-grams", counted), ("GRU", network)):
    print(f"--- {name}\n{model.generate('The ', length=300, temperature=0.7, seed=2)}\n")

# %% [markdown]
# A low temperature prefers common words, a high one invents new ones.

# %%
for temperature in (0.3, 0.7, 1.2):
    print(f"--- temperature {temperature}\n{network.generate('The ', length=200, temperature=temperature)}\n")
