"""Clips of a stick figure: labels and sentence agree with each other and with what is to be seen."""

import re
from itertools import groupby, pairwise

import numpy as np
import pytest

from unrolled.data import generated_actions
from unrolled.data.generated_actions import ACTIONS, VERBS, clip, figure, scene
from unrolled.data.stick_figures import GROUND, SIDE

CLIPS = range(60)


def test_a_clip_is_a_function_of_seed_and_number():
    frames, labels, sentence = clip(1, 7)
    again = clip(1, 7)
    assert np.array_equal(frames, again.frames)
    assert (labels, sentence) == again[1:]
    assert frames.dtype == np.uint8
    assert frames.shape == (len(labels), SIDE, SIDE, 1)
    assert clip(2, 7).sentence != sentence


def test_the_sentence_names_the_actions_of_the_labels_in_order():
    action = {verb: name for name, verb in VERBS.items()}
    for number in CLIPS:
        shown = scene(1, number)
        names = [name for name, _ in groupby(shown.labels())]
        said = shown.sentence().removeprefix("a figure ")
        said = [re.sub(" to the (left|right)", "", each) for each in re.split(", then | and |, ", said)]
        assert [action[each] for each in said] == names
        assert 2 <= len(names) <= 4
        assert names[0] != "rise"
        assert all(after == "rise" for before, after in pairwise(names) if before == "fall")
        assert all(before == "fall" for before, after in pairwise(names) if after == "rise")


def test_all_actions_occur():
    assert {label for number in CLIPS for label in scene(1, number).labels()} == set(ACTIONS)


def test_the_figure_moves_where_the_sentence_says_and_stays_in_the_picture():
    moved = 0
    for number in CLIPS:
        shown = scene(1, number)
        at, places = 0, figure(shown)
        for part in shown.parts:
            way = places[at + part.frames - 1, 2, 0] - places[at, 2, 0]
            if part.action in ("walk", "run"):
                assert (way > 3) == (part.words().endswith("right"))
                assert (way < -3) == (part.words().endswith("left"))
                moved += 1
            elif part.action in ("stand", "jump", "wave", "squat"):
                assert abs(way) < 3
            at += part.frames
        assert places[:, 2, 0].min() > 4
        assert places[:, 2, 0].max() < SIDE - 4
        assert places[:, :, 1].min() > 3
        assert places[:, :, 1].max() == pytest.approx(GROUND)
    assert moved > 20


def test_joints_move_smoothly():
    """From frame to frame, also between two actions, the hip moves by a few pixels and hands less than a limb."""
    for number in CLIPS:
        places = figure(scene(1, number))
        assert np.linalg.norm(np.diff(places, axis=0), axis=2).max() < 16
        assert np.linalg.norm(np.diff(places[:, 2], axis=0), axis=1).max() < 6


@pytest.mark.parametrize("number", [0, 4, 9])
def test_what_is_drawn_is_the_figure(number):
    shown, frames = scene(1, number), clip(1, number).frames[..., 0].astype(float)
    bright = (frames - shown.ground - 12) > 0.5 * (shown.grey - shown.ground)
    for picture, places in zip(bright, figure(shown), strict=True):
        rows, columns = np.nonzero(picture)
        assert 40 < picture.sum() < 250
        assert abs(columns.mean() - places[:, 0].mean()) < 6
        middle = (places[1] + places[2]) / 2  # of the body
        assert picture[int(middle[1]), int(middle[0])]
        assert rows.max() <= SIDE - 1


def test_clips_are_drawn_once_and_have_their_scenes(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(generated_actions, "SIZES", {"valid": 3})
    frames, scenes = generated_actions.actions("valid")
    monkeypatch.setattr(generated_actions, "clip", None)
    again, _ = generated_actions.actions("valid")
    assert len(frames) == len(scenes) == 3
    for number, clip_frames in enumerate(again):
        assert np.array_equal(clip_frames, clip(2, number).frames)
        assert len(clip_frames) == len(scenes[number].labels())
