"""The feed-forward model: its equations, its window, and a training."""

import pytest
import torch
import torch.nn.functional as F

import unrolled
from unrolled.errors import ArgumentError, BackendError, RunError
from unrolled.tasks.lm.feedforward import FeedForward
from unrolled.tasks.lm.history import NOTHING, empty, windows
from unrolled.training import modelfile

# Windows


def test_windows_by_hand():
    ids = torch.tensor([[5], [6], [7], [8]])
    resets = torch.tensor([[False], [False], [True], [False]])
    found, after = windows(ids, empty(1, 3), resets)
    none = NOTHING
    assert found[:, 0].tolist() == [[none, none, 5], [none, 5, 6], [none, none, 7], [none, 7, 8]]
    assert after.symbols.tolist() == [[none, 7, 8]]
    found, after = windows(torch.tensor([[9], [4]]), after)
    assert found[:, 0].tolist() == [[7, 8, 9], [8, 9, 4]]
    assert windows(ids[:0], after)[1] is after


@pytest.mark.parametrize("C", [1, 2, 7])
def test_windows_against_a_loop(C):
    generator = torch.Generator().manual_seed(C)
    ids, resets = torch.randint(9, (40, 3), generator=generator), torch.rand(40, 3, generator=generator) < 0.2
    expected = torch.full((40, 3, C), NOTHING)
    for lane in range(3):
        seen = []
        for t in range(40):
            seen = [] if resets[t, lane] else seen
            seen.append(int(ids[t, lane]))
            last = seen[-C:]
            expected[t, lane, C - len(last) :] = torch.tensor(last)
    history, parts = empty(3, C), []
    for part, cut in zip(ids.split(11), resets.split(11), strict=True):
        some, history = windows(part, history, cut)
        parts.append(some)
    assert torch.equal(torch.cat(parts), expected)
    assert torch.equal(history.symbols, expected[-1])


# The model


@pytest.mark.parametrize("direct", [False, True])
def test_the_equations(direct):
    torch.manual_seed(0)
    model = FeedForward(6, 3, 4, 5, direct=direct)
    ids = torch.randint(6, (5, 2))
    logits, after = model(ids)
    assert (model.W is not None) == direct
    for lane in range(2):
        text = [6, 6, *ids[:, lane].tolist()]  # 6: no symbol
        for t in range(5):
            x = torch.cat([model.C.weight[w] for w in text[t : t + 3]])
            y = model.U.bias + model.U.weight @ torch.tanh(model.H.bias + model.H.weight @ x)
            y = y + model.W.weight @ x if direct else y
            torch.testing.assert_close(logits[t, lane], y)
    assert after.symbols.tolist() == ids[-3:].t().tolist()


def test_it_sees_no_further_than_its_window():
    torch.manual_seed(0)
    model = FeedForward(6, 3, 4, 5).eval()
    ids = torch.randint(6, (9, 1))
    other = ids.clone()
    other[4] = (ids[4] + 1) % 6
    same = (model(ids)[0] == model(other)[0]).all(-1).flatten().tolist()
    assert same == [True] * 4 + [False] * 3 + [True] * 2


def test_dropout_is_off_in_evaluation():
    torch.manual_seed(0)
    model, ids = FeedForward(6, 3, 4, 50, dropout=0.5), torch.randint(6, (9, 1))
    assert not torch.equal(model(ids)[0], model(ids)[0])
    assert torch.equal(model.eval()(ids)[0], model(ids)[0])


# As a run

TEXT = "It was the best of times, it was the worst of times.\n" * 12
OPTIONS = {
    "kind": "feedforward", "context": 8, "embedding_size": 8, "hidden_size": 32, "dropout": 0.0, "bptt": 20,
    "batch_size": 4, "steps": 100, "eval_every": 50, "lr": 0.02, "preview_length": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "feedforward"


@pytest.fixture(scope="module")
def trained(run):
    return unrolled.train("lm", run=run, data=f"text:{TEXT}", **OPTIONS)


def test_it_learns_and_comes_back_from_its_file(trained, run):
    assert sum(p.numel() for p in trained.model.parameters()) == 18 * 8 + (64 + 1) * 32 + (32 + 1) * 17
    assert trained.evaluate(f"text:{TEXT}")["loss"] < 0.15
    again = unrolled.load(run / "model.safetensors")
    assert again.generate("It was", 40, seed=1) == trained.generate("It was", 40, seed=1)
    with pytest.raises(BackendError, match="there are no kernels for a FeedForward"):
        trained.freeze()


@pytest.mark.parametrize("window", [1, 7, 300])
def test_any_window_gives_the_same_loss(trained, window):
    text = trained.config.data.read().train
    ids = torch.as_tensor(text.tokens[:].astype("int64"))
    with torch.no_grad():
        logits, _ = trained.model(ids[:-1, None])
    expected = float(F.cross_entropy(logits[:, 0].double(), ids[1:]))
    assert trained.evaluate(text, window=window)["loss"] == pytest.approx(expected, abs=1e-6)


def test_a_resumed_run_is_one_that_never_stopped(tmp_path):
    options = {**OPTIONS, "data": f"text:{TEXT}", "schedule": "constant", "warmup": 0, "eval_every": 10}
    whole = unrolled.train("lm", run=tmp_path / "whole", **{**options, "steps": 30})
    unrolled.train("lm", run=tmp_path / "parts", **{**options, "steps": 10})
    assert unrolled.resume(tmp_path / "parts", steps=30).steps == 30
    for name, tensor in unrolled.load(tmp_path / "parts").model.state_dict().items():
        assert torch.equal(tensor, whole.model.state_dict()[name])


def test_a_file_with_another_context_is_refused(run, tmp_path):
    file = modelfile.load(run / "model.safetensors")
    config = file.config.replace("context = 8", "context = 90000000")
    assert config != file.config
    modelfile.save(tmp_path / "hostile.safetensors", file.tensors, file.task, config, file.assets)
    with pytest.raises(RunError, match="do not match its config"):
        unrolled.load(tmp_path / "hostile.safetensors")


def test_a_symbol_has_features():
    with pytest.raises(ArgumentError, match="embedding_size must be at least 1 with --kind feedforward, got 0"):
        unrolled.train("lm", data="text:hello", kind="feedforward", embedding_size=0)
