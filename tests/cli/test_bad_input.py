"""Bad input: one line that names the thing and the remedy, exit status 2, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli_parts import TINY, tree

PROBLEMS = {
    "missing.txt": None,
    "empty.txt": b"",
    "binary.bin": b"MZ\0\1\2\3" * 100,
    "latin.txt": b"caf\xe9 " * 1000,
    "short.txt": b"short text",
}


def refused(said, *expected: str) -> None:
    """The command ended with status 2 and one line on standard error that has all of ``expected``."""
    assert said.status == 2
    assert re.fullmatch(r"error: [^\n]+\n", said.err), said.err
    assert "Traceback" not in said.out + said.err
    for text in expected:
        assert text in said.err, said.err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.txt", ["file, folder or named corpus 'missing.txt' does not exist", "give a path"]),
        ("shakespear", ["did you mean 'shakespeare'?"]),
        ("empty.txt", ["empty.txt is empty", "give a file with text"]),
        ("binary.bin", ["binary.bin is not a text file", "zero byte at offset 2", "give a text file"]),
        ("latin.txt", ["not valid utf-8: byte 0xe9 at offset 3", "--encoding cp1252", "--errors replace"]),
        ("short.txt", ["shorter than one window", "more text"]),
        (".", ["text"]),
    ],
)
def test_text_that_cannot_be_used(unrolled, home: Path, name: str, expected: list[str]) -> None:
    for file, content in PROBLEMS.items():
        if content is not None and name != ".":
            (home / file).write_bytes(content)
    before = tree(home)
    refused(unrolled("train", "lm", "--data", name, "--steps", "2", *TINY), *expected)
    after = {path: data for path, data in tree(home).items() if not path.startswith("cache")}
    assert after == before


def test_the_remedies_for_encodings_work(unrolled, home: Path) -> None:
    (home / "latin.txt").write_bytes(PROBLEMS["latin.txt"] or b"")
    words = ["train", "lm", "--data", "latin.txt", "--steps", "1", *TINY]
    assert unrolled(*words, "--encoding", "latin-1").status == 0
    assert unrolled(*words, "--errors", "replace").status == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--hiden-size", "3"], ["no option --hiden-size", "did you mean '--hidden-size'"]),
        (["--rnn-sizes", "3"], ["no option --rnn-sizes", "'--rnn-size'"]),
        (["--xyzzy"], ["no option --xyzzy", "unrolled train lm --help"]),
        (["stray"], ["got an unexpected argument 'stray'"]),
        (["--recipe", "helo"], ["recipe 'helo' does not exist", "did you mean 'hello'?"]),
        (["--recipe"], ["--recipe must be followed by one of action-labels, actions"]),
        (["--recipe", "nowhere.toml"], ["cannot read nowhere.toml"]),
        (["--hidden-size", "0"], ["--hidden-size must be an integer of at least 1, got 0"]),
        (["--rnn-size", "0"], ["--hidden-size must be an integer of at least 1, got 0"]),
        (["--hidden-size", "many"], ["--hidden-size must be an integer, got 'many'"]),
        (["--hidden-size"], ["--hidden-size needs a value: an integer"]),
        (["--hidden-size", "--tied"], ["--hidden-size needs a value"]),
        (["--dropout", "-0.1"], ["--dropout must be", "got -0.1"]),
        (["--bptt", "0"], ["--bptt must be", "got 0"]),
        (["--bptt", "1.5"], ["--bptt must be an integer, got '1.5'"]),
        (["--seq-length=0"], ["--bptt must be", "got 0"]),
        (["--optimizer", "adm"], ["--optimizer must be one of adamw, adam", "did you mean 'adam'"]),
        (["--fractions", "1", "2"], ["--fractions must be followed by 3 numbers, got '1 2'"]),
        (["--fractions", "1", "2", "3"], ["--fractions must be three fractions"]),
        (["--time", "soon"], ["--time must be a duration such as 90s, 15m or 2h, got 'soon'"]),
        (["--steps", "3", "--time", "5m"], ["--time must be omitted with --steps"]),
        (["--tied=maybe"], ["--tied must be given without a value"]),
        (["--cell", "lstn"], ["--cell must be one of rnn, gru, lstm", "did you mean 'lstm'"]),
        (["--cell", "nowhere:Mine"], ["--cell must be an importable module:Class"]),
        (["--reset-after", "--no-reset-after", "--peepholes", "--cell", "gru"], ["--peepholes must be omitted"]),
        (["--prompt", "né"], ["--prompt must be text in the model's char vocabulary", "'é' (U+00E9)"]),
        (["--hidden-size", "100000000"], ["not enough memory"]),
        (["--hidden-size", "999999999999999999"], ["not enough memory"]),
        (["--hidden-size", "9" * 30], ["--hidden-size must be an integer of fewer than 19 digits"]),
        (
            ["--eval-tokens", "1"],
            ["--eval-tokens must be at least 2, or 0 for the whole validation set, got 1"],
        ),
        (["--forget-bias", "nan"], ["--forget-bias must be a finite number, got nan"]),
        (["--swa-start", "0.5"], ["--swa-start must be omitted with --average ema, which does not use it, got 0.5"]),
        (["--average", "swa", "--ema-decay", "0.9"], ["--ema-decay must be omitted with --average swa"]),
        (["--decay-every", "2"], ["--decay-every must be omitted with --schedule cosine"]),
        (["--decay-every", "2", "--schedule", "plateau"], ["--decay-every must be omitted with --schedule plateau"]),
        (["--decay", "0.9", "--schedule", "constant"], ["--decay must be omitted with --schedule constant"]),
        (["--momentum", "0.9"], ["--momentum must be omitted with --optimizer adamw"]),
        (["--beta2", "0.9", "--optimizer", "sgd"], ["--beta2 must be omitted with --optimizer sgd"]),
        (["--vocab-size", "300"], ["--vocab-size must be omitted with --vocabulary char"]),
        (["--min-count", "2", "--vocabulary", "byte"], ["--min-count must be omitted with --vocabulary byte"]),
        (["--run", ""], ["--run must be the name of a folder"]),
        (["--data", ""], ["file, folder or named corpus '' does not exist"]),
    ],
)
def test_wrong_options(unrolled, home: Path, text_file: Path, words: list[str], expected: list[str]) -> None:
    refused(unrolled("train", "lm", "--data", text_file, *words), *expected)
    assert not list(home.glob("runs/*"))


def test_options_without_effect_of_an_old_run(unrolled, trained: Path) -> None:
    """It loads, goes on and can be trained again; only whoever names such an option is refused."""
    config = trained / "config.toml"
    config.write_text(config.read_text().replace("momentum = 0.0", "momentum = 0.9"))
    note = "momentum = 0.9 has no effect with --optimizer adamw"
    said = unrolled("resume", trained, "--steps", "21")
    assert said.status == 0, said.err
    assert note in said.out
    words = ["train", "lm", "--recipe", config, "--run", "again", "--steps", "1"]
    refused(unrolled(*words, "--momentum", "0.8"), "--momentum must be omitted with --optimizer adamw")
    assert note in unrolled(*words).out


@pytest.mark.parametrize(
    "words",
    [
        ["--backend", "cudnn"],
        ["--backend", "torch", "--zoneout", "0.1"],
        ["--backend", "native", "--cell", "rnn", "--layer-norm"],
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_backend_that_cannot_is_refused_before_anything_is_shown(
    unrolled, home: Path, text_file: Path, words
) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--steps", "1", *TINY, *words)
    refused(said, f"backend '{words[1]}' cannot run this")
    assert said.out == ""
    assert not list(home.glob("runs/*"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(unrolled, text_file: Path) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--device", "cuda")
    refused(said, "--device must be available on this machine (cpu", "got 'cuda'", "omit --device")


@pytest.mark.parametrize("task", ["lmm", "foo"])
def test_unknown_task(unrolled, task: str) -> None:
    refused(unrolled("train", task), "task must be one of lm", repr(task))


@pytest.mark.parametrize("verb", ["resume", "sample", "evaluate"])
def test_what_is_no_run(unrolled, home: Path, verb: str) -> None:
    (home / "folder").mkdir()
    (home / "file.safetensors").write_bytes(b"no model")
    refused(unrolled(verb), f"unrolled {verb} needs RUN")
    refused(unrolled(verb, "nowhere"), "nowhere is not a", "unrolled runs")
    refused(unrolled(verb, "folder"), "folder is not a run: it has no config.toml", "unrolled runs")
    if verb != "resume":
        refused(unrolled(verb, "file.safetensors"), "truncated or damaged", "restore it or train a new model")


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
@pytest.mark.parametrize("damage", ["truncated", "altered", "newer"])
def test_damaged_model(unrolled, trained: Path, verb: str, damage: str) -> None:
    model = trained / "model.safetensors"
    whole = model.read_bytes()
    if damage == "truncated":
        model.write_bytes(whole[: len(whole) // 2])
        expected = "truncated or damaged"
    elif damage == "altered":
        model.write_bytes(whole[:-4] + bytes(4 - byte % 2 for byte in whole[-4:]))
        expected = "damaged or was altered"
    else:
        model.write_bytes(whole.replace(b'"format":"unrolled-1"', b'"format":"unrolled-9"'))
        expected = "newer than this version"
    before = tree(trained)
    refused(unrolled(verb, trained), str(model), expected)
    assert tree(trained) == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('format = 99\ntask = "lm"\n', ["config format 99", "pip install --upgrade unrolled"]),
        ("task = [", ["is not valid TOML"]),
        ("steps = 3\n", ["does not name its task"]),
        ('task = "lm"\n[model]\nhiden_size = 3\n', ["hiden_size", "did you mean 'hidden_size'"]),
        ("\udcff\udcfe", ["is not UTF-8 text"]),
    ],
)
def test_damaged_config(unrolled, trained: Path, content: str, expected: list[str]) -> None:
    (trained / "config.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    before = tree(trained)
    refused(unrolled("resume", trained), str(trained / "config.toml"), *expected)
    assert tree(trained) == before
    assert "damaged" in unrolled("runs").out or "hiden" in content


def test_every_checkpoint_damaged(unrolled, trained: Path) -> None:
    for file in trained.glob("checkpoints/step-*/tensors.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    before = tree(trained)
    refused(unrolled("resume", trained, "--steps", "30"), "every checkpoint", "damaged")
    assert tree(trained) == before


def test_a_damaged_checkpoint_is_told_as_json_too(unrolled, trained: Path) -> None:
    assert unrolled("resume", trained, "--steps", "22").status == 0
    newest = trained / "checkpoints" / "step-22"
    (newest / "tensors.safetensors").write_bytes(b"")
    said = unrolled("resume", trained, "--steps", "23", "--json")
    notes = [event["text"] for event in map(json.loads, said.out.splitlines()) if event["event"] == "note"]
    assert (said.status, said.err) == (0, "")
    assert notes[0] == f"{newest} is damaged: resuming from step 20 instead"
    shutil.rmtree(trained / "checkpoints")
    before = tree(trained)
    for words in (["--steps", "30"], ["--time", "1s"], []):
        refused(unrolled("resume", trained, *words), "has no checkpoint to resume from", "unrolled train --recipe")
    assert tree(trained) == before


def test_a_finished_run_that_lost_its_model_makes_it_again(unrolled, trained: Path) -> None:
    (trained / "model.safetensors").unlink()
    assert "model.safetensors is missing: the best model from here on" in unrolled("resume", trained).out
    assert unrolled("sample", trained, "--length", "3").status == 0
    assert "is finished" in unrolled("resume", trained).out


def test_a_cell_of_ones_own_that_is_none(unrolled, home: Path, text_file: Path) -> None:
    (home / "wrong_cells_of_cli_test.py").write_text(
        "from unrolled.cells import RNNCell, Cell\n\nclass Nothing(Cell):\n    pass\n\n"
        "class Late(RNNCell):\n    steps = 0\n\n    def initial_state(self, batch_size):\n        self.steps += 1\n"
        "        if self.steps > 5:\n            raise KeyError('late')\n"
        "        return super().initial_state(batch_size)\n\n"
        "class Leaves(Late):\n    def initial_state(self, batch_size):\n        self.steps += 1\n"
        "        if self.steps > 5:\n            raise SystemExit(5)\n"
        "        return RNNCell.initial_state(self, batch_size)\n"
    )
    words = ["train", "lm", "--data", text_file, "--steps", "2", *TINY, "--cell"]
    said = unrolled(*words, "wrong_cells_of_cli_test:Nothing")
    refused(said, "--cell must be a class with all methods of a cell", "define initial_state and step in it")
    assert not list(home.glob("runs/*"))
    said = unrolled(*words, "wrong_cells_of_cli_test:Late")
    refused(said, f"{home}/wrong_cells_of_cli_test.py:12, in initial_state: KeyError: 'late'")
    said = unrolled(*words, "wrong_cells_of_cli_test:Leaves", "--run", "left")
    refused(said, f"{home}/wrong_cells_of_cli_test.py:19, in initial_state: SystemExit: 5")
    assert (home / "left" / "checkpoints" / "latest").exists()


def test_a_run_is_not_written_over(unrolled, trained: Path, text_file: Path) -> None:
    before = tree(trained)
    refused(unrolled("train", "lm", "--data", text_file, "--run", trained), "already holds a run", "unrolled resume")
    assert tree(trained) == before


def test_output_folder_that_cannot_be_written(unrolled, home: Path, text_file: Path) -> None:
    (home / "file").write_text("in the way")
    for run in ("file", "file/run"):
        said = unrolled("train", "lm", "--data", text_file, "--run", run, "--steps", "1", *TINY)
        refused(said, "cannot create a run in file", "another folder with --run")
    assert (home / "file").read_text() == "in the way"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write everywhere")
def test_output_folder_without_permission(unrolled, home: Path, text_file: Path) -> None:
    (home / "locked").mkdir(mode=0o500)
    refused(unrolled("train", "lm", "--data", text_file, "--run", "locked/run"), "cannot make a run", "ermission")


def test_cache_that_cannot_be_written(unrolled, home: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("in the way")
    monkeypatch.setenv("UNROLLED_CACHE", str(home / "file"))
    refused(unrolled("train", "lm", "--data", text_file), "cannot write", "UNROLLED_CACHE")


def test_full_disk_while_saving(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    before = {name: data for name, data in tree(trained).items() if "checkpoints" in name or "model" in name}
    assert unrolled("evaluate", trained).status == 0  # the text is encoded before the disk is full
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        said = unrolled("resume", trained, "--steps", "25")
    refused(said, "No space left on device", "earlier files are intact", "Free some space")
    after = tree(trained)
    assert {name: after[name] for name in before} == before
    assert unrolled("resume", trained, "--steps", "25").status == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_disk_that_fills_up_in_the_middle_of_a_file(
    trained: Path, unrolled, subprocess_environment: dict[str, str]
) -> None:
    """A real short write: files may not grow beyond what the checkpoint needs less one byte."""
    largest = max(path.stat().st_size for path in trained.rglob("tensors.safetensors"))
    code = (
        "import resource, signal, sys; from unrolled.cli import main; import torch\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest - 1}, {largest - 1}))\n"
        f"sys.exit(main(['resume', {str(trained)!r}, '--steps', '25']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert re.fullmatch(r"error: cannot write [^\n]+earlier files are intact[^\n]+\n", done.stderr)
    assert not list(trained.rglob("*.part"))
    assert unrolled("resume", trained, "--steps", "25").status == 0


def test_with_json_errors_stay_on_standard_error(unrolled, text_file: Path) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--json", *TINY, "--lr", "1e30", "--clip", "0", "--steps", "50")
    refused(said, "training diverged", "lower --lr")
    assert [json.loads(line) for line in said.out.splitlines()]


def test_a_reader_that_goes_away_is_no_error(trained: Path, subprocess_environment: dict[str, str]) -> None:
    command = f"{sys.executable} -m unrolled sample {trained} --length 50000 | head -c 10"
    done = subprocess.run(
        ["sh", "-c", command], env=subprocess_environment, capture_output=True, text=True, check=False
    )
    assert (len(done.stdout), done.stderr) == (10, "")


def test_an_encoding_whose_byte_order_is_unknown(unrolled, home: Path) -> None:
    (home / "wide.txt").write_bytes("wide text".encode("utf-16-le"))
    said = unrolled("train", "lm", "--data", "wide.txt", "--encoding", "utf-16")
    refused(said, "wide.txt cannot be read as utf-16", "--encoding utf-16-le")


def test_a_recipe_that_is_nonsense(unrolled, home: Path, text_file: Path) -> None:
    for text in (
        'task = "lm"\n[data]\nconfig = 3\n',
        'task = "lm"\nx = ' + "[" * 5000,
        'task = "lm"\n[model]\ncell = "os:Evil"\n',
    ):
        (home / "r.toml").write_text(text)
        refused(unrolled("train", "--recipe", "r.toml", "--data", text_file), "")
