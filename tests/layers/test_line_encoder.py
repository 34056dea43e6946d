"""The encoder of lines: the same vectors in batches and alone, a frame for each stride, errors."""

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.layers.line_encoder import LineEncoder


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_line_has_the_same_vectors_in_a_batch_and_alone(stride):
    torch.manual_seed(0)
    encoder = LineEncoder(16, (3, 4, 5), stride=stride).double().eval()
    for norm in encoder.norms:  # a bias that padding would have, too
        torch.nn.init.uniform_(norm.bias)
        torch.nn.init.uniform_(norm.running_mean)
    lines = [torch.randint(256, (16, width), dtype=torch.uint8) for width in (37, 20, 5)]
    pixels = torch.randint(256, (3, 16, 37), dtype=torch.uint8)  # anything may be past a line
    for row, line in zip(pixels, lines, strict=True):
        row[:, : line.size(1)] = line
    widths = torch.tensor([37, 20, 5])
    together = encoder(pixels, widths)
    assert together.shape == (-(-37 // stride), 3, encoder.output_size)
    for b, line in enumerate(lines):
        alone = encoder(line[None], widths[b : b + 1])
        T = len(alone)
        assert T == encoder.frames(widths)[b] == -(-line.size(1) // stride)
        torch.testing.assert_close(together[:T, b], alone[:, 0])
        assert not together[T:, b].any()


def test_empty_paper_is_the_same_as_a_shorter_line():
    encoder = LineEncoder(8, (2, 2), stride=4).double().eval()
    line = torch.full((1, 8, 16), 255, dtype=torch.uint8)
    line[0, 2:6, 3:7] = 0
    wide, short = encoder(line, torch.tensor([16])), encoder(line[:, :, :12], torch.tensor([12]))
    torch.testing.assert_close(wide[:2], short[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 16, "stride": 3}, "stride must be one of 1, 2, 4, 8 columns"),
        ({"height": 16, "maps": (4,), "stride": 4}, "maps must be at least 2 blocks for a stride of 4"),
        ({"height": 8}, "maps must be 1 to 3 blocks for lines of 8 pixels"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        LineEncoder(**arguments)
