# %% [markdown]
# # Classify the rows of a CSV file
#
# A classifier learns from texts with a label each. The file here has the columns `text` and `label`; other names are
# given with `text_column=` and `label_column=`. Set the environment variable `CSV` to a file of your own.

# %%
import csv
import os
from pathlib import Path

import unrolled
from unrolled.data.generated_reviews import reviews
from unrolled.tasks.classify.evaluation import Evaluate

STEPS = int(os.environ.get("STEPS", "800"))

# %% [markdown]
# Without a file of your own, this writes one: 3,000 made-up reviews. Most say a good thing and a bad one, and the order
# decides: "the soup was stale, but the bread was a delight".

# %%
path = Path(os.environ.get("CSV", "runs/texts/reviews.csv"))
if "CSV" not in os.environ:
    made = reviews(seed=0, count=3000)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(made.texts, made.labels, strict=True)])

# %% [markdown]
# A tenth of the rows decides which model is kept, another tenth is for the test.

# %%
model = unrolled.train("classify", data=path, hidden_size=64, steps=STEPS)
print(model)

# %%
texts = ["The bread was a delight, but the soup was stale.", "The train was far from slow."]
for prediction in model.predict(texts):
    print(f"{prediction.likeliest():26} {prediction.text}")

# %% [markdown]
# `explain=True` gives every word a weight: how much it spoke for the answer (green in a notebook) or against it (red).

# %%
[explained] = model.predict(["The soup was stale, but the bread was a delight."], explain=True)
print(explained)

# %% [markdown]
# The report on the test rows: beside it what chance, the most frequent class and a bag of words reach, which does not
# know the order.

# %%
report = model.evaluation(Evaluate(baselines=True))
print(report)

# %% [markdown]
# `files()` of a part of the report has its table or picture as a file.

# %%
for part in report.parts:
    for name, content in part.files().items():
        Path("runs", name).write_bytes(content)
        print(f"runs/{name}: {len(content):,} bytes")
