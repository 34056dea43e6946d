"""A path that does not exist: files beside it with similar names."""

import pytest

from unrolled.data.bitext_sets import open_bitext
from unrolled.data.labelled_sets import existing_path
from unrolled.data.near import missing
from unrolled.data.tagged import Source
from unrolled.errors import DataError


def test_files_and_named_sets(tmp_path, monkeypatch):
    (tmp_path / "tickets.csv").write_text("")
    monkeypatch.chdir(tmp_path)
    for spec in ("ticket.csv", f"{tmp_path}/ticket.csv"):
        near = repr(spec.replace("ticket.csv", "tickets.csv"))
        for read in (existing_path, open_bitext, lambda spec: Source(spec).read()):
            with pytest.raises(DataError, match=rf"does not exist; did you mean {near}\?; give a"):
                read(spec)
    assert "did you mean 'sst2'?" in str(missing("file", "sst", ["sst2", "trec"]))
    assert "did you mean" not in str(missing("file", "\0" * 3000, ["sst2"]))
