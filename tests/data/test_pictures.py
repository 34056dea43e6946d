"""Pictures of every format become the same pixels by one rule; other files are refused in one line that names them."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from unrolled.data.pictures import from_array, open_picture, read_picture
from unrolled.errors import DataError

RED = (213, 60, 30)


def encoded(image, form="PNG", **options):
    image.save(out := io.BytesIO(), form, **options)
    return out.getvalue()


def plain(mode="RGB", size=(12, 8), colour=RED):
    return Image.new("RGB", size, colour).convert(mode)


@pytest.mark.parametrize(
    ("mode", "form", "expected"),
    [
        ("RGB", "PNG", RED),
        ("P", "PNG", None),
        ("CMYK", "TIFF", RED),
        ("L", "PNG", None),
        ("1", "PNG", None),
        ("RGBA", "PNG", RED),
    ],
)
def test_modes(mode, form, expected):
    pixels = read_picture(encoded(plain(mode), form), (8, 12))
    assert pixels.shape == (8, 12, 3)
    assert pixels.dtype == np.uint8
    if expected is None:
        expected = np.asarray(plain(mode).convert("RGB"), int)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_what_is_transparent_is_white():
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    half.paste((*RED, 255), (0, 0, 4, 8))
    pixels = read_picture(encoded(half), (8, 8))
    assert pixels[0, 0].tolist() == list(RED)
    assert pixels[0, 7].tolist() == [255, 255, 255]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([9, 9, 9, 50, 60, 70])
    assert read_picture(encoded(palette, transparency=1), (8, 8)).min() == 255


def test_sixteen_bits_and_floats():
    ramp = np.array([[0, 257, 257 * 128, 65535]] * 4, np.uint16)
    expected = [0, 1, 128, 255]
    for form in ("PNG", "TIFF"):
        assert read_picture(encoded(Image.fromarray(ramp), form), (4, 4), 1)[0, :, 0].tolist() == expected
    for factor in (1.0, 255.0):
        floats = Image.fromarray((ramp / 65535 * factor).astype(np.float32))
        assert read_picture(encoded(floats, "TIFF"), (4, 4), 1)[0, :, 0].tolist() == expected
    assert np.asarray(from_array(ramp / 65535))[0].tolist() == expected


def test_exif_orientation():
    image = Image.new("RGB", (16, 8))
    image.paste(RED, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x112] = 6  # turned by a quarter
    upright = open_picture(encoded(image, "PNG", exif=exif))
    assert upright.size == (8, 16)
    assert upright.getpixel((4, 2)) == RED
    assert upright.getpixel((4, 14)) == (0, 0, 0)


def test_fits():
    image = Image.new("RGB", (32, 16))
    image.paste(RED, (8, 0, 24, 16))
    data = encoded(image)
    assert (read_picture(data, (16, 16)) == RED).all()  # the middle
    padded = read_picture(data, (16, 16), fit="pad")
    assert padded[0, 8].tolist() == [255, 255, 255]
    assert padded[8, 8].tolist() == list(RED)
    stretched = read_picture(data, (16, 16), fit="stretch")
    assert stretched[8, 0].tolist() == [0, 0, 0]
    assert stretched[8, 8].tolist() == list(RED)


def test_a_large_jpeg_is_decoded_at_a_fraction():
    data = encoded(plain(size=(640, 480)), "JPEG")
    assert open_picture(data).size == (640, 480)
    width, height = open_picture(data, least=(64, 64)).size
    assert 64 <= height < 480
    assert 64 <= width < 640


WRONG = {
    "empty.png": (b"", "is empty"),
    "text.jpg": (b"no picture\n", "is not a picture but a text file"),
    "page.jpg": (b"<!DOCTYPE html><html></html>", "a web page"),
    "half.png": (encoded(Image.effect_noise((64, 64), 50))[:-900], "is truncated or damaged"),
    "dot.png": (encoded(plain(size=(1, 1))), "1 × 1 pixels"),
    "large.png": (encoded(Image.new("1", (20_000, 20_000))), "more than 100,000,000 pixels"),
    "wide.png": (encoded(Image.new("1", (11_000, 10_000))), "11,000 × 10,000 pixels, more than the limit"),
    "drawing.eps": (encoded(plain(), "EPS"), "PostScript"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name, tmp_path):
    content, reason = WRONG[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_picture(path, (8, 8))
    assert str(error.value).startswith(str(path))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_arrays_refused():
    for wrong in (np.zeros((2, 2, 5)), np.full((4, 4), np.nan), np.full((4, 4), 300.0), np.full((4, 4), -1)):
        with pytest.raises(DataError, match=re.escape("x ")):
            from_array(wrong, "x")
