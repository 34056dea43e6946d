# %% [markdown]
# # Find names in sentences
#
# A tagger assigns a label to every word. The default data are generated sentences in which a word alone is ambiguous:
# *Teddy* begins "Teddy bears are on sale" and "Teddy Roosevelt was a great president". The network is bidirectional, so
# it sees the context before and after each word.

# %%
import os

import unrolled
from unrolled.results import Table
from unrolled.tasks.tag.evaluation import Evaluate

STEPS = int(os.environ.get("STEPS", "600"))
DATA = os.environ.get("DATA", "generated")  # or a file in CoNLL columns: a word and its tag on each line

# %%
model = unrolled.train("tag", data=DATA, hidden_size=64, steps=STEPS)
print(model)

# %% [markdown]
# `predict` takes raw text, one sentence per line, and returns it with its entities.

# %%
text = """Teddy Roosevelt was a great president.
Teddy bears are on sale at the station.
They moved to Lincoln after a speech by Lincoln."""
[marked] = model.predict([text])
print(marked)

# %% [markdown]
# `tag` takes sentences split into words, and returns a tag for each word: `B-` begins an entity, `I-` continues it, `O`
# is outside. `probabilities` returns the tag probabilities.

# %%
words = "They moved to Lincoln after a speech by Lincoln .".split()
[tags] = model.tag([words])
shares = model.probabilities(words)
rows = [(word, tag, f"{max(share.values()):.3f}") for word, tag, share in zip(words, tags, shares, strict=True)]
table = Table("tags", ("word", "tag", "probability"), rows, right=("probability",))
print(table)

# %% [markdown]
# Precision, recall and F1 of whole entities, on test sentences whose names do not occur in the training sentences.

# %%
report = model.evaluation(Evaluate())
print(report)
