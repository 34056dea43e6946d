"""Summaries: how they are recognized, their report beside the first words, and the length limit of both searches."""

import csv
import json

import pytest
import torch

import unrolled
from unrolled.cli import main
from unrolled.data import generated_parts
from unrolled.data.generated_summaries import summaries
from unrolled.tasks.common.rouge import rouge
from unrolled.tasks.translate.config import TranslateConfig
from unrolled.tasks.translate.evaluation import Evaluate
from unrolled.tasks.translate.lead import lead
from unrolled.tasks.translate.task import Translation
from unrolled.training.config import parse_toml, update

SMALL = {"hidden_size": 8, "embedding_size": 8, "vocabulary": "word", "min_count": 1, "steps": 3, "beam": 2}
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(generated_parts, "_BLOCK", 64)
    PAIRS = summaries(sizes=(40, 5, 5))[0]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("reports") / "reports.csv", ("id", "text", "summary"))


def write(path, header):
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = zip(range(len(PAIRS)), PAIRS.source, PAIRS.target, strict=True)
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def run(file):
    unrolled.train("translate", data=file, **SMALL, run=file.parent / "run")
    return file.parent / "run"


@pytest.fixture(scope="module")
def model(run):
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    found = unrolled.load(run)
    torch.manual_seed(1)
    with torch.no_grad():
        for p in found.model.parameters():
            p.add_(torch.randn_like(p))
    return found


def test_a_column_named_summary_is_read_as_one(run, file):
    _, options = parse_toml((run / "config.toml").read_text(), "config.toml")
    assert options["summary"] is True
    task = Translation(update(TranslateConfig(), data=str(file), **SMALL))
    notes = task.prepare()
    assert any("source from column 2 (text), target from column 3 (summary)" in note for note in notes)
    assert len(task.sources) == 36  # a report is five times as long as its headline: no ratio excludes it
    assert task.config.data.summary is True
    assert set(task.evaluate(task.build_model(), "valid")) == {"loss", "perplexity", "rougeL", "bleu", "exact"}


def test_other_columns_with_the_option(tmp_path):
    path = write(tmp_path / "pairs.csv", ("id", "source", "target"))
    kept = {}
    for summary in (None, True, False):
        task = Translation(update(TranslateConfig(), data=str(path), summary=summary, **SMALL))
        task.prepare()
        kept[task.config.data.summary] = len(task.sources)
    assert kept[True] == 36
    assert kept[False] < 15  # lengths of translations are alike
    task = Translation(update(TranslateConfig(), data=str(path), summary=True, max_ratio=4.0, **SMALL))
    task.prepare()
    assert len(task.sources) == kept[False]


def test_the_report_has_the_first_words_beside_it(model, file):
    report = model.evaluation(Evaluate(data=str(file), max_length=8))
    measures = model.evaluate(PAIRS, max_length=8)
    scores = rouge(measures.translations, PAIRS.target)
    assert {name: report[name] for name in scores.f1()} == scores.f1()
    assert report["recall"] == scores.recall()
    assert report["intervals"].keys() >= {"rougeL", "exact"}
    baselines = lead(PAIRS.source, PAIRS.target)
    assert report["baselines"] == {name: {**one.f1(), "recall": one.recall()} for name, one in baselines.items()}
    table = report.parts[1]
    assert table.header[1:] == ("ROUGE-1", "ROUGE-2", "ROUGE-L", "recall 1", "recall 2", "recall L", "words")
    assert [row[0] for row in table.rows] == ["this run", "first sentence", "first 7 words"]
    assert table.rows[0][1] == f"{scores.f1()['rouge1']:.2f}"
    assert "ROUGE-1" not in report.parts[0].header
    assert report.parts[3].plain().splitlines()[1].startswith("ROUGE-L  95 % interval ")


@pytest.mark.parametrize("beam", [1, 3])
def test_no_summary_is_longer_than_the_limit(model, beam):
    long = model.translate(PAIRS.source[:8], beam=beam)
    assert max(len(best.target) for [best] in long) > 4
    for limit in (1, 4):
        found = model.translate(PAIRS.source[:8], beam=beam, max_length=limit)
        assert max(len(best.target) for [best] in found) == limit


def test_a_table_has_a_column_for_the_summary(run, tmp_path):
    reports, out = tmp_path / "new.csv", tmp_path / "out.jsonl"
    with reports.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in PAIRS.source[:2])])
    assert main(["predict", str(run), "--file", str(reports), "--max-length", "5", "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["text"] for row in rows] == PAIRS.source[:2]
    found = unrolled.load(run).translate(PAIRS.source[:2], max_length=5)
    assert [row["summary"] for row in rows] == [best.text for [best] in found]
