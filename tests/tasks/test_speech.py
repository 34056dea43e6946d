"""Speech: training on generated digits, prediction of files, arrays and pipes, streams that agree with whole files."""

import io
import wave
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unrolled.data.generated_speech import GeneratedSound
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.tasks.common.unaligned.alphabet import Alphabet
from unrolled.tasks.common.unaligned.model import CTCNetwork
from unrolled.tasks.speech.config import Recordings, SpeechConfig, SpeechNetwork
from unrolled.tasks.speech.model import SpeechReader
from unrolled.tasks.speech.trained import TrainedSpeech


def pcm(samples):
    """A WAV file of 16 bits at 8,000 Hz."""
    with wave.open(out := io.BytesIO(), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def tone(hertz, seconds):
    """A sine."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 8000)) / 8000)


def model(streaming, seed=0):
    """An untrained recogniser of the digits at 8,000 Hz."""
    torch.manual_seed(seed)
    config = SpeechConfig(data=Recordings(sample_rate=8000), sound=SpeechNetwork(streaming=streaming))
    alphabet = Alphabet(list("0123456789"), config.data.order())
    found = TrainedSpeech(CTCNetwork(SpeechReader(config), 11, config.model.rate), alphabet, config)
    torch.nn.init.normal_(found.model.head.weight, std=2)  # so that it says something
    return found


def test_training_and_prediction(unrolled, home):
    for digit in "07":
        for take in range(8):
            path = home / "rec" / f"{digit}_ann_{take}.wav"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(pcm(tone(400 if digit == "0" else 1500, 0.2 + take / 50)))
    said = unrolled("train", "speech", "--data", "rec", "--steps", 40, "--hidden-size", 16, "--num-layers", 1, "--run",
                    "run", "--lr", 0.02, "--test-names", "_7", "--tempo", 0, "--warp", 0, "--noise", 0,
                    "--time-masks", 0, "--band-masks", 0)  # fmt: skip
    assert said.status == 0, said.err
    assert "an input for each 20 ms" in said.out + said.err
    answer = unrolled("predict", "run", "rec/7_ann_7.wav", "--json")
    assert '"7"' in answer.out
    assert "0 in 2 characters" in unrolled("evaluate", "run").out
    assert "0 in 16 characters" in unrolled("evaluate", "run", "--data", "rec").out
    refused = unrolled("predict", "run", "missing.wav")
    assert refused.status == 2
    assert "cannot read missing.wav" in refused.err


def test_a_batch_and_alone():
    found = model(False)
    sounds = [found.read((GeneratedSound(1, n).audio().samples, 8000)) for n in range(3)]
    together = {n: out for batch in found.logits(sounds, [len(s) for s in sounds]) for n, out in _each(batch)}
    for n, frames in enumerate(sounds):
        alone = next(iter(found.logits([frames], [len(frames)])))
        torch.testing.assert_close(together[n], alone.logits[:, 0], atol=1e-5, rtol=1e-5)


def _each(batch):
    return [(n, batch.logits[:frames, b]) for b, (n, frames) in enumerate(zip(*batch[::2], strict=True))]


@pytest.mark.parametrize(("rate", "block"), [(8000, 333), (11_025, 1000)])
def test_a_stream_agrees_with_the_whole(rate, block):
    found = model(True)
    samples = np.random.default_rng(0).standard_normal(rate).astype(np.float32) / 10
    stream = found.stream(rate)
    for at in range(0, len(samples), block):
        stream.push(samples[at : at + block])
    text = stream.end().text
    whole = found.logits([found.read((samples, rate))], [100])
    decoded = stream.decoder._decoder.decode(next(iter(whole)).logits)[0][0]
    assert text == decoded.text == stream.end().text
    assert len(text) > 1


def test_a_pipe(monkeypatch):
    from unrolled.results import Input
    from unrolled.tasks.speech.prediction import Predict, predictions

    samples = GeneratedSound(1, 0).audio().samples
    raw = (samples * 32767).astype("<i2").tobytes()

    def answers(found, data, **options):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        return list(predictions(found, [[Input("-", "standard input")]], Predict(**options)))

    several = answers(model(True), raw)
    assert len(several) > 1
    assert several[-1].more["last"]
    assert several[-1].more["seconds"] == pytest.approx(len(samples) / 8000)
    assert answers(model(True), raw, chunk=0.5)[-1].answer == several[-1].answer
    for data in (raw, pcm(samples)):  # both directions: at the end; a WAV file in the pipe
        [whole] = answers(model(False), data)
        assert whole.answer == model(False).predict([pcm(samples)])[0].answer
    with pytest.raises(DataError, match="standard input is empty"):
        answers(model(True), b"")


def test_what_is_refused():
    with pytest.raises(RunError, match=r"it reads in both directions; train one with --streaming"):
        model(False).stream(8000)
    with pytest.raises(ArgumentError, match="by must be omitted without --folds"):
        Recordings(by="group")
    with pytest.raises(ArgumentError, match="sample_rate must be 1,000 to 400,000"):
        Recordings(sample_rate=10)
