# %% [markdown]
# # Classify the rows of a CSV file
#
# A classifier is trained on labelled texts. Set the environment variable `CSV` to use your own file, and `TEXT_COLUMN`
# and `LABEL_COLUMN` to name its columns, if they are not called `text` and `label`.

# %%
import csv
import os
from pathlib import Path

import unrolled
from unrolled.data.generated_reviews import reviews

STEPS = int(os.environ.get("STEPS", "800"))

# %% [markdown]
# By default, the next cell writes a file of 3,000 generated reviews. Most contain praise and criticism, and the order
# determines the label: "the soup was stale, but the bread was a delight".

# %%
path = Path(os.environ.get("CSV", "runs/texts/reviews.csv"))
if "CSV" not in os.environ:
    generated = reviews(seed=0, count=3000)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(generated.texts, generated.labels, strict=True)])

# %% [markdown]
# A tenth of the rows is the validation set, used for model selection; another tenth is the test set.

# %%
columns = {name: os.environ[name.upper()] for name in ("text_column", "label_column") if name.upper() in os.environ}
model = unrolled.train("classify", data=path, hidden_size=64, steps=STEPS, **columns)
print(model)

# %%
texts = ["The bread was a delight, but the soup was stale.", "The train was far from slow."]
for prediction in model.predict(texts):
    print(f"{prediction.likeliest():26} {prediction.text}")

# %% [markdown]
# `explain=True` gives every word a weight: its share of the margin between the predicted class and the runner-up. It
# speaks for the predicted class (red, with a solid line) or against it (blue, with a dotted line).

# %%
[explained] = model.predict(["The soup was stale, but the bread was a delight."], explain=True)
print(explained)

# %% [markdown]
# The report on the test set, with three baselines: chance, the most frequent class, and a bag of words, which ignores
# word order.

# %%
report = model.evaluate(baselines=True)
print(report)

# %% [markdown]
# `files()` of a part of the report returns its table or picture as files.

# %%
for part in report.parts:
    for name, content in part.files().items():
        Path("runs", name).write_bytes(content)
        print(f"runs/{name}: {len(content):,} bytes")
