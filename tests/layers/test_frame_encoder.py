"""Encoders of frames: no padding in the convolutions, each clip by itself, changes within a clip, single steps."""

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.layers.frames import AT_ONCE, FeatureEncoder, FrameEncoder, changes, flattened, padded

LENGTHS = torch.tensor([3, 1, 5])


def frames(count, *shape):
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def encoders():
    torch.manual_seed(0)
    yield FrameEncoder(2, (12, 8), (4, 6), width=5).eval(), frames(9, 12, 8, 2)
    yield FeatureEncoder(7, width=5).eval(), frames(9, 7)


def test_padding_and_its_inverse():
    flat = torch.arange(1.0, 10).reshape(9, 1)
    sequences = padded(flat, LENGTHS)
    assert sequences[..., 0].tolist() == [[1, 4, 5], [2, 0, 6], [3, 0, 7], [0, 0, 8], [0, 0, 9]]
    assert torch.equal(flattened(sequences, LENGTHS), flat)


def test_changes_do_not_cross_clips():
    x = torch.tensor([1.0, 4, 9, 50, 10, 10, 11, 13, 13])
    assert changes(x, LENGTHS).tolist() == [0, 3, 5, 0, 0, 0, 1, 2, 0]


def test_a_clip_in_a_batch_is_the_clip_alone_and_frame_by_frame():
    for encoder, pixels in encoders():
        with torch.no_grad():
            together = encoder(pixels, LENGTHS)
            for lane, clip in enumerate(pixels.split(LENGTHS.tolist())):
                alone = encoder(clip, torch.tensor([len(clip)]))[:, 0]
                torch.testing.assert_close(together[: len(clip), lane], alone, rtol=1e-5, atol=1e-6)
                state = encoder.before(1, clip)
                for t in range(len(clip)):
                    e, state = encoder.step(clip[t : t + 1], state)
                    torch.testing.assert_close(e[0], alone[t], rtol=1e-5, atol=1e-6)
        assert not together[1:, 1].any()


def test_the_change_of_a_frame_is_seen():
    for encoder, pixels in encoders():
        other = pixels.clone()
        other[4] = other[5]  # the first of the last clip
        with torch.no_grad():
            differ = (encoder(pixels, LENGTHS) != encoder(other, LENGTHS)).any(2)
        assert differ.nonzero().tolist() == [[0, 2], [1, 2]]


def test_convolutions_see_real_frames_only_and_a_bounded_number_at_once():
    encoder = FrameEncoder(1, (8, 8), (2,), width=3).eval()
    seen = []
    encoder.features.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    lengths = torch.tensor([AT_ONCE, 1, 2])
    with torch.no_grad():
        encoder(frames(AT_ONCE + 3, 8, 8, 1), lengths)
    assert seen == [AT_ONCE, 3]


def test_pixels_are_normalised_by_training_frames():
    encoder = FrameEncoder(1, (8, 8), (2,))
    pixels = frames(50, 8, 8, 1)
    encoder.normalise_by(pixels)
    x = encoder.normalised(pixels)
    assert x.mean().item() == pytest.approx(0, abs=1e-5)
    assert x.std().item() == pytest.approx(1, abs=1e-3)


def test_too_many_blocks_for_the_size():
    with pytest.raises(ArgumentError, match="at most 3 blocks"):
        FrameEncoder(1, (8, 20), (2, 2, 2, 2))
