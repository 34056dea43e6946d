"""Everything that one can do on the page, done by a browser in front of a server, with runs that were trained."""

from __future__ import annotations

import base64
import re
import time

import httpx
import numpy as np
import pytest

for needed in ("fastapi", "uvicorn", "playwright.sync_api"):
    pytest.importorskip(needed, reason=f"the page is tested with {needed.split('.')[0]}, which is not installed")

import served  # noqa: E402
from browsers import ARGUMENTS, CHROMIUM, HOSTILE, SECONDS, Server, Watch, story, train_lm, train_translator  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

if not CHROMIUM.exists():
    pytest.skip("the page is tested with Chromium, which is not installed", allow_module_level=True)

TEXT = story(190)
UNIT = {"recurrence": "layers.0.0", "gate": "h", "index": 0}
expect.set_options(timeout=1000 * SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def writer(folder):
    """A language model's server."""
    server = Server(train_lm(folder, TEXT))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def translator(folder):
    """A translator's server."""
    server = Server(train_translator(folder))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a server's page; whatever the browser complains about in the meantime fails the test."""
    opened = []

    def visit(server, hash="#unit=layers.0.0/h/0", width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        watch = Watch(page, server.address)
        opened.append((context, watch))
        page.goto(f"{server.address}/{hash}")
        page.wait_for_selector("body[data-ready]")
        page.watch = watch
        return page

    yield visit
    for context, _ in opened:
        context.close()
    assert [one for _, watch in opened for one in watch.complaints()] == []


def ask(server, path, **params):
    got = httpx.get(server.address + path, params=params, timeout=SECONDS)
    assert got.status_code == 200, got.text
    return got.json()


def unpacked(values):
    return np.frombuffer(base64.b64decode(values), dtype=np.uint8)


def colours(page):
    """Of each character in the text: −1 strongly blue, 1 strongly red, 0 neither."""
    return np.array(page.evaluate(
        "[...document.querySelectorAll('#text > span')].map(s => s.classList.contains('strong-high') ? 1"
        " : s.classList.contains('strong-low') ? -1 : 0)"
    ))  # fmt: skip


def expected_colours(server, name, gate, index, n):
    got = ask(server, "/api/values", recurrence=name, gate=gate, index=index, begin=0, end=1600)
    share = (unpacked(got["values"])[:n].astype(float) - 128) / 127
    return np.where(unpacked(got["values"])[:n] == 0, 0, np.where(share > 0.6, 1, np.where(share < -0.6, -1, 0)))


def wait_for_units(page):
    page.wait_for_selector("#found tbody tr")
    page.wait_for_selector("#units [role=option]")


def order(page):
    """The units in the grid, from the top."""
    return page.evaluate(
        "[...document.querySelectorAll('#units [role=option]')].map(o => +o.firstChild.textContent.match(/\\d+/)[0])"
    )


def rows(page):
    """The names of the hypotheses in the table."""
    return page.evaluate("[...document.querySelectorAll('#found tbody tr')].map(row => row.dataset.name)")


def hash_of(page):
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def until(page, script, arg=None):
    """Waits for it (the browser's own waiting evaluates text, which the page's policy forbids)."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(script, arg):
        assert time.monotonic() < end, f"never true: {script}"
        page.wait_for_timeout(20)


def test_strips_loaded_while_the_pane_is_hidden_are_of_the_visible_text(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    where = page.inner_text("#grid-where")
    assert where.startswith("characters 1 to ")
    page.click("#tab-type")
    page.evaluate("""() => { const sort = document.getElementById('grid-sort');
        sort.value = ''; sort.dispatchEvent(new Event('change')); }""")
    until(page, "!document.getElementById('grid-where').textContent.includes('on the right')")
    page.click("#tab-text")
    assert where.startswith(page.inner_text("#grid-where"))


def test_a_unit_is_chosen_by_mouse_keys_and_hypothesis_and_colours_the_text(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    first = ask(writer, "/api/run")["recurrences"][0]["name"]
    page.select_option("#grid-sort", "")
    until(page, "document.querySelector('#units [role=option]').firstChild.textContent === '0'")

    page.click("#units [role=option] >> nth=3")
    expect(page.locator("#chosen")).to_have_text("layer 1 h[3]")
    expect(page.locator("#units [aria-selected=true]")).to_have_count(1)
    assert hash_of(page)["unit"] == f"{first}/h/3"
    page.wait_for_timeout(300)
    seen = colours(page)
    assert (seen == expected_colours(writer, first, "h", 3, len(seen))).all()
    assert len(seen) > 1300

    page.focus("#units")
    for key in ("Home", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#chosen")).to_have_text("layer 1 h[1]")
    page.focus("#text")
    page.keyboard.press("]")
    expect(page.locator("#chosen")).to_have_text("layer 1 h[2]")
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(page.locator("#chosen")).to_have_text("layer 1 h[0]")

    row = page.locator("#found tbody tr").nth(1)
    told = row.locator("td").nth(1).inner_text().removesuffix(" −")
    row.locator("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_have_text(told)
    assert page.input_value("#grid-sort") == row.get_attribute("data-name") == hash_of(page)["sort"]
    expect(page.locator("#known")).to_contain_text(f"“{row.get_attribute('data-name')}”")


def test_until_a_unit_is_chosen_it_is_the_best_of_the_first_hypothesis(writer, visit):
    page = visit(writer, hash="")
    wait_for_units(page)
    row = page.locator("#found tbody tr").first
    expect(page.locator("#chosen")).to_have_text(row.locator("td").nth(1).inner_text().removesuffix(" −"))
    assert hash_of(page)["sort"] == row.get_attribute("data-name")


def test_the_grid_is_filtered_by_layer_and_gate_and_sorted_by_hypothesis(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    run = ask(writer, "/api/run")["recurrences"][1]
    name = page.locator("#found tbody tr").first.get_attribute("data-name")
    page.select_option("#grid-layer", run["name"])
    page.select_option("#grid-gate", "o")
    expect(page.locator("#chosen")).to_have_text("layer 2 o[0]")  # with the number of the unit before
    page.select_option("#grid-sort", name)
    want = ask(writer, "/api/grid", recurrence=run["name"], gate="o", begin=0, end=300, sort=name, scale="own")
    until(page, "want => JSON.stringify([...document.querySelectorAll('#units [role=option]')].map(o =>"
          " +o.firstChild.textContent.match(/\\d+/)[0])) === JSON.stringify(want)", want["order"])  # fmt: skip
    assert sorted(want["order"]) == list(range(run["hidden_size"])) != want["order"]
    assert page.locator("#units [role=option] span:last-child").first.inner_text() == f"{want['scores'][0]:.2f}"
    assert page.evaluate("document.querySelector('#units [role=option] canvas').width") == 300

    # a strip's pixels are the unit's values: blue below the middle, red above it
    row = unpacked(want["values"])[:300].astype(int)
    pixels = np.array(page.evaluate(
        "(() => { const c = document.querySelector('#units [role=option] canvas');"
        " return [...c.getContext('2d').getImageData(0, 0, 300, 1).data] })()"
    )).reshape(300, 4)  # fmt: skip
    strong = (np.abs(row - 128) > 20) & (row > 0)
    assert strong.any()
    assert ((pixels[:, 0] > pixels[:, 2]) == (row > 128))[strong].all()


def test_the_cursor_tells_the_value_and_what_is_expected(writer, visit):
    page = visit(writer, height=560)
    page.wait_for_selector("#text > span")
    page.focus("#text")
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    first = ask(writer, "/api/run")["recurrences"][0]["name"]
    values = ask(writer, "/api/values", recurrence=first, gate="h", index=0, begin=0, end=10)
    value = np.frombuffer(base64.b64decode(values["raw"]), dtype="<f4")[2]  # also beyond the ends of the colour scale
    expect(page.locator("#tip p")).to_have_text(f"“{TEXT[2]}” {value:.3f}".replace("-", "−"))
    guesses = ask(writer, "/api/guesses", begin=2, end=3)
    best = guesses["symbols"][np.frombuffer(base64.b64decode(guesses["ids"]), dtype="<u2")[0]]
    shown = page.locator("#tip li code").all_inner_texts()
    assert shown[0] == {" ": "␣", "\n": "↵"}.get(best, best)
    assert 1 <= len(shown) <= 5
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    at = TEXT.index("\n", TEXT.index("\n") + 1)
    assert page.locator("#text [data-now]").get_attribute("data-at") == str(at)
    for _ in range(20):  # to lines that have to be scrolled to
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(150)
    expect(page.locator("#tip")).to_be_visible()
    assert page.evaluate("document.getElementById('text').scrollTop") > 0
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    page.hover("#text > span >> nth=5")
    expect(page.locator("#tip")).to_be_visible()
    page.wait_for_timeout(150)
    page.hover("#units [role=option] canvas >> nth=0", position={"x": 1, "y": 4})
    expect(page.locator("#text [data-now]")).to_have_attribute("data-at", "0")


def test_pages_jumps_and_the_scrubber_lead_through_the_text_and_an_address_leads_back(writer, visit):
    page = visit(writer)
    page.wait_for_selector("#text > span")
    begins = lambda: int(page.locator("#text > span").first.get_attribute("data-at"))  # noqa: E731
    end = int(page.locator("#text > span").last.get_attribute("data-at")) + 1
    assert begins() == 0
    assert TEXT[end - 1] == "\n"
    page.click("#text-on")
    expect(page.locator("#text > span").first).to_have_attribute("data-at", str(end))
    page.focus("#text")
    page.keyboard.press("PageUp")
    expect(page.locator("#text > span").first).to_have_attribute("data-at", "0")
    place = len(TEXT) - 5
    page.fill("#jump-to", str(place + 1))
    page.press("#jump-to", "Enter")
    expect(page.locator("#text [data-now]")).to_have_attribute("data-at", str(place))
    expect(page.locator("#where")).to_contain_text(f"of {len(TEXT):,}")
    expect(page.locator("#text-on")).to_be_disabled()
    page.evaluate("(() => { const s = document.getElementById('scrubber'); for (const n of [1, 2, 1, 0]) {"
                  " s.value = n; s.dispatchEvent(new Event('input')) } })()")  # fmt: skip
    expect(page.locator("#text > span").first).to_have_attribute("data-at", "0")

    page.click("#units [role=option] >> nth=4")
    page.fill("#jump-to", "3900")
    page.press("#jump-to", "Enter")
    expect(page.locator("#text [data-now]")).to_have_attribute("data-at", "3899")
    again = visit(writer, page.evaluate("location.hash"))
    expect(again.locator("#chosen")).to_have_text("layer 1 h[4]")
    again.wait_for_selector("#text > span[data-at='3899']")


def test_units_are_compared_with_untrained_networks_and_that_can_be_stopped(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    expect(page.locator("#score-state")).to_have_text("candidates, not compared with untrained networks")
    shown = [one for one in ask(writer, "/api/hypotheses")["hypotheses"] if one["explains"]]
    expect(page.locator("#found td:text-is('candidate')")).to_have_count(len(shown))
    page.click("#compare")
    expect(page.locator("#compare")).to_have_text("stop")
    expect(page.locator("#score-state progress")).to_be_visible()
    page.click("#compare")
    expect(page.locator("#compare")).to_have_text("compare with untrained networks")
    assert ask(writer, "/api/hypotheses")["state"] != "compared"
    page.click("#compare")
    expect(page.locator("#score-state")).to_contain_text("★", timeout=60_000)
    expect(page.locator("#compare")).to_be_hidden()
    found = ask(writer, "/api/hypotheses")["hypotheses"]
    hidden = [one["name"] for one in found if not one["explains"]]
    assert {one["name"] for one in found} - set(hidden) == set(rows(page))
    if hidden:
        expect(page.locator("#show-all")).to_have_text(f"show {len(hidden)} that no unit explains")
        page.click("#show-all")
        expect(page.locator("#show-all")).to_have_text(f"hide {len(hidden)} that no unit explains")
    assert "0.5 = guessing" in page.locator("#terms").text_content()
    for want in found:
        row = page.locator(f"#found tr[data-name='{want['name']}'] td")
        assert row.nth(0).inner_text() == ("★" if want["found"] else "")
        assert row.nth(3).inner_text() == f"{want['excess']:+z.2f}".replace("-", "−")
        assert row.nth(4).inner_text() == f"{want['p']:.2f}"
        assert row.nth(4).get_attribute("title") == want["why"]


def test_an_expression_is_tested_and_underlined_and_its_errors_are_told(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    with page.watch.expecting("422"):
        page.fill("#expression", "(")
        page.click("#expression-go")
        expect(page.locator("#expression-state")).to_contain_text(
            "expression must be a regular expression that compiles"
        )
    page.fill("#expression", r"\(a rat\)")
    page.click("#expression-go")
    name = r"/\(a rat\)/"
    expect(page.locator("#grid-sort")).to_have_value(name)
    expect(page.locator("#expression-state")).to_have_text("")
    expect(page.locator("#chosen")).to_have_text("layer 1 h[0]")  # the selected unit stays, with its score
    expect(page.locator("#known")).to_contain_text(f"“{name}”")
    assert name in [row["name"] for row in ask(writer, "/api/encoded", **UNIT)["rows"]]
    expect(page.locator("#truth-name")).to_have_text(f"underline where “{name}” is true")
    until(page, "document.querySelectorAll('#text [data-true]').length > 0")
    marked = page.evaluate("[...document.querySelectorAll('#text > span[data-true]')].map(s => +s.dataset.at)")
    last = int(page.locator("#text > span").last.get_attribute("data-at")) + 1
    assert marked == [at for m in re.finditer(r"\(a rat\)", TEXT) for at in range(*m.span()) if at < last]
    page.wait_for_selector("#truth-strip:not([hidden])")
    page.uncheck("#truth-on")
    until(page, "document.querySelectorAll('#text [data-true]').length === 0")


def test_contrast_and_the_meaning_of_the_colours(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    row = page.locator("#found tbody tr").first
    row.locator("button").click()
    expect(page.locator("#known")).to_contain_text(re.compile("(red|blue)[a-z]* where|the (redd|blu)er", re.IGNORECASE))
    until(page, "document.querySelectorAll('#text .high-1, #text .low-1').length > 0")
    weak = int(np.abs(colours(page)).sum())
    low = page.locator("#text-key span").first.inner_text()
    page.evaluate("(() => { const s = document.getElementById('contrast'); s.value = 3;"
                  " s.dispatchEvent(new Event('input')) })()")  # fmt: skip
    assert int(np.abs(colours(page)).sum()) > weak
    assert page.locator("#text-key span").first.inner_text() != low
    assert hash_of(page)["contrast"] == "3"


def test_a_stretch_is_selected_and_similar_ones_are_listed(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    expect(page.locator("#similar-go")).to_be_disabled()
    place = TEXT.index('"sat on"')
    page.fill("#jump-to", str(place + 1))
    page.press("#jump-to", "Enter")
    expect(page.locator("#text [data-now]")).to_have_attribute("data-at", str(place))
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#selection")).to_have_text("2 characters selected")
    match = {"score": 0.5, "begin": 40, "end": 42, "before": "<b>", "text": TEXT[40:42], "after": "c"}
    reply = {"units": ["h[3]", "h[5] −"], "begin": 0, "end": len(TEXT), "matches": [match]}
    asked = []
    page.route("**/api/similar", lambda route: (asked.append(route.request.post_data_json), route.fulfill(json=reply)))
    page.click("#similar-go")
    expect(page.locator("#similar-state")).to_contain_text("h[3], h[5] −")
    assert asked == [
        {"recurrence": ask(writer, "/api/run")["recurrences"][0]["name"], "begin": place, "end": place + 2}
    ]
    page.click("#similar-list button")
    expect(page.locator("#text [data-now]")).to_have_attribute("data-at", "40")
    page.click("#similar-close")
    expect(page.locator("#similar")).to_be_hidden()


def test_surprise_and_predictions_on_a_page_of_the_text(writer, visit):
    page = visit(writer, "#unit=layers.0.0/h/0&surprise=1")
    until(page, "document.querySelectorAll('#text > span[style]').length > 1300")
    nats = ask(writer, "/api/surprise", begin=0, end=200)["nats"]
    strong = page.evaluate(
        "[...document.querySelectorAll('#text > span')].slice(0, 200).map(s => s.hasAttribute('data-surprising'))"
    )
    assert nats[0] is None
    assert [x or 0.0 for x in nats].index(max(x or 0.0 for x in nats)) in np.flatnonzero(strong)
    assert strong == [(x or 0.0) > 0.6 * 6 for x in nats]
    page.check("#text-below")
    until(page, "document.querySelectorAll('#text [data-below]').length > 1300")
    guesses = ask(writer, "/api/guesses", begin=3, end=4)
    ids = np.frombuffer(base64.b64decode(guesses["ids"]), dtype="<u2")
    best = [{" ": "␣", "\n": "↵"}.get(guesses["symbols"][id], guesses["symbols"][id]) for id in ids[:3]]
    assert page.locator("#text > span >> nth=3").get_attribute("data-below").split("\n") == best
    assert (hash_of(page)["surprise"], hash_of(page)["below"]) == ("1", "1")


def test_the_network_reads_along_while_one_types(writer, visit):
    page = visit(writer, "#pane=type")
    page.locator("#typed").press_sequentially("the cat sat ", delay=5)
    until(page, "document.querySelectorAll('#type-text > span').length === 12")
    expect(page.locator("#type-result")).to_contain_text("12 characters")
    run = ask(writer, "/api/run")
    body = {"text": "the cat sat ", "recurrence": run["recurrences"][0]["name"], "gate": "h", "index": 0}
    want = httpx.post(f"{writer.address}/api/type", json=body, timeout=SECONDS).json()
    shown = page.locator("#type-next li").all_inner_texts()
    assert len(shown) == len(want["next"]) == 10
    assert shown[0].split()[0] == {" ": "␣", "\n": "↵"}.get(want["next"][0]["symbol"], want["next"][0]["symbol"])
    canvases = page.evaluate("[...document.querySelectorAll('#type-states canvas')].map(c => c.width)")
    assert canvases == [12] * 4

    page.check("#type-by [value=surprise]")
    strong = page.evaluate(
        "[...document.querySelectorAll('#type-text > span')].map(s => s.classList.contains('strong-high'))"
    )
    limit = 0.6 * 6  # nats
    sure = [n for n, nats in enumerate(want["surprise"]) if nats is None or abs(nats - limit) > 0.05]
    assert len(sure) > 6
    assert [strong[n] for n in sure] == [(want["surprise"][n] or 0) > limit for n in sure]
    page.check("#type-by [value=unit]")
    page.focus(".strip >> nth=1")
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#state-result")).to_contain_text("layer 1 c[2] = ")
    page.keyboard.press("Enter")
    expect(page.locator("#type-unit input")).to_have_value("2")
    assert page.locator("#type-unit select").nth(1).input_value() == "c"
    page.hover(".strip >> nth=0")
    expect(page.locator("#state-result")).to_contain_text("layer 1 h[")
    page.fill("#typed", "")
    until(page, "document.querySelectorAll('#type-text > span').length === 0")


def test_unknown_characters_are_skipped_and_an_error_stays_in_its_pane(writer, visit):
    page = visit(writer, "#pane=type")
    page.fill("#typed", "∮cat ∮")
    expect(page.locator("#type-skipped")).to_have_text("2 characters skipped, not in the vocabulary: ∮ (U+222E)")
    assert page.locator("#type-text .skipped").all_inner_texts() == ["∮", "∮"]
    expect(page.locator("#typed-count")).to_have_text("6 of at most 2,000 characters")
    page.fill("#typed", "cat")
    expect(page.locator("#type-skipped")).to_have_text("")
    with page.watch.expecting("422"):
        page.click("#tab-unrolled")
        page.fill("#unrolled-text", "cat ∮")
        page.click("#unrolled-form .main")
        expect(page.locator("#alert")).to_contain_text("∮")
        assert page.locator("#alert").get_attribute("role") == "alert"
        page.click("#tab-write")
        expect(page.locator("#alert")).to_be_hidden()
        page.click("#tab-unrolled")
        page.click("#unrolled-form .main")
        page.click("#alert >> text=Dismiss")
        expect(page.locator("#alert")).to_be_hidden()


def spelled(page, place):
    """The characters of a coloured text; what is drawn in place of some of them, undone."""
    parts = page.evaluate(
        "place => [...document.querySelectorAll(place + ' > span[data-at]')].map(s => s.textContent)", place
    )
    return "".join({"↵\n": "\n", "NUL": "\0"}.get(part, part) for part in parts)


def written(page):
    return spelled(page, "#written")


def write(page, **fields):
    for name, value in fields.items():
        page.fill(f"#{name.replace('_', '-')}", str(value))
    page.click("#write-go")
    expect(page.locator("#write-result")).to_contain_text("; seed")
    return written(page)


def test_the_network_writes_and_units_can_be_held(writer, visit):
    page = visit(writer, "#pane=write")
    some = write(page, prompt="the cat ", length=80, temperature=1, seed=5)
    assert len(some) == 80
    expect(page.locator("#write-result")).to_contain_text("80 characters")
    expect(page.locator("#write-result")).to_contain_text("tokens/s; seed 5")
    assert page.locator("#written .prompt").inner_text() == "the cat "
    assert page.evaluate("[...document.querySelectorAll('#written > span[data-at]')].some(s => s.className !== '')")
    assert write(page, seed=5) == some
    assert write(page, seed=6) != some

    page.click("#clamp-add")
    page.fill(".clamp [aria-label='index of the unit']", "3")
    page.fill(".clamp [aria-label='value to hold it at']", "-50")
    held = write(page, seed=5)
    assert held != some
    assert spelled(page, "#unheld") == some  # beside it: the same seed without holding
    first = next(n for n, pair in enumerate(zip(some, held, strict=True)) if len(set(pair)) > 1)
    expect(page.locator("#write-result")).to_contain_text(f"the texts differ from character {first + 1} on")
    assert page.locator("#written [data-differs]").get_attribute("data-at") == str(first)
    layer, gate = (page.locator(".clamp select").nth(n).input_value() for n in (0, 1))
    highest = ask(writer, "/api/range", recurrence=layer, gate=gate, index=3)["high"]
    page.click(".clamp .presets button >> nth=2")
    assert float(page.input_value(".clamp [aria-label='value to hold it at']")) == pytest.approx(highest, abs=1e-4)
    page.click(".clamp [aria-label='release the unit']")
    assert write(page, seed=5) == some
    page.uncheck("#watch")
    assert write(page, seed=5) == some
    assert not page.evaluate("[...document.querySelectorAll('#written > span[data-at]')].some(s => s.className !== '')")
    greedy = [write(page, top_k=1, seed=seed) for seed in (1, 2)]
    assert greedy[0] == greedy[1]
    until(page, "!document.querySelector('#clamp-add').disabled")
    for count in range(1, 9):
        page.click("#clamp-add")
        expect(page.locator(".clamp .presets button")).to_have_count(3 * count)  # they move the button
    expect(page.locator("#clamp-add")).to_be_disabled()


def test_writing_is_stopped_and_nothing_jumps_meanwhile(writer, visit):
    page = visit(writer, "#pane=write")
    boxes = lambda: [page.locator(name).bounding_box() for name in ("#written", "#write-form", "#write-result")]  # noqa: E731
    page.fill("#length", "5000")
    before = boxes()
    writer.slow.pause = 0.4
    try:
        for stop in (lambda: page.click("#write-stop"), lambda: page.keyboard.press("Escape")):
            page.click("#write-go")
            until(page, "document.querySelectorAll('#written > span[data-at]').length > 0")
            assert [(a["x"], a["y"], a["height"]) for a in boxes()] == [(a["x"], a["y"], a["height"]) for a in before]
            stop()
            expect(page.locator("#write-result")).to_contain_text("stopped after")
            expect(page.locator("#write-stop")).to_be_disabled()
            some = written(page)
            page.wait_for_timeout(600)
            assert written(page) == some
    finally:
        writer.slow.pause = 0.0
    expect(page.locator("#alert")).to_be_hidden()
    assert len(write(page, length=40)) == 40


def test_boxes_through_time_and_their_numbers(writer, visit):
    page = visit(writer, "#pane=unrolled")
    expect(page.locator(".cell")).to_have_count(5 * 3)
    body = {"text": "hello", "last_only": False}
    want = httpx.post(f"{writer.address}/api/unrolled", json=body, timeout=SECONDS).json()
    expect(page.locator("#unrolled-result")).to_contain_text(f"loss {want['loss']:.3f} nats")
    marks = page.locator("svg .target").all_text_contents()
    right = [step["right"] for step in want["steps"]]
    assert [("✓" in one, "✗" in one) for one in marks] == [(one is True, one is False) for one in right]
    assert marks[-1] == "?"

    page.click(".cell[data-row='2'][data-step='1']")
    layer = want["steps"][1]["layers"][0]
    expect(page.locator("#numbers h2")).to_have_text("layer 1 after “e”, step 2")
    rows = page.locator("#numbers tbody tr")
    assert rows.count() == len(layer["h"]) == 12
    first = rows.first.locator("td").all_inner_texts()
    assert first[:2] == [f"{layer[name][0]:.3f}".replace("-", "−") for name in ("h", "c")]
    page.click("#numbers th button >> text=∂L/∂h")
    largest = int(np.argmax(np.abs(layer["grad"])))
    assert rows.first.locator("th").inner_text() == str(largest)

    page.focus(".cell.chosen")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#numbers h2")).to_have_text("layer 1 after “l”, step 3")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#numbers h2")).to_have_text("layer 2 after “l”, step 3")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#numbers h2")).to_have_text("Prediction after “l”, step 3")
    assert page.locator("#numbers li").count() == 5
    page.keyboard.press("End")
    expect(page.locator("#numbers p")).to_have_text("The next token is unknown.")

    assert page.locator("svg .gradient").count() == 4 * 2  # none after the last token, whose target is unknown
    page.check("#lanes [value=f]")
    until(page, "document.querySelectorAll('.cell image').length === 5 * 2 * 2")
    page.click(".cell[data-row='2'][data-step='1']")
    assert page.locator("#numbers thead th").all_inner_texts() == ["unit", "h", "c", "f", "∂L/∂h"]
    got = httpx.post(f"{writer.address}/api/unrolled", json={**body, "gates": True}, timeout=SECONDS).json()
    gate = got["steps"][1]["layers"][0]["gates"]["f"]
    assert rows.first.locator("td").nth(2).inner_text() == f"{gate[int(rows.first.locator('th').inner_text())]:.3f}"
    page.check("#last-only")
    expect(page.locator("#unrolled-result")).not_to_contain_text(f"loss {want['loss']:.3f}")
    body["last_only"] = True
    last = httpx.post(f"{writer.address}/api/unrolled", json=body, timeout=SECONDS).json()
    expect(page.locator("#unrolled-result")).to_contain_text(f"loss {last['loss']:.3f} nats")
    page.fill("#unrolled-text", "a rat sat on a mat a rat sat on a mat a rat sat on a mat a r"[:60])
    page.click("#unrolled-form button")
    expect(page.locator(".cell")).to_have_count(60 * 3)
    assert page.evaluate("(b => b.scrollWidth > b.clientWidth)(document.getElementById('unrolled-scroll'))")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_losses_and_previews(writer, visit):
    page = visit(writer, "#pane=training")
    page.wait_for_selector("#curve svg")
    want = ask(writer, "/api/training")
    page.focus("#curve")
    page.keyboard.press("End")
    last = want["points"][-1]
    expect(page.locator("#curve-result")).to_contain_text(f"step {last['step']:,}:")
    page.keyboard.press("Home")
    expect(page.locator("#curve-result")).to_contain_text(f"training {want['points'][0]['loss']:.3f}")
    page.hover("#curve", position={"x": 400, "y": 90})
    expect(page.locator("#curve-result")).not_to_contain_text(f"step {want['points'][0]['step']}:")
    shown = [preview["text"] for preview in want["previews"]]
    for box in page.locator("#milestones .box").all():
        assert box.text_content().replace("↵\n", "\n").replace("␀", "\0") in shown
    assert 2 <= page.locator("#milestones .box").count() <= 4
    colours = "['thin', 'dots'].map(kind => getComputedStyle(document.querySelector('svg .curve.' + kind)).stroke)"
    assert len(set(page.evaluate(colours))) == 2
    path = page.locator("svg .curve.thin").get_attribute("d")
    page.check("#log-x")
    assert page.locator("svg .curve.thin").get_attribute("d") != path
    assert f"best {want['best']['loss']:.3f}" in page.locator("#curve").text_content()

    said = lambda: page.locator("#preview-result").inner_text()  # noqa: E731
    assert len(want["previews"]) > 2
    assert said() == f"step {want['previews'][-1]['step']}"
    page.focus("#preview")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert said() == f"step {want['previews'][1]['step']}"
    assert spelled(page, "#preview-text") == want["previews"][1]["text"]
    page.click("#play")
    expect(page.locator("#preview-result")).to_have_text(f"step {want['previews'][-1]['step']}")
    expect(page.locator("#play")).to_have_text("▶ play")


def test_an_answer_and_the_words_for_it(visit):
    server = Server(served.inspected("tag"))
    try:
        page = visit(server)
        assert page.locator("[role=tab]").all_inner_texts() == ["Text", "Type here"]
        page.click("#tab-predict")
        expect(page.locator("#predict-typed")).to_have_value("Anna saw the cat.")
        page.fill("#predict-typed", "Zoë saw Anna <b>")
        want = httpx.post(f"{server.address}/api/predict", json={"text": "Zoë saw Anna <b>"}, timeout=SECONDS).json()
        until(page, "n => document.querySelectorAll('#predict-text > span').length === n", len(want["pieces"]))
        labels = [piece["label"] for piece in want["pieces"] if piece["label"]]
        expect(page.locator("#predict-text .entity b")).to_have_count(len(labels))
        assert [text.split()[0] for text in page.locator("#predict-text .entity b").all_inner_texts()] == labels
        assert page.locator("#predict-text sup").count() == sum(piece["unknown"] for piece in want["pieces"])
        page.fill("#predict-typed", "a" * 2001)
        expect(page.locator("#predict-count")).to_have_text("2,001 of at most 2,000 characters")
        expect(page.locator("#predict-result")).to_have_text("the text is too long: shorten it")
    finally:
        server.stop()


def test_a_translation_and_where_it_looked(translator, visit):
    page = visit(translator, "#pane=translation")
    assert page.locator("[role=tab]").all_inner_texts() == ["Text", "Training", "Translation"]
    page.fill("#sentence", "decade")
    page.click("#translation-form button")
    want = httpx.post(f"{translator.address}/api/translate", json={"text": "decade"}, timeout=SECONDS).json()
    assert len(want["target"]) > 1
    expect(page.locator("#translated")).to_have_text(want["text"])
    until(page, "n => document.querySelectorAll('#alignment thead th').length === n", len(want["source"]))
    assert page.locator("#alignment tbody tr").count() == len(want["target"])
    told = page.locator("#alignment-result")
    page.hover("#alignment td[data-row='0'][data-column='1']")
    expect(told).to_contain_text(f"attention weight {want['weights'][0][1]:.3f} on ")
    page.focus("#alignment td[tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(told).to_contain_text(f"attention weight {want['weights'][0][2]:.3f} on ")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(told).to_contain_text(f"attention weight {want['weights'][1][0]:.3f} on ")
    page.click("#tab-text")
    page.wait_for_selector("#units [role=option]")
    expect(page.locator("#text")).to_contain_text("decade")
    page.hover("#text > span >> nth=2")
    assert page.locator("#tip li").count() == 0


def test_tabs_by_keys_and_the_way_back(writer, visit):
    page = visit(writer)
    tabs = page.locator("[role=tab]")
    assert tabs.all_inner_texts() == ["Text", "Type here", "Generate", "Unrolled", "Training"]
    page.focus("#tab-text")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tab-training")).to_be_focused()
    expect(page.locator("#pane-training")).to_be_visible()
    expect(page.locator("#pane-text")).to_be_hidden()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-type")).to_have_attribute("aria-selected", "true")
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    assert hash_of(page)["pane"] == "type"
    page.go_back()
    expect(page.locator("#tab-text")).to_have_attribute("aria-selected", "true")


def test_a_unit_chosen_while_a_page_is_on_its_way_colours_it(writer, visit):
    first = ask(writer, "/api/run")["recurrences"][0]["name"]
    want = ask(writer, "/api/values", recurrence=first, gate="h", index=5, begin=0, end=1)
    choose = "one => import('/static/units.js').then(units => units.choose(one))"
    writer.slow.pause = 0.2
    try:
        page = visit(writer)
        assert page.locator("#text > span").count() == 0
        page.evaluate(choose, {"recurrence": first, "gate": "h", "index": 5})
        expect(page.locator("#text-key span").first).to_contain_text(f"{want['low']:.2f}".replace("-", "−"))
        expect(page.locator("#text-state")).to_have_text("")
        seen = colours(page)
    finally:
        writer.slow.pause = 0.0
    assert (seen == expected_colours(writer, first, "h", 5, len(seen))).all()


def test_a_request_that_fails_is_told_and_can_be_tried_again(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    page.select_option("#grid-sort", "")
    with page.watch.expecting("ERR_FAILED"):
        page.route("**/api/values*", lambda route: route.abort())
        page.click("#units [role=option] >> nth=7")
        expect(page.locator("#alert")).to_contain_text("does not respond")
        page.unroute("**/api/values*")
        page.click("#alert >> text=Try again")
        expect(page.locator("#alert")).to_be_hidden()
    index = int(re.search(r"\[(\d+)\]", page.locator("#chosen").inner_text())[1])
    seen = colours(page)
    assert (
        seen == expected_colours(writer, ask(writer, "/api/run")["recurrences"][0]["name"], "h", index, len(seen))
    ).all()


def test_the_page_goes_on_when_the_server_was_away(folder, writer, visit):
    other = Server(writer.run)
    page = visit(other)
    page.wait_for_selector("#text > span")
    with page.watch.expecting("ERR_CONNECTION", "ERR_EMPTY", "Failed to load"):
        other.stop()
        page.fill("#jump-to", str(len(TEXT) - 3))
        page.press("#jump-to", "Enter")
        expect(page.locator("#alert")).to_contain_text("start it again")
        other.start()
        expect(page.locator("#alert")).to_be_hidden()
        expect(page.locator("#text [data-now]")).to_have_attribute("data-at", str(len(TEXT) - 4))
    wait_for_units(page)
    other.stop()


def test_dark_and_light_and_narrow(writer, visit):
    page = visit(writer, width=800, height=900, color_scheme="dark")
    page.wait_for_selector("#units [role=option]")
    paper = "getComputedStyle(document.body).backgroundColor"
    strip = "document.querySelector('#units [role=option] canvas').toDataURL()"
    assert page.evaluate(paper) == "rgb(23, 24, 26)"
    dark = page.evaluate(strip)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    until(page, f"dark => {strip} !== dark", dark)
    for name in ("text", "type", "write", "unrolled", "training"):
        page.click(f"#tab-{name}")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_text_from_outside_stays_text(writer, visit):
    page = visit(writer)
    wait_for_units(page)
    assert HOSTILE in TEXT[:200]
    shown = spelled(page, "#text")
    assert len(shown) > 1300
    assert shown == TEXT[: len(shown)]
    page.click("#tab-type")
    page.fill("#typed", HOSTILE)
    until(page, "n => document.querySelectorAll('#type-text > span').length === n", len(HOSTILE))
    assert spelled(page, "#type-text") == HOSTILE
    page.click("#tab-unrolled")
    page.fill("#unrolled-text", "<script>alert(1)</script>")
    page.click("#unrolled-form button")
    until(page, "document.querySelectorAll('.cell').length === 75")
    page.click("#tab-write")
    assert len(write(page, prompt="<script>alert(1)</script> <img src=x onerror=alert(2)>", length=30)) == 30
    page.click("#tab-training")
    page.wait_for_selector("#curve svg")
    assert page.evaluate("document.querySelectorAll('main img, main script, main iframe').length") == 0
    assert page.evaluate("document.scripts.length") == 1


def test_fast_scrolling_ends_at_the_last_place_and_asks_little(writer, visit):
    page = visit(writer)
    page.wait_for_selector("#text > span")
    page.wait_for_timeout(400)
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    begun = time.monotonic()
    page.evaluate("(() => { const s = document.getElementById('scrubber'); for (let n = 0; n < 200; n++) {"
                  " s.value = n % 2 ? 0 : s.max; s.dispatchEvent(new Event('input')) } s.value = s.max;"
                  " s.dispatchEvent(new Event('input')) })()")  # fmt: skip
    expect(page.locator("#text > span").last).to_have_attribute("data-at", str(len(TEXT) - 1))
    assert time.monotonic() - begun < SECONDS
    assert len(asked) < 20
