"""Files of captions in every form, the split by picture, and pictures without captions."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrolled.data.caption_files import FORMS, read_captions
from unrolled.data.caption_sets import fraction_of, open_captions, part_of
from unrolled.data.generated_scenes import COLOURS, SHAPES, UNSEEN, scenes
from unrolled.errors import DataError

WANTED = {"a.jpg": ["A dog, running.", "A dog"], "b.jpg": ['Two "cats" sit']}

KARPATHY = {
    "images": [
        {"filename": "a.jpg", "split": "restval", "sentences": [{"raw": "A dog, running."}, {"raw": "A dog"}]},
        {"filename": "b.jpg", "split": "val", "sentences": [{"raw": 'Two "cats" sit'}]},
    ]
}
COCO = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
    "annotations": [
        {"image_id": 7, "caption": "A dog, running."},
        {"image_id": 9, "caption": 'Two "cats"  sit\n'},
        {"image_id": 7, "caption": "A dog"},
    ],
}
LINES = [{"image": "a.jpg", "captions": WANTED["a.jpg"]}, {"image": "b.jpg", "caption": WANTED["b.jpg"][0]}]
FILES = {
    "karpathy": json.dumps(KARPATHY, indent=1),
    "coco": json.dumps(COCO),
    "flickr": 'a.jpg#0\tA dog, running.\na.jpg#1\tA dog\nb.jpg#0\tTwo "cats" sit\n',
    "csv": 'image,caption\na.jpg#0,A dog, running.\na.jpg,A dog\nb.jpg,"Two ""cats"" sit"\n',
    "jsonl": "".join(json.dumps(line) + "\n" for line in LINES),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised_and_read(tmp_path, form):
    path = tmp_path / "captions"
    path.write_text(FILES[form])
    found = read_captions(path)
    assert found.captions == WANTED
    assert FORMS[form] in found.how
    assert found.parts == ({"a.jpg": "train", "b.jpg": "valid"} if form == "karpathy" else {})


def test_flickr30k_has_bars_and_numbers(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("image_name| comment_number| comment\na.jpg| 0| A dog | running\na.jpg| 1| A dog\n")
    assert read_captions(path).captions == {"a.jpg": ["A dog | running", "A dog"]}


@pytest.mark.parametrize(
    "text",
    [
        "to be or not to be\n",
        "",
        '{"images": []}',
        '{"a": 1',
        "[1, 2]",
        "x,y\n1,2\n",
        "image,caption\nonly-a-name\n",
        json.dumps({"images": [], "annotations": [{"image_id": 1, "bbox": [1]}]}),
        "[" * 100_000,
    ],
)
def test_other_files_are_refused_with_their_name(tmp_path, text):
    path = tmp_path / "other.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"other\.txt") as caught:
        read_captions(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_form_lists_the_forms(tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("some text\n")
    with pytest.raises(DataError) as caught:
        read_captions(path)
    assert all(title in str(caught.value) for title in FORMS.values())


def folder_of_pictures(folder: Path, count: int) -> Path:
    (folder / "Images").mkdir(parents=True)
    rows = ["image,caption"]
    for n in range(count):
        Image.fromarray(np.full((20, 24, 3), n, np.uint8)).save(folder / "Images" / f"{n}.png")
        rows += [f"{n}.png,a picture of {n}", f"{n}.png,the number {n}"]
    (folder / "captions.txt").write_text("\n".join([*rows, "gone.png,no picture"]))
    Image.new("RGB", (8, 8)).save(folder / "Images" / "bare.png")
    return folder / "captions.txt"


def test_the_split_is_by_picture_and_the_rest_is_counted(tmp_path):
    data = str(folder_of_pictures(tmp_path, 40))
    sets = open_captions(data)
    parts = [sets.train, sets.valid, sets.test]
    assert sorted(name for part in parts for name in part.names) == sorted(f"{n}.png" for n in range(40))
    assert all(len(captions) == 2 for part in parts for captions in part.captions)
    assert any("1 pictures with captions are not in" in note and "gone.png" in note for note in sets.notes)
    assert any("have no caption: bare.png" in note for note in sets.notes)
    assert open_captions(data).digest() == sets.digest()


def test_folds_are_disjoint_and_depend_on_the_name_alone():
    names = [f"{n}.jpg" for n in range(500)]
    folds = [[name for name in names if part_of(name, (0.8, 0.1, 0.1), 5, k) == "test"] for k in range(5)]
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert min(map(len, folds)) > 70
    assert fraction_of("folder/a.jpg") == fraction_of("a.jpg")


def test_captions_without_any_picture_are_an_error(tmp_path):
    (tmp_path / "captions.txt").write_text("image,caption\na.jpg,a dog\n")
    with pytest.raises(DataError, match=r"no picture of .*captions\.txt, such as a\.jpg.*--images"):
        open_captions(str(tmp_path / "captions.txt"))


def test_scenes_are_what_their_captions_say():
    train, unseen = scenes("train", 200), scenes("unseen", 50)
    for part, held in ((train, False), (unseen, True)):
        for picture, captions, named in zip(part.pictures, part.captions, part.named, strict=True):
            pairs = set()
            for caption, objects in zip(captions, named, strict=True):
                for n, box in enumerate(objects.boxes):
                    own = [w for w, of in zip(caption.split(), objects.of, strict=True) if of == n]
                    colour, shape = own
                    left, top, right, bottom = (round(48 * v) for v in box)
                    middle = picture[(top + bottom) // 2, (left + right) // 2]
                    assert tuple(middle) == COLOURS[colour]
                    assert shape in SHAPES
                    pairs.add((colour, shape))
            assert bool(pairs & UNSEEN) == held
    assert np.array_equal(scenes("train", 3).pictures, train.pictures[:3])
    assert all("left of" in caption or "above" in caption for (caption,) in train.captions)
