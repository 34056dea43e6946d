# %% [markdown]
# # Translate, and show the attention weights
#
# An encoder reads the source, a decoder generates the target, and at each step attention weights the source positions.
# The default pairs are dates: "Samstag, 5. November 2016" or "5 nov. 2016" into 2016-11-05. Two aligned files,
# `data="a.de", target="a.en"`, work the same way.

# %%
import os

import unrolled
from unrolled.results import Input
from unrolled.tasks.translate.evaluation import Evaluate
from unrolled.tasks.translate.predictions import Predict

STEPS = int(os.environ.get("STEPS", "600"))
DATA = os.environ.get("DATA", "dates")

# %%
model = unrolled.train("translate", data=DATA, hidden_size=64, steps=STEPS)
print(model)

# %% [markdown]
# `predict` returns the best translation of each source, `translate` the hypotheses of a beam search with their scores.

# %%
sources = ["Samstag, 5. November 2016", "14 juillet 1989", "15.3.2024"]
for source, prediction in zip(sources, model.predict(sources), strict=True):
    print(f"{source}  →  {prediction.answer}")

# %%
[hypotheses] = model.translate(["sabato 5 novembre 2016"], beam=4, n_best=4)
for hypothesis in hypotheses:
    print(f"{hypothesis.score:8.3f}  {hypothesis.text}")

# %% [markdown]
# The alignment: a row for each generated token, a column for each source token, and a darker cell for a larger
# attention weight. The decoder first attends to the year at the end.

# %%
[aligned] = model.predictions([[Input("14 juillet 1989")]], Predict(show_alignment=True))
print(aligned)

# %% [markdown]
# The loss on the test pairs, the share of exact translations, and BLEU.

# %%
report = model.evaluation(Evaluate())
print(report)
