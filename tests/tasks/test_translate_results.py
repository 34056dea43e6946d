"""A translator's report, comparison, predictions and modules for export, against its own methods."""

import contextlib
from pathlib import Path

import pytest
import torch

import unrolled
from unrolled.analysis.intervals import wilson
from unrolled.data.bitext import Pairs
from unrolled.errors import ArgumentError, RunError, UnrolledWarning
from unrolled.results import Input, Picture, Prediction
from unrolled.tasks.common.language import BEGIN
from unrolled.tasks.common.seen import hashes
from unrolled.tasks.translate.decoding import Translated
from unrolled.tasks.translate.evaluation import Evaluate
from unrolled.tasks.translate.predictions import PICTURED, Predict
from unrolled.tasks.translate.scores import bleu_interval, by_length
from unrolled.tasks.translate.task import Translation
from unrolled.tasks.translate.trained import TrainedTranslator

RUN = Path(__file__).parents[1] / "fixtures" / "trained" / "translate"
DATES = [f"{day} {month} 20{year}" for day in (3, 14) for month in ("May", "June") for year in (10, 17, 21)]
PAIRS = Pairs([*DATES, "on the 3 of May of the year 2010"], [*(text[::-1] for text in DATES), "2010-05-03"])
SHORT = {"beam": 2, "max_length": 5}


@pytest.fixture(scope="module")
def model():
    """A translator with larger weights than training gave it, so that its answers differ."""
    found = unrolled.load(RUN)
    torch.manual_seed(1)
    with torch.no_grad():
        for p in found.model.parameters():
            p.add_(2 * torch.randn_like(p))
    return found


@pytest.fixture
def blind(model):
    attention, model.model.attention = model.model.attention, None
    yield model
    model.model.attention = attention


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in zip(PAIRS.source, PAIRS.target, strict=True)))
    return str(path)


@contextlib.contextmanager
def counted(total, unit):
    COUNTS.append((total, unit))
    yield COUNTS.append


COUNTS: list = []


def asked(model, texts, **options):
    return list(model.predictions([[Input(text) for text in texts]], Predict(**options)))


# Evaluation


def test_a_report_has_the_numbers_of_evaluate(model, file):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    COUNTS.clear()
    report = model.evaluation(Evaluate(data=file, **SHORT), counted)
    assert COUNTS == [(13, "sentences"), 13]
    measures = model.evaluate(PAIRS, **SHORT)
    lengths = by_length(measures.translations, PAIRS.target, PAIRS.source)
    assert [count for _, _, count, _ in lengths] == [12, 1]
    scores = measures.scores
    signatures = [scores.bleu_signature, scores.cased_bleu_signature, scores.chrf_signature]
    exact = wilson(0, 13)
    assert measures.summary()["exact"] == 0
    assert report.values == {
        "text": file,
        "pairs": 13,
        **measures.summary(),
        "intervals": {"exact": [0.0, exact[1]]},  # that of BLEU would be 0 to 0
        "signatures": dict(zip(("BLEU", "BLEU cased", "chrF"), signatures, strict=True)),
        "by_length": [dict(zip(("low", "high", "count", "bleu"), one, strict=True)) for one in lengths],
    }
    table, by_words, bounds, told = report.parts
    assert bounds.plain().startswith("BLEU  95 % interval ")
    assert table.header == ("loss", "perplexity", "BLEU", "BLEU cased", "chrF", "exact", "sentences/s")
    found = measures.summary()
    formats = zip(found.values(), (".4f", ".2f", ".2f", ".2f", ".2f", ".2%"), strict=True)
    assert list(table.rows[0][:-1]) == [f"{value:{form}}" for value, form in formats]
    assert by_words.header == ("words", "sentences", "BLEU")
    assert by_words.rows == [("1-5", "12", f"{lengths[0][3]:.2f}"), ("6-10", "1", f"{lengths[1][3]:.2f}")]
    assert told.plain().splitlines()[2] == f"chrF: {scores.chrf_signature}"
    assert report.how[0].startswith(f"{file}: columns separated by tabs")
    assert report.how[1:] == tuple(f"read: {a} → {a[::-1]}" for a in DATES[:2])
    assert report.notes == ()


def test_runs_pad(model, file):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    found = Translation.compare({"runs/a": model, "other/a": model, "runs/b": model}, Evaluate(data=file, **SHORT))
    assert [report.values["pairs"] for report in found.reports] == [13, 13, 13]
    table, by_words, _, _ = found.together.parts
    assert [row[0] for row in table.rows] == ["runs/a", "other/a", "runs/b"]
    assert table.rows[0][1:-1] == table.rows[2][1:-1]
    assert by_words.header == ("words", "sentences", "runs/a", "other/a", "b")
    assert len({*by_words.rows[0][2:]}) == 1


def test_its_own_pairs(model, monkeypatch):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    few = PAIRS.pick(range(3))
    monkeypatch.setattr(TrainedTranslator, "find", lambda _, data, split: (few, ["a note of training"]))
    report = model.evaluation(Evaluate(split="valid", **SHORT))
    assert (report.values["text"], report.values["pairs"]) == ("dates, valid", 3)
    assert (report.how, report.notes) == ((), ())


def test_pairs_that_are_not_the_same(model, monkeypatch):
    found = iter([(PAIRS, []), (PAIRS.pick([0]), [])])
    monkeypatch.setattr(TrainedTranslator, "find", lambda *_, **__: next(found))
    with pytest.raises(RunError, match="a and b have different valid pairs; select the pairs"):
        Translation.compare({"a": model, "b": model}, Evaluate(split="valid"))


def test_a_note_on_exchanged_columns(model, file, monkeypatch):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    monkeypatch.setattr(TrainedTranslator, "reads_like_target", lambda _, text: "May" in text or "10" in text)
    (note,) = model.evaluation(Evaluate(data=file, **SHORT)).notes
    assert note.endswith("look like the target language: are its columns swapped?")


def test_a_picture_of_the_lengths(model, file, tmp_path, monkeypatch):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / "lengths.svg"
    picture = model.evaluation(Evaluate(data=file, picture=str(path), **SHORT)).parts[-1]
    assert isinstance(picture, Picture)
    assert (picture.path, path.exists()) == (path, False)  # the caller writes it
    assert b"<svg" in picture.png
    monkeypatch.setattr(TrainedTranslator, "evaluate", lambda *_, **__: pytest.fail("it was measured"))
    for name in ("lengths.txt", "nowhere/lengths.png"):
        with pytest.raises(ArgumentError, match="picture must be"):
            model.evaluation(Evaluate(data=file, picture=str(tmp_path / name)))
    few = tmp_path / "few.tsv"
    few.write_text("a b\tc d\n")
    with pytest.raises(ArgumentError, match="at least 10 sentences") as caught:
        model.evaluation(Evaluate(data=str(few), picture=str(path)))
    assert caught.value.__notes__[0].startswith(f"{few}: columns separated by tabs")  # how the file was read
    assert caught.value.__notes__[1:] == ["read: a b → c d"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "a.tsv", "split": "test"}, "split must be omitted with --data"),
        ({"target": "b.txt"}, "target must be omitted without --data"),
        ({"encoding": "latin-1"}, "encoding must be omitted without --data"),
        ({"header": False}, "header must be omitted without --data"),
        ({"beam": 0}, "beam must be an integer of at least 1"),
        ({"min_length": 3, "max_length": 2}, r"min_length must be at most max_length \(2\)"),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(ArgumentError, match=message):
        Evaluate(**options)


def test_no_coverage_without_attention(blind, file):
    with pytest.raises(ArgumentError, match="coverage_penalty must be omitted"):
        blind.evaluation(Evaluate(data=file, coverage_penalty=0.5))


# Predictions


def test_a_line_for_each_text(model):
    first, blank, second = asked(model, [DATES[0], " ", DATES[5]], **SHORT)
    (one,), (other,) = model.translate([DATES[0], DATES[5]], **SHORT)
    assert one.text != other.text
    assert first.lines == (one.text,)
    assert blank == Prediction("", more={"translations": []})
    entry = {"text": one.text, "score": one.score, "log_probability": one.log_probability}
    assert first.as_json() == {"text": DATES[0], "answer": one.text, "probabilities": {}, "translations": [entry]}
    assert second.answer == other.text


def test_an_empty_translation_is_an_answer(model, monkeypatch):
    nothing = Translated("", -0.5, -0.5, ["x"], [], None)
    monkeypatch.setattr(TrainedTranslator, "translate", lambda *_, **__: [[nothing]])
    (said,) = asked(model, ["x"])
    assert said.lines == ("",)
    told = {"text": "", "score": -0.5, "log_probability": -0.5}
    assert said.as_json() == {"text": "x", "answer": "", "translations": [told]}


def test_scores_stand_before_several_translations(model):
    (said,) = asked(model, [DATES[0]], n_best=3, max_length=5)
    (found,) = model.translate([DATES[0]], n_best=3, max_length=5)
    assert said.lines == tuple(f"{one.score:8.3f}\t{one.text}" for one in found)
    (one,) = asked(model, [DATES[0]], n_best=1, max_length=5)
    assert one.lines == said.lines[:1]


def test_where_each_word_was_looked_for(model, monkeypatch):
    (said,) = asked(model, ["3 May"], show_alignment=True, min_length=2, **SHORT)
    text, alignment = said.lines
    (entry,) = said.more["translations"]
    assert alignment.splitlines()[0].split() == entry["source"] == ["3", "␣", "M", "a", "y"]
    assert len(alignment.splitlines()) == 1 + len(entry["target"]) == 1 + len(entry["weights"])
    assert text == said.answer
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "9")
    (narrow,) = asked(model, [DATES[-1] * 2], show_alignment=True, min_length=2, **SHORT)
    assert max(map(len, narrow.lines[1].splitlines())) == 16


def test_a_picture_after_the_last_answer(model, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / "where.svg"
    *answers, picture = asked(model, [*DATES, *DATES], picture=str(path), beam=1, max_length=2)
    assert len(answers) == 2 * len(DATES) > PICTURED
    assert picture.path == path
    assert b"<svg" in picture.png
    assert asked(model, [" "], picture=str(path)) == [Prediction("", more={"translations": []})]
    with pytest.raises(ArgumentError, match="picture must be a file with the suffix"):
        asked(model, DATES, picture=str(tmp_path / "where.txt"))


def test_a_text_in_the_other_language_is_warned_of_once(model, monkeypatch):
    monkeypatch.setattr(TrainedTranslator, "reads_like_target", lambda _, text: text != DATES[0])
    with pytest.warns(UnrolledWarning) as warned:
        asked(model, DATES[:3], **SHORT)
    assert [str(one.message) for one in warned] == [
        f"{DATES[1]!r} looks like the target language",
    ]


@pytest.mark.parametrize("options", [{"show_alignment": True}, {"picture": "x.png"}, {"coverage_penalty": 0.5}])
def test_nothing_to_see_without_attention(blind, options):
    (name,) = options
    with pytest.raises(ArgumentError, match=f"{name} must be omitted for a translator without attention"):
        asked(blind, DATES, **options)


# Export


def test_the_exported_network_is_the_one_that_writes(model):
    exported, step, states, (inputs, outputs), around = model.modules()
    assert (step, states, inputs, outputs) == (None, (), ("source", "source_lengths", "before"), ("logits",))
    sources = [model.reader.encode(text) for text in ("3 May 2010", "14 June 17")]
    ids, lengths = model._pad(sources)
    before = torch.tensor([[BEGIN, BEGIN], [5, 7], [3, 2]])
    with torch.no_grad():
        found = exported(ids, lengths, before).log_softmax(2)
        encoded = model.model.encode(ids, lengths)
        following, state = model.model.step(encoded.memory), model.model.begin(encoded)
        for t, symbols in enumerate(before):
            log_p, _, state = following(symbols, state)
            torch.testing.assert_close(found[t], log_p)
        torch.testing.assert_close(exported(ids, lengths, before[:2]).log_softmax(2), found[:2])
    spelled = around["target"]["vocabulary"]
    assert spelled == model.writer.vocabulary.to_json()
    assert (around["begin"], around["end"], around["first"]) == (0, 1, 2)


def test_it_reads_a_whole_sentence_first(model):
    with pytest.raises(RunError, match="task translate cannot answer step by step: it needs the whole sentence"):
        model.streaming()


def test_evaluate_from_python_notes_training_pairs(model, file):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    report = model.evaluate(file, **SHORT)
    assert report["pairs"] == 13
    assert report["bleu"] == model.evaluate(PAIRS, **SHORT).scores.bleu
    model.seen = hashes(PAIRS.pick(range(4)).texts())
    try:
        assert model.evaluate(file, **SHORT).notes[0].startswith("4 of 13 pairs (31%) of ")
    finally:
        model.seen = ""


def test_the_interval_of_bleu():
    metrics = pytest.importorskip("sacrebleu.metrics", reason="sacrebleu is not installed")
    said = ["the cat sat on the mat", "a dog ran in the park today", "it rains in the north"] * 20
    true = ["the cat sat on a mat", "a dog ran in the park", "it rains in the south"] * 20
    low, high = bleu_interval(said, true)
    found = metrics.BLEU(lowercase=True).corpus_score(said, [true], n_bootstrap=1000)
    assert low < found.score < high
    assert (high - low) / 2 == pytest.approx(found._ci, rel=0.15)
    assert bleu_interval(["x"] * 3, ["y"] * 3) is None  # all resampled texts have BLEU 0
