"""Normalisation of log-mel frames: over a recording, or as a stream comes; the same in batches and alone."""

import pytest
import torch

from unrolled.layers.speech_features import PRIOR, SpeechFeatures, stacked


def batch():
    y = torch.randn(3, 17, 40) * 2 - 5
    return y, torch.arange(17) < torch.tensor([17, 9, 1])[:, None]


def test_whole_recordings():
    y, inside = batch()
    x = SpeechFeatures()(y, inside)
    torch.testing.assert_close(x[1, :9].mean(0), torch.zeros(40), atol=1e-5, rtol=0)
    torch.testing.assert_close(x[1, :9].std(0, correction=0), torch.ones(40))
    torch.testing.assert_close(SpeechFeatures()(y[1:2, :9], inside[1:2, :9])[0], x[1, :9])


@pytest.mark.parametrize("block", [1, 4, 17])
def test_a_stream_has_the_same_numbers_as_at_once(block):
    y, inside = batch()
    features = SpeechFeatures(running=True)
    features.measure(torch.randn(200, 40) * 3 - 4)
    whole = features(y, inside)
    state, found = features.before(3), []
    for part in y.split(block, 1):
        x, state = features.step(part, state)
        found.append(x)
    torch.testing.assert_close(torch.cat(found, 1)[0], whole[0])
    torch.testing.assert_close(torch.cat(found, 1)[1, :9], whole[1, :9])


def test_the_running_mean_is_that_of_the_equation():
    y, inside = batch()
    features = SpeechFeatures(running=True)
    mean, deviation = torch.randn(40), torch.rand(40) + 1
    features.mean.copy_(mean)
    features.deviation.copy_(deviation)
    t = 8
    m = (PRIOR * mean + y[0, :t].sum(0)) / (PRIOR + t)
    square = (PRIOR * (deviation**2 + mean**2) + y[0, :t].square().sum(0)) / (PRIOR + t)
    torch.testing.assert_close(
        features(y, inside)[0, t - 1], (y[0, t - 1] - m) / (square - m**2).sqrt(), atol=1e-4, rtol=1e-4
    )


def test_stacked():
    x = torch.arange(10.0).reshape(1, 5, 2)
    assert stacked(x, 2)[:, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 0]]
