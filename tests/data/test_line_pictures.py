"""The normal form of a picture of a line."""

import io

import numpy as np
import pytest
from line_making import line, png, save
from PIL import Image

from unrolled.data.line_pictures import normal_line, read_line
from unrolled.errors import ArgumentError, DataError


def test_height_and_aspect_ratio():
    assert read_line(png(line(100, 24)), 48).shape == (48, 200)
    assert read_line(png(line(100, 24)), 24).tolist() == line(100, 24).tolist()  # 0 and 255 stay


def test_inverted_pictures_are_turned_over():
    plain, turned = (normal_line(Image.fromarray(pixels), 24) for pixels in (line(), 255 - line()))
    assert not plain.inverted
    assert turned.inverted
    assert np.array_equal(plain.pixels, turned.pixels)


def test_bold_ink_is_not_paper_if_the_border_is_light():
    pixels = np.full((24, 40), 255, np.uint8)
    pixels[3:-3, 3:-3] = 0  # 63 percent
    assert not normal_line(Image.fromarray(pixels), 24).inverted


def test_contrast_is_stretched_but_not_that_of_an_empty_line():
    faint = (line() // 4 + 100).astype(np.uint8)  # 100 and 163
    assert set(np.unique(normal_line(Image.fromarray(faint), 24).pixels)) == {0, 255}
    empty = np.full((24, 90), 200, np.uint8)
    empty[::2] = 203
    assert normal_line(Image.fromarray(empty), 24).pixels.min() > 200


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_modes_of_pictures(tmp_path, mode):
    out, pixels = io.BytesIO(), line()
    if mode == "I;16":
        picture = Image.fromarray(pixels.astype(np.uint16) * 257)
    elif mode in ("RGBA", "LA"):
        picture = Image.fromarray(pixels).convert(mode)
        picture.putalpha(Image.fromarray(255 - pixels))  # transparent paper
    else:
        picture = Image.fromarray(pixels).convert(mode)
    picture.save(out, "TIFF" if mode == "CMYK" else "PNG")
    assert np.abs(read_line(out.getvalue(), 24).astype(int) - pixels).max() <= 2


def test_errors(tmp_path):
    with pytest.raises(DataError, match=r"a\.png is not a picture but a text file"):
        read_line(b"hello, this is a text", 48, "a.png")
    with pytest.raises(DataError, match=r"a\.png is empty"):
        read_line(b"", 48, "a.png")
    with pytest.raises(DataError, match="truncated or damaged"):
        read_line(png(np.random.default_rng(0).integers(0, 255, (50, 90), np.uint8))[:900], 48, "a.png")
    save(tmp_path / "wide.png", np.zeros((2, 2000), np.uint8))
    with pytest.raises(DataError, match=r"wide\.png has 2,000 × 2 pixels: at a height of 48 it is 48,000 wide"):
        read_line(tmp_path / "wide.png")
    with pytest.raises(ArgumentError, match="height"):
        read_line(png(line()), 4)
