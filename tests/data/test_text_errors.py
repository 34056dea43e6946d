"""Error rates of lines with known errors."""

from unrolled.data.text_errors import by_group, error_rates, total

PAIRS = [("Das Haus", "das Hauss"), ("स्थिति", "स्थित"), ("abc", ""), ("same line", "same line")]


def test_counts_of_one_line():
    line = error_rates(*PAIRS[0])
    assert (line.insertions, line.deletions, line.substitutions, line.characters) == (1, 0, 1, 8)
    assert line.character_rate == 2 / 8
    assert line.folded_rate == 1 / 8
    assert line.word_rate == 1.0
    assert line.exact_share == 0.0
    assert line.confusions == {("D", "d"): 1, ("", "s"): 1}


def test_clusters_are_counted_as_letters():
    line = error_rates(*PAIRS[1])
    assert (line.characters, line.errors, line.clusters, line.cluster_errors) == (6, 1, 2, 1)


def test_more_than_a_hundred_per_cent():
    assert error_rates("a", "bcd").character_rate == 3.0
    assert error_rates("", "ab").character_rate == 2.0
    assert error_rates("", "").character_rate == 0.0


def test_sums_are_over_all_lines_before_the_division():
    lines = [error_rates(*pair) for pair in PAIRS]
    found = total(lines)
    assert (found.lines, found.exact_lines) == (4, 1)
    assert found.character_rate == (2 + 1 + 3) / (8 + 6 + 3 + 9)
    assert found == lines[0] + lines[1] + lines[2] + lines[3]
    assert found.most_confused(2) == [("", "s", 1), ("D", "d", 1)]
    groups = by_group(lines, ["b", "a", "b", "b"])
    assert list(groups) == ["a", "b"]
    assert groups["b"].characters == 20
    assert groups["a"] + groups["b"] == found


def test_case_only():
    line = error_rates("ABC", "abc")
    assert (line.exact_share, line.exact_folded_share, line.folded_rate) == (0.0, 1.0, 0.0)
