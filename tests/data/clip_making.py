"""Clips for tests: frames with a number that can be read back, as files of several kinds."""

from fractions import Fraction

import numpy as np
from PIL import Image

SHADES = 12  # grey values between two numbers


def numbered(count, size=(32, 48)):
    """Return frames ``(T, h, w, 3)``: frame n has the grey value 12 n, and its upper left corner is red."""
    frames = np.zeros((count, *size, 3), np.uint8)
    frames[:] = (np.arange(count) * SHADES % 256)[:, None, None, None]
    frames[:, : size[0] // 4, : size[1] // 4] = (250, 0, 0)
    return frames


def numbers(frames):
    """Return the numbers of frames, read from their lower right corner."""
    return [round(float(np.asarray(frame)[-8:, -8:].mean()) / SHADES) for frame in frames]


def save_video(path, frames, rate=10, codec="mpeg4", times=None, turned=None, muxer=None):
    """Write a video; ``times``: of each frame, in units of 1 / rate; ``turned``: degrees of its display matrix."""
    import av

    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.bit_rate = 4_000_000
        if turned is not None:
            stream.set_display_rotation(turned)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = (number if times is None else times[number]), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def save_sound(path):
    """Write a file with sound only."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def save_gif(path, frames, milliseconds=100):
    """Write an animation."""
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path


def save_folder(path, frames, names=None):
    """Write a folder of frames."""
    path.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / (names[number] if names else f"{number + 1}.png"))
    return path
