"""The documentation site is refused with a broken link or anchor, a page that needs a network, or a missing name."""

import re
import runpy
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, PluginError

ROOT = Path(__file__).parents[1]
HOOKS = runpy.run_path(str(ROOT / "tools" / "site_hooks.py"))


@pytest.mark.parametrize(
    ("text", "nav", "builds"),
    [
        ("# Page\n\n[a section](b.md#part)\n", ["a.md", "b.md"], True),
        ("[none](c.md)\n", ["a.md", "b.md"], False),
        ("[none](b.md#none)\n", ["a.md", "b.md"], False),
        ("[none](/b.md)\n", ["a.md", "b.md"], False),
        ("![none](c.png)\n", ["a.md", "b.md"], False),
        ("text\n", ["a.md"], False),
        ("text\n", ["a.md", "b.md", "c.md"], False),
    ],
)
def test_broken_links_and_pages_outside_the_navigation_fail_the_build(text, nav, builds, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text(text)
    (docs / "b.md").write_text("# B\n\n## Part\n")
    own = {"docs_dir": str(docs), "site_dir": str(tmp_path / "site"), "nav": nav, "plugins": [], "hooks": []}
    config = load_config(str(ROOT / "mkdocs.yml"), **own, theme={"name": "mkdocs"})
    if builds:
        build(config)
        assert 'href="b.html#part"' in (tmp_path / "site" / "a.html").read_text()
    else:
        with pytest.raises(Abort, match="strict mode"):
            build(config)


@pytest.mark.parametrize(
    ("uri", "link", "moved"),
    [
        ("adding-a-task.md", "../examples/own_task.py", "examples/own_task.py"),
        ("tutorial/deploy.md", "../../examples/hello.py", "../examples/hello.py"),
        ("tutorial/deploy.md", "../glossary.md", "../glossary.md"),
        ("changelog.md", "docs/memory.md#figures", "memory.md#figures"),
        ("changelog.md", "examples", "examples/index.md"),
        ("examples/index.md", "hello.py", "hello.py"),
        ("examples/index.md", "../docs/lab/unroll.md", "../lab/unroll.md"),
        ("index.md", "../CONTRIBUTING.md", "contributing.md"),
        ("index.md", "../native/team.h", "../native/team.h"),
        ("index.md", "https://host.example/a.md", "https://host.example/a.md"),
    ],
)
def test_links_of_pages_from_outside_docs_lead_to_their_places_on_the_site(uri, link, moved):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=uri))
    assert HOOKS["on_page_markdown"](f"a [b]({link}) c", page, None, None) == f"a [b]({moved}) c"


@pytest.mark.parametrize(
    ("html", "loads"),
    [
        ('<script src="https://host.example/a.js"></script>', True),
        ('<link rel="stylesheet" href="//host.example/a.css">', True),
        ('<img alt="a" src=http://host.example/a.png>', True),
        ('<script src="assets/a.js"></script><a href="https://host.example/">a link</a>', False),
    ],
)
def test_page_that_loads_from_another_host_is_refused(html, loads):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md"))
    if loads:
        with pytest.raises(PluginError, match=r"a\.md loads .*host\.example"):
            HOOKS["on_post_page"](html, page, None)
    else:
        assert HOOKS["on_post_page"](html, page, None) == html


def test_public_names_are_those_of_all_where_they_are_defined():
    public = HOOKS["public"]
    package = ROOT / "src" / "unrolled"
    layers = ["dropin.GRU", "dropin.LSTM", "dropin.RNN", "convolutional.ConvGRU", "convolutional.ConvLSTM"]
    ours = [f"unrolled.layers.{name}" for name in (*layers, "ctc.CTCLoss", "ctc.ctc_loss")]
    assert sorted(public(package / "nn.py")) == sorted(ours)
    assert {"unrolled.cells", "unrolled.api.train", "unrolled.scan.scan"} <= {*public(package / "__init__.py")}
    assert {"unrolled.cells.CELLS", "unrolled.cells.base.Cell"} <= {*public(package / "cells" / "__init__.py")}


def test_public_name_without_a_heading_is_refused(tmp_path):
    lines = b"unrolled.cells.base.Cell py:class 1 api/cells.html#$ -\n"
    (tmp_path / "objects.inv").write_bytes(b"# 1\n# 2\n# 3\n# 4\n" + zlib.compress(lines))
    with pytest.raises(PluginError, match=r"docs/api/ lacks .*unrolled\.api\.train"):
        HOOKS["on_post_build"](SimpleNamespace(site_dir=str(tmp_path)))


def test_no_page_of_the_api_shows_its_title_twice():
    for path in sorted((ROOT / "docs" / "api").glob("*.md")):
        title, *directives = re.findall(r"^(?:# |::: )(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if "show_root_heading: false" in path.read_text(encoding="utf-8"):
            assert len(directives) == 1, f"{path}: several modules, so each needs its heading"
        else:
            assert title not in directives, f"{path}: its title is shown again as the heading of the module"
