"""unrolled lab: the experiments from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import unrolled as package
from unrolled.cli.lab import EXPERIMENTS
from unrolled.lab.shannon import fold, lower, passage, play, upper

RHYME = "Peter Piper picked a peck of pickled peppers; a peck of pickled peppers Peter Piper picked."


def test_the_experiments_are_listed_and_have_help(unrolled) -> None:
    said = unrolled("lab")
    assert said.status == 2
    assert all(f"  {name} " in said.out for name in EXPERIMENTS)
    assert unrolled("lab", "--help") == (0, said.out, "")
    for name in EXPERIMENTS:
        said = unrolled("lab", name, "--help")
        assert said.status == 0
        assert f"usage: unrolled lab {name} [-h] [OPTIONS]" in said.out
        assert said.out.splitlines()[0].endswith(" [RUN]") == (name in ("gradients", "shannon"))  # RUN may be omitted
    assert unrolled("lab", "shanon").err == "error: unrolled lab has no experiment 'shanon'; did you mean 'shannon'?\n"


@pytest.mark.parametrize("alphabet", ["own", "27"])
def test_a_model_guesses(unrolled, trained: Path, alphabet: str) -> None:
    said = unrolled("lab", "shannon", trained, "--letters", "200", "--alphabet", alphabet, "--seed", "2", "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    model = package.load(trained)
    game = play(model, model.config.data.read().test, 200, folded=alphabet == "27", seed=2)
    assert told["counts"] == game.counts.tolist()
    assert sum(told["counts"]) == told["letters"] == 200
    assert (told["bits"], told["lower"], told["upper"]) == pytest.approx((game.bits, game.lower, game.upper))


def test_the_table(unrolled, trained: Path) -> None:
    out = unrolled("lab", "shannon", trained, "--data", "text:the cat sat on a mat", "--letters", "9").out
    rows = [line.split() for line in out.splitlines()]
    assert ["guess", "letters", "share", "q"] in rows
    counts = [int(row[1]) for row in rows[1 : rows.index([])]]
    assert sum(counts) == 9
    figures = {row[0]: row for row in rows if row}
    assert figures["upper"][1] == "bound"
    assert float(figures["lower"][2]) <= float(figures["upper"][2]) or "above the upper bound" in out
    assert float(figures["cross-entropy"][1]) > 0


def test_a_person_guesses(unrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who tries p, and then knows the letter; every tenth time something that is no guess."""
    read, asked = passage(fold(RHYME), 30, seed=4)
    script, shown = [], []
    for number, letter in enumerate(asked):
        script += ["?"] if number % 10 == 0 else []
        script += ["P"] if letter != "p" else []
        script += ["_" if letter == " " else letter]
    answers = iter(script)
    monkeypatch.setattr("builtins.input", lambda prompt: shown.append(prompt) or next(answers))
    out = unrolled("lab", "shannon", "--data", f"text:{RHYME}", "--letters", "30", "--seed", "4").out
    assert shown[0] == shown[1] == read[-60:]
    assert (read + asked[:-1]).endswith(shown[-1])
    assert out.count("one letter, a to z") == 3
    first = asked.count("p")
    q = [first / 30, 1 - first / 30]
    assert f"upper bound  {upper(q):.4f} bits per letter" in out
    assert f"lower bound  {lower(q):.4f} bits per letter" in out
    assert "cross-entropy" not in out


def test_a_person_gets_local_text_without_a_download(unrolled, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(here / "cache"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "e")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("a download"))
    said = unrolled("lab", "shannon", "--letters", "1", "--data", "text:eeee")
    assert "1 guessed" in said.out
    assert (here / "lab/shannon/shannon.png").is_file()
    monkeypatch.setattr("builtins.input", lambda prompt: (_ for _ in ()).throw(EOFError))
    said = unrolled("lab", "shannon")
    assert (said.status, said.err) == (0, "")
    assert "generated reviews; with --data shakespeare" in said.out


def test_a_game_that_ends_early(unrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = passage(fold(RHYME), 30, seed=0)
    answers = iter([asked[0], "z", "z", asked[1]])

    def typed(prompt: str) -> str:
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)
    said = unrolled("lab", "shannon", "--data", f"text:{RHYME}", "--letters", "30")
    assert said.status == 0
    assert "already excluded; try another letter" in said.out
    assert "2 guessed, alphabet of 27" in said.out
    assert f"upper bound  {1:.4f}" in said.out


def test_a_picture(unrolled, trained: Path, home: Path) -> None:
    pytest.importorskip("matplotlib")
    words = ["lab", "shannon", trained, "--letters", "50", "--picture"]
    assert unrolled(*words, home / "game.svg").status == 0
    drawn = (home / "game.svg").read_text()
    assert drawn.count("<g id=") > 20
    said = unrolled("lab", "shannon", trained, "--letters", "50", "--out", home / "game", "--json")
    files = json.loads(said.out)["files"]
    assert Path(files["picture"]).read_bytes().startswith(b"\x89PNG")
    rows = Path(files["numbers"]).read_text().splitlines()
    assert rows[0] == "guess,letters,share"
    assert sum(int(row.split(",")[1]) for row in rows[1:]) == 50
    assert "--picture must be a file with the suffix .png, .svg or .pdf" in unrolled(*words, "game.txt").err
    assert "--picture must be in an existing folder" in unrolled(*words, "nowhere/game.png").err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--alphabet", "own"], "--alphabet must be 27 without a RUN"),
        (["--letters", "0"], "--letters must be"),
        (["--json"], "--json must be omitted without a RUN"),
        (["nowhere"], "nowhere is not a file"),
        (["--data", "text:?"], "too few letters"),
    ],
)
def test_wrong_options(unrolled, words: list[str], expected: str) -> None:
    said = unrolled("lab", "shannon", *words)
    assert said.status == 2
    assert expected in said.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_error_surface_leaves_its_files(unrolled, here: Path) -> None:
    said = unrolled("lab", "error-surface", "--steps", "60", "--starts", "5", "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    free, clipped = told["descents"].values()
    assert clipped["longest"] <= 0.25 + 1e-9
    assert free["longest"] > 10 * clipped["longest"]
    rows = (here / "lab/error-surface/error-surface.csv").read_text().splitlines()
    assert rows[0] == "descent,step,w,b,error,gradient norm"
    assert len(rows) == 1 + 2 * 61
    command = (here / "lab/error-surface/command.txt").read_text()
    assert command == "unrolled lab error-surface --steps 60 --starts 5 --json\n"
    picture = Path(told["files"]["picture"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_error_surface_refuses(unrolled, here: Path) -> None:
    said = unrolled("lab", "error-surface", "--goal", "2")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "--goal" in said.err
    (here / "file").write_text("")
    said = unrolled("lab", "error-surface", "--out", "file")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "--out" in said.err


def test_unroll_says_the_worked_example(unrolled, here: Path) -> None:
    said = unrolled("lab", "unroll")
    assert said.status == 0, said.err
    assert "h_1 = tanh(a) = (0.6640, 0.6469)" in said.out
    assert "ŷ = softmax(o) = (0.6117, 0.3883)" in said.out
    assert "h_2 = tanh(a) = (0.7612, 0.7455)" in said.out
    assert (here / "lab/unroll/unroll.svg").read_text().startswith("<svg")
    assert "h,1,0,0.6640" in (here / "lab/unroll/unroll.csv").read_text()


def test_unroll_one_s_own_numbers(unrolled, here: Path) -> None:
    (here / "w.json").write_text('{"U": [[1]], "W": [[0.5]], "V": [[1], [-1]]}')
    said = unrolled("lab", "unroll", "--vectors", "0;0", "--weights", "w.json", "--state", "1", "--json")
    assert said.status == 0, said.err
    nodes = {(one["node"], one["step"], one["unit"]): one["value"] for one in json.loads(said.out)["nodes"]}
    assert nodes["a", 1, 0] == 0.5
    assert nodes["a", 2, 0] == pytest.approx(0.5 * nodes["h", 1, 0])


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--vectors", "1;x"], "--vectors"),
        (["--vectors", "1;1,2"], "--vectors"),
        (["--vectors", "1", "--targets", "0.5"], "--targets"),
        (["--vectors", "1", "--targets", "-1"], "--targets"),
        (["--vectors", "1", "--targets", "1000000"], "--vectors"),
        (["--vectors", "1", "--state", "1,2"], "--state"),
        (["--vectors", "1", "--weights", "nowhere.json"], "nowhere.json"),
        (["--targets", "1"], "--targets"),
        (["--text", "a"], "--text"),
        (["--text", "ab", "--vectors", "1"], "--vectors"),
        (["--hidden-size", "1000"], "--hidden-size"),
    ],
)
def test_unroll_refuses(unrolled, here: Path, argv: list[str], named: str) -> None:
    said = unrolled("lab", "unroll", *argv)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert named in said.err
    assert not (here / "lab").exists()


def test_gradients_of_networks_asked_for(unrolled, here: Path) -> None:
    words = ["--cell", "rnn", "--init", "lecun", "--hidden-size", "20", "--radius", "0.8", "--radius=1.2"]
    said = unrolled("lab", "gradients", *words, "--inputs", "0", "--length", "60", "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    below, above = told["curves"]
    assert (below["verdict"], above["verdict"]) == ("vanishes", "explodes")
    assert below["slope"] == pytest.approx(below["predicted"], rel=0.1)
    assert len(below["norm"]) == len(below["largest"]) == len(below["loss"]) == 61
    assert told["matrices"][1]["matrices"][0]["radius"] == pytest.approx(1.2)
    lines = (here / "lab/gradients/gradients.csv").read_text().splitlines()
    assert lines[0] == "network,layer,of,by,k,value"
    assert len(lines) == 1 + 2 * (5 * 61 + 20)
    assert (here / "lab/gradients/command.txt").read_text().startswith("unrolled lab gradients --cell rnn --init lecun")
    assert Path(told["files"]["picture"]).read_bytes().startswith(b"\x89PNG")


def test_gradients_compared(unrolled, here: Path) -> None:
    said = unrolled("lab", "gradients", "--hidden-size", "12", "--length", "20")
    assert said.status == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    firsts = [" ".join(row[:4]) for row in rows]
    assert "tanh, ρ = 0.8" in firsts
    assert "ReLU, ρ = 2" in firsts
    assert [row[1] for row in rows if row[:1] == ["LSTM"]] == ["h", "c"]
    assert (here / "lab/gradients/gradients.png").is_file()


def test_gradients_of_a_cell_without_w_hh(unrolled, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "leaking.py").write_text(
        "import torch, unrolled\n"
        "class Leaky(unrolled.Cell):\n"
        "    def __init__(self, input_size, hidden_size):\n"
        "        super().__init__()\n"
        "        self.input_size, self.hidden_size = input_size, hidden_size\n"
        "        self.read = torch.nn.Linear(input_size, hidden_size)\n"
        "    def initial_state(self, batch_size):\n"
        "        return torch.zeros(batch_size, self.hidden_size)\n"
        "    def step(self, x, state, noise=None):\n"
        "        h = 0.9 * state + 0.1 * self.read(x)\n"
        "        return h, h\n"
    )
    monkeypatch.syspath_prepend(here)
    words = ["lab", "gradients", "--cell", "leaking:Leaky", "--hidden-size", "4", "--length", "20"]
    said = unrolled(*words)
    assert said.status == 0, said.err
    assert "this cell has no W_hh" in said.out
    (curve,) = json.loads(unrolled(*words, "--json").out)["curves"]
    assert curve["largest"] == pytest.approx([0.9**k for k in range(21)], rel=1e-4)
    assert (curve["bound"], curve["predicted"]) == (None, None)
    assert "--radius must be omitted for Leaky" in unrolled(*words, "--radius", "1").err


def test_gradients_of_a_run(unrolled, trained: Path) -> None:
    words = ["lab", "gradients", trained, "--length", "12", "--positions", "3"]
    said = unrolled(*words, "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    names = list(dict.fromkeys(one["network"] for one in told["curves"]))
    assert names[0] == "initial"
    assert names[-1].endswith("saved")
    assert {(one["layer"], one["by"]) for one in told["curves"]} == {(1, "h"), (1, "c")}
    assert all(0 <= one["memory"] < 12 for one in told["curves"])
    assert [one["gate"] for one in told["matrices"][0]["matrices"]] == list("ifgo")
    out = unrolled(*words, "--out", "kept").out
    assert "mean over 3 positions" in out
    assert "σ_min" in out
    assert Path("kept/gradients.png").read_bytes().startswith(b"\x89PNG")
    assert unrolled("lab", "gradients", trained / "model.safetensors", "--positions", "2", "--length", "5").status == 0


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--radius", "-1"], "--radius"),
        (["--inputs", "-1"], "--inputs"),
        (["--length", "1"], "--length"),
        (["--cell", "gru", "--nonlinearity", "relu"], "--nonlinearity"),
        (["--init", "zeros"], "--init"),
        (["--positions", "3"], "--positions"),
        (["nowhere"], "nowhere"),
        (["nowhere", "--radius", "1"], "--radius"),
    ],
)
def test_gradients_refuses(unrolled, here: Path, argv: list[str], named: str) -> None:
    said = unrolled("lab", "gradients", *argv)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert named in said.err
    assert not (here / "lab").exists()


def test_gradients_are_of_language_models_only(unrolled, home: Path) -> None:
    (home / "told.txt").write_text("good\tgood film\nbad\tbad film\n" * 40)
    words = ["--data", "told.txt", "--steps", "2", "--hidden-size", "4", "--batch-size", "4", "--run", "classes"]
    trained = unrolled("train", "classify", *words)
    assert trained.status == 0, trained.err
    said = unrolled("lab", "gradients", "classes")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "classes is not a language model" in said.err


def test_a_table_of_cells_and_lengths(unrolled, tmp_path: Path) -> None:
    words = ("--cell", "gru", "--cell", "rnn", "--length", "3", "--length", "2", "--steps", "4", "--hidden-size", "8")
    said = unrolled("lab", "memory", *words, "--out", tmp_path / "kept")
    assert said.status == 0, said.err
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.strip()}
    assert rows["adding"] == ["2", "3"]
    assert rows["gru"][1] == rows["rnn"][1] == "–"
    assert "gru, length 2: not solved" in said.err
    lines = (tmp_path / "kept" / "memory.csv").read_text().splitlines()
    assert lines[0] == "cell,length,step,mse"
    assert [line.split(",")[:3] for line in lines[1:5]] == [["gru", "2", str(step)] for step in range(1, 5)]
    command = (tmp_path / "kept" / "command.txt").read_text()
    assert command.startswith("unrolled lab memory --cell gru --cell rnn --length 3 --length 2")
    said = unrolled("lab", "memory", "--problem", "recall", *words, "--out", tmp_path / "json", "--json")
    told = json.loads(said.out)
    assert [(one["cell"], one["length"]) for one in told["trials"]] == [("gru", 2), ("rnn", 2)]
    assert told["chance"] == 3
    assert "--cell" in unrolled("lab", "memory", "--cell", "lsmt").err
    assert "--length" in unrolled("lab", "memory", "--length", "1").err
