"""Log-mel filters against their definition in numpy; streams give what whole recordings give."""

import math

import numpy as np
import pytest
from sound_making import tone

from unrolled.data.log_mel import LogMel, log_mel


def expected(x, rate):
    """The equations of the module, frame by frame."""
    hop, window = rate // 100, rate // 40
    size = 2 ** math.ceil(math.log2(window))
    x = np.concatenate([np.zeros((size - hop) // 2), x, np.zeros(size)])
    weights = np.zeros(size)
    begin = (size - window) // 2
    weights[begin : begin + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)

    def mel(f):
        return 2595 * math.log10(1 + f / 700)

    tips = [mel(20) + (mel(rate / 2) - mel(20)) * k / 41 for k in range(42)]
    found = []
    for t in range((len(x) - size - (size - hop) // 2 + hop - 1) // hop):
        power = np.abs(np.fft.rfft(x[t * hop : t * hop + size] * weights)) ** 2
        bands = np.zeros(40)
        for f, p in enumerate(power):
            m = mel(f * rate / size)
            for k in range(1, 41):
                rise, fall = (m - tips[k - 1]) / (tips[k] - tips[k - 1]), (tips[k + 1] - m) / (tips[k + 1] - tips[k])
                bands[k - 1] += max(0, min(rise, fall)) * p
        found.append(np.log(np.maximum(bands, 1e-6)))
    return np.array(found)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_the_definition(rate):
    noise = np.random.default_rng(0).standard_normal(rate // 20) * 0.1
    x = (tone(700, 0.05, rate) + noise).astype(np.float32)
    found = log_mel(x, rate)
    assert found.shape == (5, 40)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(x, rate), atol=2e-3)


def test_a_stream_and_the_length():
    x = np.random.default_rng(0).standard_normal(1234).astype(np.float32)
    for block in (1, 50, 999):
        stream = LogMel(8_000)
        found = [stream.push(x[at : at + block]) for at in range(0, len(x), block)]
        np.testing.assert_allclose(np.concatenate([*found, stream.end()]), log_mel(x, 8_000), atol=1e-4)
    assert log_mel(x, 8_000).shape == (16, 40)
    assert log_mel(x[:1], 8_000).shape == (1, 40)


def test_a_tone_is_in_its_band():
    louder = log_mel(tone(1000, 0.5), 8_000)[10:-10].mean(0)
    assert abs(np.argmax(louder) - 17) <= 1  # mel(1000) = 1000; 41 (1000 - 32) / (2146 - 32) - 1 = 17.8
    np.testing.assert_allclose(log_mel(np.zeros(800, np.float32), 8_000), math.log(1e-6))
