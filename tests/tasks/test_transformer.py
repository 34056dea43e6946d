"""The Transformer: its equations, its cache, what it attends to, and a training."""

import pytest
import torch
import torch.nn.functional as F

import unrolled
from unrolled.cells.state import put, select
from unrolled.cli import main
from unrolled.errors import ArgumentError, BackendError, RunError
from unrolled.tasks.common.model_name import model_name
from unrolled.tasks.lm.attention import rotation, visible
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.history import positions
from unrolled.tasks.lm.transformer import AT_ONCE, Transformer
from unrolled.training.config import from_toml, to_toml, update

V, H, N, C = 9, 12, 2, 5


def model_of(layers=2, context=C, **options):
    """A model in float64 with weights that are large enough for every part to matter."""
    torch.manual_seed(0)
    model = Transformer(V, H, layers, N, context, **options).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.4)
    return model


def text_of(T=40, B=3):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(V, (T, B), generator=generator), torch.rand(T, B, generator=generator) < 0.1


# Positions and the mask


def test_positions_and_mask_by_hand():
    resets = torch.tensor([[False], [False], [True], [False]])
    p = positions(4, torch.tensor([1]), resets)
    assert p[:, 0].tolist() == [1, 2, 0, 1]
    assert positions(2, torch.tensor([3, 7])).tolist() == [[3, 7], [4, 8]]
    assert visible(p, 2)[0, 0].int().tolist() == [
        [0, 1, 1, 0, 0, 0],  # one step of the document is in the cache, whose first entry is from before
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1, 1],
    ]


def test_scores_depend_on_distances_even_far_into_a_text():
    torch.manual_seed(0)
    q, k = torch.randn(2, 6, dtype=torch.float64)
    far = torch.tensor([0, 10**6])
    scores = []
    for at in far:
        there, here = (rotation((at + d).view(1, 1), 6, torch.float64) for d in (3, 0))
        scores.append(float(there(q.view(1, 1, 1, 6)).flatten() @ here(k.view(1, 1, 1, 6)).flatten()))
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)
    a = 3.0 * 10_000.0 ** (-torch.arange(3, dtype=torch.float64) / 3)
    by_hand = a.cos() @ (q[:3] * k[:3] + q[3:] * k[3:]) + a.sin() @ (q[:3] * k[3:] - q[3:] * k[:3])
    assert scores[0] == pytest.approx(float(by_hand), abs=1e-12)


# The model


def test_the_equations_token_by_token():
    """Against loops over queries and keys, with complex numbers for the rotation."""
    model, (ids, resets) = model_of(), text_of(12, 1)
    frequencies = 10_000.0 ** (-torch.arange(H // N // 2, dtype=torch.float64) * 2 * N / H)
    start, at = 0, []
    for t in range(12):
        start = t if resets[t, 0] else start
        at.append((start, t - start))
    x = model.embedding.weight[ids[:, 0]]
    for layer in model.layers:
        W, b = layer.attention.inputs.weight, layer.attention.inputs.bias
        q, k, v = (F.layer_norm(x, (H,), layer.norm.weight, layer.norm.bias) @ W.T + b).view(12, 3, N, -1).unbind(1)
        angles = torch.tensor([p for _, p in at]).double()[:, None, None] * frequencies
        q, k = (torch.complex(*one.chunk(2, -1)) * torch.polar(torch.ones_like(angles), angles) for one in (q, k))
        heads = torch.zeros(12, N, H // N, dtype=torch.float64)
        for t, (start, _) in enumerate(at):
            seen = range(max(start, t - C + 1), t + 1)
            for n in range(N):
                scores = torch.stack([(q[t, n] * k[s, n].conj()).real.sum() for s in seen]) / (H / N) ** 0.5
                heads[t, n] = scores.softmax(0) @ v[seen, n]
        x = x + layer.attention.output(heads.flatten(1))
        m = layer.mixing
        x = x + m.narrow(F.gelu(m.widen(F.layer_norm(x, (H,), m.norm.weight, m.norm.bias)), approximate="tanh"))
    expected = model.head(F.layer_norm(x, (H,), model.norm.weight, model.norm.bias))
    torch.testing.assert_close(model(ids, resets=resets)[0][:, 0], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("context", [1, 2, 5, 64])
@pytest.mark.parametrize("steps", [1, 7])
def test_the_cache_gives_the_logits_of_the_whole_text(context, steps):
    model, (ids, resets) = model_of(context=context), text_of()
    whole, after = model(ids, resets=resets)
    state, parts = model.initial_state(3), []
    for some, cut in zip(ids.split(steps), resets.split(steps), strict=True):
        logits, state = model(some, state, cut if cut.any() else None)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(state, after, rtol=1e-10, atol=1e-12)
    assert all(leaf.shape == (3, N, context - 1, H // N) for pair in state.layers for leaf in pair)


def test_a_long_text_is_read_in_blocks():
    model, (ids, resets) = model_of(layers=1), text_of(AT_ONCE + 3, 1)
    first, state = model(ids[:5], resets=resets[:5])
    rest, _ = model(ids[5:], state, resets[5:])
    torch.testing.assert_close(model(ids, resets=resets)[0], torch.cat([first, rest]), rtol=1e-10, atol=1e-12)
    assert model(ids[:0])[0].shape == (0, 1, V)


def test_it_sees_its_context_and_no_later_token():
    model, (ids, _) = model_of(layers=1), text_of(12, 1)
    other = ids.clone()
    other[4] = (ids[4] + 1) % V
    changed = (model(ids)[0] != model(other)[0]).any(-1).flatten().tolist()
    assert changed == [4 <= t < 4 + C for t in range(12)]


def test_nothing_passes_a_reset_and_lanes_are_independent():
    model, (ids, _) = model_of(), text_of(12, 2)
    resets = torch.zeros(12, 2, dtype=torch.bool)
    resets[6, 0] = True
    logits, after = model(ids, resets=resets)
    torch.testing.assert_close(logits[6:, :1], model(ids[6:, :1])[0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(logits[:, 1:], model(ids[:, 1:])[0], rtol=1e-10, atol=1e-12)
    assert after.read.tolist() == [6, 12]
    lane = torch.tensor([1])
    alone = model(ids[:3, 1:], select(after, lane))[0]
    anew = model(ids[:3], put(after, torch.tensor([0]), model.initial_state(1)))[0]  # lane 0 starts anew
    torch.testing.assert_close(anew[:, 1:], alone, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(anew[:, :1], model(ids[:3, :1])[0], rtol=1e-10, atol=1e-12)


def test_initial_weights_and_their_number():
    torch.manual_seed(0)
    model = Transformer(50, 64, 4, 4, 8)
    assert sum(p.numel() for p in model.parameters()) == 50 * 64 + 4 * (12 * 64**2 + 13 * 64) + 2 * 64 + 65 * 50
    tied = Transformer(50, 64, 4, 4, 8, tied=True)
    assert sum(p.numel() for p in tied.parameters()) == sum(p.numel() for p in model.parameters()) - 50 * 64
    for name, std in (
        ("attention.inputs", 0.02),
        ("attention.output", 0.02 / 8**0.5),
        ("mixing.narrow", 0.02 / 8**0.5),
    ):
        assert float(model.get_parameter(f"layers.3.{name}.weight").detach().std()) == pytest.approx(std, rel=0.05)
    with torch.no_grad():
        logits = model(torch.randint(50, (20, 4)))[0]
    assert float(F.cross_entropy(logits.flatten(0, 1), torch.randint(50, (80,)))) == pytest.approx(3.91, abs=0.1)


def test_bfloat16_products_and_a_cache_in_float32():
    model, (ids, _) = model_of().float(), text_of(6, 2)
    with torch.no_grad():
        exact = model(ids)[0]
        with torch.autocast("cpu", torch.bfloat16):
            logits, state = model(ids)
    assert {leaf.dtype for pair in state.layers for leaf in pair} == {torch.float32}
    assert 0 < float((logits.float() - exact).abs().max()) < 0.1 * float(exact.abs().max())


# As a run

TEXT = "It was the best of times, it was the worst of times.\n" * 12
OPTIONS = {
    "kind": "transformer", "context": 12, "hidden_size": 16, "num_layers": 2, "heads": 2, "dropout": 0.0, "bptt": 20,
    "batch_size": 4, "steps": 80, "eval_every": 80, "lr": 0.01, "preview_length": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "transformer"


@pytest.fixture(scope="module")
def trained(run):
    return unrolled.train("lm", run=run, data=f"text:{TEXT}", **OPTIONS)


def test_it_learns_and_comes_back_from_its_file(trained, run):
    assert trained.evaluate(f"text:{TEXT}")["loss"] < 0.3
    again = unrolled.load(run / "model.safetensors")
    assert again.generate("It was", 40, seed=1) == trained.generate("It was", 40, seed=1)
    assert ("network", "transformer 2×16, context 12") in again.about()
    with pytest.raises(BackendError, match="there are no kernels for a Transformer"):
        trained.freeze()


@pytest.mark.parametrize("window", [1, 300])
def test_any_window_gives_the_same_loss(trained, window):
    text = trained.config.data.read().valid
    ids = torch.as_tensor(text.tokens[:].astype("int64"))
    with torch.no_grad():
        logits, _ = trained.model(ids[:-1, None])
    expected = float(F.cross_entropy(logits[:, 0].double(), ids[1:]))
    assert trained.evaluate(text, window=window)["loss"] == pytest.approx(expected, abs=1e-6)
    fresh = trained.evaluate(text, fresh_windows=1)["loss"]  # with no context at all
    assert fresh > expected + 0.5


def test_a_session_writes_what_generate_writes_from_any_kept_state(trained):
    session = trained.session()
    session.read("It was")
    assert "".join(session.write(length=30, seed=1)) == trained.generate("It was", 30, seed=1)
    _, state = trained.step("It was the ")
    once, twice = (trained.step("best of", state)[0] for _ in range(2))
    torch.testing.assert_close(once, twice)  # the first call left the kept state as it was
    torch.testing.assert_close(once, trained.step("It was the best of")[0], rtol=1e-4, atol=1e-5)


def test_a_resumed_run_is_one_that_never_stopped(tmp_path):
    windows = {"dropout": 0.2, "random_reset": 0.3, "bptt_random": "unbiased"}
    options = {**OPTIONS, **windows, "data": f"text:{TEXT}", "schedule": "constant", "warmup": 0, "eval_every": 4}
    whole = unrolled.train("lm", run=tmp_path / "whole", **{**options, "steps": 8})
    unrolled.train("lm", run=tmp_path / "parts", **{**options, "steps": 4})
    assert unrolled.resume(tmp_path / "parts", steps=8).steps == 8
    for name, tensor in unrolled.load(tmp_path / "parts").model.state_dict().items():
        assert torch.equal(tensor, whole.model.state_dict()[name])


def test_commands_on_a_run(run, trained, capsys, monkeypatch):
    options = ["--prompt", "It was", "--length", "20", "--temperature", "0.5", "--seed", "1"]
    assert main(["sample", str(run), *options]) == 0
    assert trained.generate("It was", 20, temperature=0.5, seed=1) in capsys.readouterr().out
    monkeypatch.setenv("UNROLLED_RUNS", str(run.parent))
    assert main(["runs"]) == 0
    assert "transformer 2×16, context 12" in capsys.readouterr().out
    assert main(["inspect", str(run)]) == 2
    assert "a Transformer has no recurrent layers" in capsys.readouterr().err
    assert main(["inspect", "compare", str(run), str(run)]) == 0
    assert main(["sample", str(run), "--clamp", "layer 1 h[0]=1"]) == 2
    assert "clamp must be omitted for a model without recurrent layers" in capsys.readouterr().err


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 100, "heads": 8}, "hidden_size must be a multiple of 16, twice the number of heads, got 100"),
        ({"heads": 0}, "heads must be an integer of at least 1"),
        ({"context": 0}, "context must be an integer of at least 1"),
        ({"context": 10**9}, "context must be at most 65,536 with --kind transformer, got 1000000000"),
        ({"cell": "gru"}, "cell must be omitted with --kind transformer, which has no such option, got 'gru'"),
        ({"embedding_size": 32}, "embedding_size must be omitted with --kind transformer"),
        ({"head": "sum"}, "head must be omitted with --kind transformer"),
        ({"order": 3}, "order must be omitted with --kind transformer"),
        ({"direct": True}, "direct must be omitted with --kind transformer"),
        ({"synthetic_gradients": True}, "synthetic_gradients must be omitted with --kind transformer, whose state is"),
        ({"kind": "recurrent", "heads": 2}, "heads must be omitted with --kind recurrent"),
        ({"kind": "feedforward", "heads": 2}, "heads must be omitted with --kind feedforward"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        update(LanguageModelConfig(), **{"kind": "transformer"} | options)


def test_the_default_context_is_that_of_the_kind_and_in_the_config():
    for kind, context in (("transformer", 256), ("feedforward", 16), ("recurrent", None)):
        config = update(LanguageModelConfig(), kind=kind)
        assert config.baseline.context == context
        assert (f"context = {context}" in to_toml(config, "lm")) == (context is not None)
    old = from_toml(LanguageModelConfig(), 'task = "lm"\n[baseline]\nkind = "recurrent"\ncontext = 16\n', "here")
    assert old.baseline.context == 16  # a recurrent run of an earlier version
    assert model_name({"kind": "transformer", "num_layers": 4}) == "transformer 4×?, context ?"


def test_a_file_with_another_size_is_refused(run, trained, tmp_path):
    file = unrolled.training.modelfile.load(run / "model.safetensors")
    config = file.config.replace("hidden_size = 16", "hidden_size = 16000000")
    assert config != file.config
    unrolled.training.modelfile.save(tmp_path / "hostile.safetensors", file.tensors, file.task, config, file.assets)
    with pytest.raises(RunError, match="do not match its config"):
        unrolled.load(tmp_path / "hostile.safetensors")
