"""Units beside random ones: rises against clamped passes, their errors against what is known of means."""

import json

import numpy as np
import pytest
from small_models import handle, some_text

from unrolled.analysis.ablation import ablation, stretches_of
from unrolled.analysis.bootstrap import resampled
from unrolled.analysis.clamp import clamp
from unrolled.analysis.control import controlled, groups_of, random_others
from unrolled.analysis.text_windows import as_split, means, token_kind
from unrolled.analysis.unit_names import NamedUnit
from unrolled.errors import ArgumentError


def test_means_of_a_text_drawn_anew_spread_as_means_do():
    draw = np.random.default_rng(1)
    sums, counts = draw.normal(3.0, 2.0, (400, 2)), np.ones((400, 2), dtype=np.int64)
    found = resampled(sums, counts, draws=4000, seed=2)
    assert found.shape == (4000, 2)
    np.testing.assert_allclose(found.mean(0), sums.mean(0), atol=0.01)
    np.testing.assert_allclose(found.std(0), sums.std(0) / 20, rtol=0.05)
    assert np.array_equal(found, resampled(sums, counts, draws=4000, seed=2))
    assert not np.array_equal(found, resampled(sums, counts, draws=4000, seed=3))


def test_stretches_count_by_how_much_is_in_them():
    counts = np.array([[1], [10], [100], [3]])
    np.testing.assert_allclose(resampled(2.5 * counts, counts)[:, 0], 2.5)  # whichever are drawn
    assert resampled(np.zeros((3, 1)), np.zeros((3, 1), dtype=np.int64)).tolist() == [[0.0]] * 1000


@pytest.mark.parametrize(("leaf", "value"), [("h", 0.0), ("c", 0.4), ("h", "mean")])
def test_rises_are_those_of_clamped_passes(leaf, value):
    trained, text = handle(), some_text(2600)
    split = as_split(trained, text)
    units = [NamedUnit(1, 0, unit, leaf) for unit in (2, 5)]
    others = random_others(trained, units, 3, seed=1)
    found = controlled(trained, split, units, others, value=value)
    assert found.place == f"layer 2 {leaf}"
    assert found.kinds == ["letter", "newline", "space", "all"] or found.kinds == ["letter", "space", "newline", "all"]
    assert found.counts[-1] == 2599 == found.counts[:-1].sum()
    held = (
        means(trained, text, 1, leaf=leaf) if value == "mean" else dict.fromkeys([u.key for u in units + others], value)
    )

    def losses():
        result = ablation(trained, text, [], classes=token_kind)
        return [*(result.baseline[result.classes.index(kind)] for kind in found.kinds[:-1]), result.whole_baseline]

    baseline = np.array(losses())
    np.testing.assert_allclose(found.baseline, baseline, atol=1e-6)
    for unit, rises, at in zip(units + others, [*found.rises, *found.other_rises], found.held, strict=True):
        assert at == held[unit.key]
        with clamp(trained.model, {unit.key: at}, leaf=leaf):
            np.testing.assert_allclose(rises, losses() - baseline, atol=1e-5)
    low, high = found.ranges
    assert (low <= found.rises).all()
    assert (found.rises <= high).all()
    assert (high - low)[:, -1].min() > 0
    np.testing.assert_allclose(found.mean, found.other_rises.mean(0))
    assert found.above[1, 0] == sum(rises[0] < found.rises[1, 0] for rises in found.other_rises)
    told = json.loads(json.dumps(found.as_json()))
    assert told["units"][1]["unit"] == f"layer 2 {leaf}[5]"
    assert [one["value"] for one in told["units"] + told["random"]] == found.held


def test_a_unit_that_nothing_reads_does_not_matter():
    trained, text = handle("rnn", num_layers=1), some_text(1200)
    cell = next(trained.model.stack.cells)
    cell.weight_hh.data[:, 3] = 0
    trained.model.head.weight.data[:, 3] = 0
    unit = NamedUnit(0, 0, 3, "h")
    found = controlled(trained, as_split(trained, text), [unit], random_others(trained, [unit], 30))
    np.testing.assert_allclose(found.rises, 0, atol=1e-6)
    assert len(found.others) == 6  # there are no more
    assert np.abs(found.other_rises[:, -1]).min() > 1e-3


def test_classes_by_place():
    trained, text = handle(), some_text(1500)
    split = as_split(trained, text)
    first = ["early" if n < 700 else "late" for n in range(1500)]
    found = controlled(trained, split, [NamedUnit(0, 0, 1, "h")], classes=first, lanes=2)
    assert dict(zip(found.kinds, found.counts.tolist(), strict=True)) == {"late": 800, "early": 699, "all": 1499}
    early, whole = (ablation(trained, part, [(0, 0, 1)]) for part in (text[:700], text))
    rise = found.rises[0, found.kinds.index("early")]
    assert rise == pytest.approx(float(early.whole[0] - early.whole_baseline), abs=1e-5)
    assert found.rises[0, -1] == pytest.approx(float(whole.whole[0] - whole.whole_baseline), abs=1e-3)
    assert found.other_rises.shape == (0, 3)
    with pytest.raises(ArgumentError, match="classes must be one for each of 1500 tokens, got 3"):
        controlled(trained, split, [NamedUnit(0, 0, 1, "h")], classes=["a", "b", "c"])


def test_stretches_and_groups():
    trained = handle()
    assert [stretches_of(as_split(trained, some_text(n))) for n in (2, 999, 1000, 10_000, 90_000)] == [1, 1, 2, 20, 100]
    a, b, c = NamedUnit(0, 0, 1, "h"), NamedUnit(0, 0, 1, "c"), NamedUnit(0, 0, 3, "h")
    assert list(groups_of([a, b, c, a])) == [[a, c], [b]]
    others = random_others(trained, [a, c], 4, seed=5)
    assert len(set(others)) == 4
    assert {one.unit for one in others} <= {0, 2, 4, 5, 6}
    assert others == random_others(trained, [a, c], 4, seed=5)
    assert {tuple(random_others(trained, [a], 3, seed)) for seed in range(9)} != {tuple(others)}


def test_progress_reaches_the_end():
    trained, told = handle(), list[int]()
    units = [NamedUnit(0, 0, 1, "h"), NamedUnit(0, 0, 2, "h")]
    controlled(trained, as_split(trained, some_text(900)), units, progress=told.append, lanes=3)
    assert told == sorted(told)
    assert told[-1] == 3 * 899
