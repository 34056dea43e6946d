"""Labels that look alike: the warning, and merging them."""

from unrolled.data.label_names import alike, folded, key, spellings
from unrolled.data.labelled import Examples, Layout
from unrolled.data.labelled_sets import open_labelled

LABELS = ["Billing"] * 3 + ["BILLING", "billing ", "On  hold", "on hold", "other"]


def test_the_most_frequent_spelling_is_the_name():
    assert spellings(LABELS) == {"billing": "Billing", "on hold": "On  hold", "other": "other"}
    assert folded(Examples(["a", "b", "c"], ["BILLING", "on  hold", "new"]), spellings(LABELS)).labels == [
        "Billing",
        "On  hold",
        "new",
    ]
    assert key("e\u0301t\u00e9") == key("\u00c9t\u00e9")


def test_the_warning_has_counts_and_the_remedy():
    assert alike(LABELS) == (
        "labels that look alike are separate classes: Billing (3) and BILLING (1) and billing  (1); On  hold (1) and "
        "on hold (1); --fold-labels merges them"
    )
    assert alike(["a", "b", "a"]) == ""


def test_files_are_folded_alike(tmp_path):
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "".join(f"t{n},{'YES' if n % 5 else 'yes'}\nu{n},no\n" for n in range(30))
    )
    (tmp_path / "b.csv").write_text("text,label\nx,Yes\ny,No\n")
    plain = open_labelled(str(tmp_path / "a.csv"), Layout())
    assert any("YES (24) and yes (6); --fold-labels" in note for note in plain.notes)
    sets = open_labelled(str(tmp_path / "a.csv"), Layout(), test=str(tmp_path / "b.csv"), fold_labels=True)
    assert set(sets.train.labels) == {"YES", "no"}
    assert sets.test.labels == ["YES", "no"]
    assert "labels merged by --fold-labels: 5 spellings are 2 classes" in sets.notes
