"""unrolled runs, data and doctor."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from unrolled.data import registry
from unrolled.data.registry import NamedDataset
from unrolled.kernels import extension


def test_no_runs(unrolled, home: Path) -> None:
    said = unrolled("runs")
    assert said.status == 0
    assert "unrolled train lm" in said.out


def test_runs_are_listed(unrolled, trained: Path, text_file: Path) -> None:
    out = unrolled("runs").out
    row = next(line for line in out.splitlines() if str(trained) in line)
    for part in ("lm", "lstm 1×16", "20/20", "nats", "bits"):
        assert part in row
    entry = json.loads(unrolled("runs", "--json").out)
    assert (entry["run"], entry["task"], entry["step"]) == (str(trained), "lm", 20)
    assert entry["best"]["loss"] > 0


def test_each_run_shows_its_own_metric_in_its_own_unit(unrolled, home: Path) -> None:
    tiny = ("--steps", "2", "--hidden-size", "4", "--batch-size", "4")
    for words in (("memory", "adding", "--length", "4"), ("classify",), ("tag",)):
        assert unrolled("train", *words, *tiny).status == 0
    rows = {line.split()[1]: line for line in unrolled("runs").out.splitlines()[1:]}
    assert "mean squared error" in rows["memory"]
    assert "nats" not in rows["memory"]
    assert re.search(r"nats +[\d.]+ accuracy", rows["classify"])
    assert re.search(r"[\d.]+ f1 ", rows["tag"])
    assert "nats" not in rows["tag"]
    told = {entry["task"]: entry for entry in map(json.loads, unrolled("runs", "--json").out.splitlines())}
    assert {task: entry["selected_by"] for task, entry in told.items()} == {
        "memory": "loss",
        "classify": "loss",
        "tag": "f1",
    }


def test_a_run_of_a_task_that_is_not_installed(unrolled, trained: Path) -> None:
    config = trained / "config.toml"
    config.write_text(config.read_text().replace('task = "lm"', 'task = "weather"'))
    table, notes = unrolled("runs").out.split("\n\n")
    row = next(line for line in table.splitlines() if str(trained) in line)
    assert row.split()[1] == "weather"
    assert "see (1)" in row
    assert max(map(len, table.splitlines())) < len(str(trained)) + 120
    assert notes.startswith(f"(1)  {trained} is of the task weather, which is unknown here")
    said = unrolled("resume", trained, "--steps", "30")
    assert said.status == 2
    assert "is the package installed that adds it" in said.err


def test_damaged_runs_do_not_hide_the_others(unrolled, trained: Path) -> None:
    for name in ("garbage", "newer", "no-model", "no-checkpoint", "bad-metrics"):
        shutil.copytree(trained, trained.parent / name)
    (trained.parent / "garbage" / "config.toml").write_bytes(b"\xff\0")
    (trained.parent / "newer" / "config.toml").write_text('format = 99\ntask = "lm"')
    (trained.parent / "no-model" / "model.safetensors").unlink()
    shutil.rmtree(trained.parent / "no-checkpoint" / "checkpoints")
    (trained.parent / "bad-metrics" / "metrics.jsonl").write_text('{"best": true, nonsense\n')
    (trained.parent / "not-a-run").mkdir()
    said = unrolled("runs")
    assert (said.status, said.err) == (0, "")
    table, notes = said.out.split("\n\n")
    rows = {Path(line.split()[0]).name: line for line in table.splitlines()[1:]}
    assert set(rows) == {"tiny", "garbage", "newer", "no-model", "no-checkpoint", "bad-metrics"}
    assert "damaged" in rows["garbage"]
    assert "pip install --upgrade unrolled" in notes.splitlines()[int(re.search(r"see \((\d)\)", rows["newer"])[1]) - 1]
    assert "?/20" in rows["no-checkpoint"]


def test_named_texts_are_listed(unrolled) -> None:
    out = unrolled("data").out
    for part in ("stdlib", "shakespeare", "public domain", "1.1 MB", "no: downloaded when used"):
        assert part in out
    rows = [json.loads(line) for line in unrolled("data", "--json").out.splitlines()]
    assert {row["name"]: row["present"] for row in rows}["stdlib"] is True


def test_a_named_text_is_fetched_and_verified(
    unrolled, home: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    content = text_file.read_bytes()
    cats = NamedDataset(
        "cats", "none", "cats.txt", len(content), hashlib.sha256(content).hexdigest(), text_file.as_uri()
    )
    monkeypatch.setitem(registry.NAMED, "cats", cats)
    said = unrolled("data", "cats")
    assert said.status == 0, said.err
    kept = home / "cache" / "datasets" / "cats.txt"
    assert f"cats: {kept} (verified)" in said.out
    assert kept.read_bytes() == content
    kept.write_bytes(content + b"x")
    said = unrolled("data", "cats")
    assert said.status == 2
    assert "not the expected file" in said.err


def test_a_text_is_described(unrolled, home: Path) -> None:
    (home / "texts").mkdir()
    (home / "texts" / "a.txt").write_text("one\ntwo\x1b[31m\n")
    (home / "texts" / "b.txt").write_text("drei")
    (home / "texts" / "c.bin").write_bytes(b"\0\0")
    out = unrolled("data", "texts").out
    for part in ("2 (1 binary file skipped)", "documents", "17", "  one\n", "two␛[31m", "train lm --data texts"):
        assert part in out
    said = json.loads(unrolled("data", "texts", "--json").out)
    assert (said["files"], said["documents"], said["characters"]) == (2, 2, 17)


def test_unknown_text(unrolled) -> None:
    said = unrolled("data", "shakespere")
    assert said.status == 2
    assert "did you mean 'shakespeare'?" in said.err


def test_doctor(unrolled, home: Path) -> None:
    said = unrolled("doctor")
    assert said.status == 0
    for part in ("torch", "processor", "bfloat16", "threads", str(home / "cache"), "UNROLLED_DATA", "unset"):
        assert part in said.out
    rows = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert ("torch" if extension.missing else "native") in rows["lstm"]
    assert "reference" in rows["gru --layer-norm"]
    for name in ("gru --layer-norm", "rnn --layer-norm"):
        assert "layer norm" in rows[name].split("reference")[1]
    if extension.missing:
        assert "short calls" not in said.out
    else:
        assert re.split(" {2,}", rows["lstm, batch 1"]) == ["lstm, batch 1", "1 to 30 steps", "1 to 29 steps"]
        assert re.split(" {2,}", rows["lstm, batch 32"]) == ["lstm, batch 32", "never", "1 to 14 steps"]


def test_doctor_says_what_is_missing_and_what_it_costs(unrolled, home: Path, monkeypatch) -> None:
    monkeypatch.setattr(extension, "missing", "not compiled")
    said = unrolled("doctor")
    assert "not compiled. Recurrences use torch's layers or the Python loop" in said.out
    rows = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert "torch" in rows["lstm"]


def test_pairs_are_listed_and_shown(unrolled) -> None:
    rows = {row["name"]: row for row in map(json.loads, unrolled("data", "--json").out.splitlines())}
    assert {"dates", "reversal", "numbers", "multi30k-de-en", "multi30k-en-fr"} <= rows.keys()
    assert (rows["dates"]["task"], rows["dates"]["present"]) == ("translate", True)
    assert rows["multi30k-de-en"]["bytes"] == 637_044 + 568_929 + 24_681 + 21_650
    out = unrolled("data", "numbers").out
    for part in ("20,000 pairs", "1,000 pairs", "2,000 pairs", "train translate --data numbers", " thousand ", "→ "):
        assert part in out
    said = json.loads(unrolled("data", "numbers", "--json").out)
    assert (said["train"], said["valid"], said["test"]) == (20_000, 1_000, 2_000)
    assert said["lengths"]["target"]["words"] == [1, 1]
    assert said["lengths"]["target"]["characters"][1] == 6
