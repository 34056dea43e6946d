# %% [markdown]
# # A language model of your own text
#
# Any file, folder or pattern is a text. Here two models learn the same text: a recurrent network, and a table of
# n-gram counts, which was the best language model for decades. Bits per character compare them: how many bits a
# perfect compressor would spend on a character with this model's predictions.

# %%
import os
from pathlib import Path
from pydoc_data.topics import topics

import unrolled

STEPS = int(os.environ.get("STEPS", "4000"))

# %% [markdown]
# Set the environment variable `TEXT` to a path of your own. Without it the text is Python's language reference, which
# the standard library has for `help()`: 700 kB of English.

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
# Both were tested on the same part of the text, which neither had seen.

# %%
for name, model in (("5-grams", counted), ("GRU", network)):
    scores = model.evaluate(model.own_text("test")[1], lanes=16)
    print(f"{name:8} {scores['bits_per_char']:.3f} bits per character, {model.size:,} numbers learned")

# %% [markdown]
# The 5-grams know the last four characters only. The network carries a state, so it closes what it opened.

# %%
for name, model in (("5-grams", counted), ("GRU", network)):
    print(f"--- {name}\n{model.generate('The ', length=300, temperature=0.7, seed=2)}\n")

# %% [markdown]
# A low temperature repeats what is common, a high one invents words.

# %%
for temperature in (0.3, 0.7, 1.2):
    print(f"--- temperature {temperature}\n{network.generate('The ', length=200, temperature=temperature)}\n")
