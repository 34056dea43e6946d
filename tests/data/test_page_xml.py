"""Lines of ALTO and PAGE XML, cut out of the picture of their page."""

import numpy as np
import pytest
from line_making import line, save

from unrolled.data.line_sets import LineLayout, read_lines
from unrolled.data.page_xml import PageLine, read_page
from unrolled.errors import DataError

SMALL = LineLayout(height=24)
ALTO = """<?xml version="1.0"?><alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation><fileName>C:\\scans\\p.png</fileName>
</sourceImageInformation></Description><Layout><Page WIDTH="200" HEIGHT="100"><PrintSpace><TextBlock>
<Shape><Polygon POINTS="0,0 9,9 9,0"/></Shape>
<TextLine HPOS="10" VPOS="5" WIDTH="96" HEIGHT="24"><String CONTENT="a&amp;b"/><SP/>
<String CONTENT="c"/><HYP CONTENT="-"/>
</TextLine><TextLine HPOS="0" VPOS="0" WIDTH="1" HEIGHT="1"><Shape><Polygon POINTS="10 60 106 60 106 84 10 84"/></Shape>
<String CONTENT="two"/><String CONTENT="words"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>"""
PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page imageFilename="p.png"
 imageWidth="100" imageHeight="50"><TextRegion><Coords points="0,0 1,1 2,2"/><TextLine id="l">
<Coords points="5,2.5 53,2.5 53,14.5 5,14.5"/><Word><TextEquiv><Unicode>no</Unicode></TextEquiv></Word>
<TextEquiv index="1"><Unicode>second</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>fi\u0301rst</Unicode></TextEquiv>
</TextLine><TextLine><Coords>
<Point x="5" y="30"/><Point x="53" y="30"/><Point x="53" y="42"/><Point x="5" y="42"/></Coords>
<Word><TextEquiv><Unicode>of</Unicode></TextEquiv></Word><Word><TextEquiv><Unicode>words</Unicode></TextEquiv></Word>
</TextLine><TextLine><Coords points="0,0 5,0 5,5"/></TextLine></TextRegion></Page></PcGts>"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path_factory.mktemp("cache")))


def page():
    """A page of 200 × 100 pixels with two lines."""
    pixels = np.full((100, 200), 255, np.uint8)
    pixels[5:29, 10:106], pixels[60:84, 10:106] = line(seed=1), line(seed=2)
    return pixels


@pytest.mark.parametrize(("xml", "texts"), [(ALTO, ["a&b c-", "two words"]), (PAGE, ["fírst", "of words"])])
def test_lines_are_cut_out_of_their_page(tmp_path, xml, texts):
    save(tmp_path / "p.png", page())
    (tmp_path / "page").mkdir()
    for place in (tmp_path / "p.xml", tmp_path / "page" / "q.xml"):  # Transkribus: in a folder beside the picture
        place.write_text(xml, encoding="utf-8")
        lines, _ = read_lines(str(place), SMALL)
        assert lines.texts == texts
        assert np.array_equal(lines[0], line(seed=1))
        assert np.array_equal(lines[1], line(seed=2))
    (tmp_path / "page" / "q.xml").unlink()
    (tmp_path / "p.txt").write_text("the text of the whole page")
    whole, _notes = read_lines(str(tmp_path), SMALL)
    assert whole.texts == texts
    assert whole.names[0] == "p.xml, line 1"


def test_outside_of_an_outline_is_paper(tmp_path):
    pixels = page()
    pixels[5:29, 60:70] = 0
    save(tmp_path / "p.png", pixels)
    (tmp_path / "p.xml").write_text(ALTO.replace("10 60 106 60 106 84 10 84", "10,5 58,5 58,29 106,29 106,28 10,28"))
    lines, _ = read_lines(str(tmp_path / "p.xml"), SMALL)
    assert lines[1][4:20, 50:60].min() == 255
    assert lines[0][4:20, 50:60].max() == 0


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><alto><x>&b;</x></alto>', "has a document type, which may define entities"),
        ("<alto><Layout>", "not well-formed XML"),
        ("<html/>", "not ALTO or PAGE XML: its first element is html"),
        ("<alto>" + "<a>" * 200, "elements within each other"),
        (ALTO.replace("pixel", "mm10"), "coordinates in mm10; export it with the unit pixel"),
        (ALTO.replace('HPOS="10"', 'HPOS="nan"'), "'nan' where a number was expected"),
        (PAGE.replace("0,0 5,0 5,5", "0,0 5"), "odd number of coordinates"),
    ],
)
def test_refused(xml, message):
    with pytest.raises(DataError, match=message):
        read_page(xml.encode(), "p.xml")


def test_a_page_without_its_picture_or_with_lines_outside_it(tmp_path):
    (tmp_path / "p.xml").write_text(ALTO)
    with pytest.raises(DataError, match=r"p\.xml needs the picture of its page, p\.png, beside it"):
        read_lines(str(tmp_path), SMALL)
    save(tmp_path / "p.png", page())
    (tmp_path / "p.xml").write_text(ALTO.replace('HPOS="10"', 'HPOS="500"'))
    with pytest.raises(DataError, match="line 1 lies outside its page of 200 × 100 pixels"):
        read_lines(str(tmp_path), SMALL)


def test_words_that_touch_are_not_separated_if_the_file_has_no_spaces():
    words = "".join(f'<String CONTENT="{text}" HPOS="{left}" WIDTH="{width}"/>'
                    for text, left, width in (("worden", 684, 120), (";", 804, 13), ("so", 836, 26)))  # fmt: skip
    assert read_page(f"<alto><TextLine>{words}</TextLine></alto>".encode(), "p").lines[0].text.split() == [
        "worden;",
        "so",
    ]


def test_pictures_in_another_folder_of_a_workspace(tmp_path):
    save(tmp_path / "IMG" / "p.png", page())
    (tmp_path / "GT-PAGE").mkdir()
    (tmp_path / "GT-PAGE" / "0001.xml").write_text(PAGE.replace("p.png", "IMG/p.png"), encoding="utf-8")
    lines, _ = read_lines(str(tmp_path), SMALL)
    assert np.array_equal(lines[1], line(seed=2))


def test_a_line_without_text_is_read_as_such():
    assert read_page(PAGE.encode(), "p").lines[2] == PageLine("", ((0, 0), (5, 0), (5, 5)))
