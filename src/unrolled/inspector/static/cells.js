// The text, character by character, coloured by one unit at a time (the page includes colours.js before this).

const data = JSON.parse(document.getElementById("data").textContent);
const text = Array.from(data.text);             // code points, not UTF-16 code units
const units = data.units.map((unit) => ({ ...unit, values: bytes(unit.values) }));  // 0: no value, 1…255: low…high
const guesses = data.guesses && {
  symbols: data.guesses.symbols,
  ids: data.guesses.wide ? new Uint16Array(bytes(data.guesses.ids).buffer) : bytes(data.guesses.ids),
  shares: bytes(data.guesses.shares),           // 255 times the probability
};
const PAGE = 4000;                              // characters
const byId = (id) => document.getElementById(id);
const [textBox, tip, form] = [byId("text"), byId("tip"), byId("cells")];
let unit = 0, page = 0, cursor = -1, contrast = 1;
const truths = data.units.map(({ truth }) => truth && bytes(truth));           // eight characters a byte
const isTrue = (at) => Boolean(truths[unit] && truths[unit][at >> 3] >> (7 - at % 8) & 1);
const pages = pageBegins();

function pageBegins() {                         // pages end at a line end, unless the line is very long
  const begins = [0];
  while (begins.at(-1) + PAGE < text.length) {
    const from = begins.at(-1) + PAGE;
    let at = from;
    while (at > from - PAGE / 2 && text[at - 1] !== "\n") at--;
    begins.push(text[at - 1] === "\n" ? at : from);
  }
  return begins;
}

const pageEnd = () => pages[page + 1] ?? text.length;
function showPage() {
  const [begin, end] = [pages[page], pageEnd()];
  textBox.replaceChildren(spans(text.slice(begin, end), [], begin));
  colour();
  byId("page").textContent = `characters ${(begin + 1).toLocaleString("en")} to `
    + `${end.toLocaleString("en")} of ${text.length.toLocaleString("en")}`;
  byId("back").disabled = page === 0;
  byId("on").disabled = page === pages.length - 1;
}

const edge = (x) => (Math.abs(x) < 100 ? x.toFixed(2) : x.toFixed(0)).replace("-", "−");
function colour() {                             // the page of the text, its key and what the colours mean
  const shown = units[unit], { low, middle, high } = ends(shown, contrast), marked = byId("truth").checked;
  for (const span of textBox.children) paint(span, stretched(shown.values[span.dataset.at], contrast));
  showKey(byId("key"), `${edge(low)} (blue, dotted)`, `${edge(high)} (red, underlined)`);
  textBox.classList.toggle("marked", marked && Boolean(truths[unit]));
  underline(textBox, (at) => marked && isTrue(at));
  const [begin, end] = [pages[page], pageEnd()];
  const parts = [shown.meaning, onThisPage(text.slice(begin, end), shown.values.subarray(begin, end))];
  if (Math.abs(middle) > 1e-6) parts.push(`no colour at ${edge(middle)}`);
  const sentence = parts.filter(Boolean).join("; ");
  byId("meaning").textContent = `${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
}

function showUnit() {
  colour();
  byId("truth").parentElement.hidden = !truths[unit];
  byId("truth-name").textContent = `underline where “${units[unit].hypothesis}” is true`;
  form.elements.cell[unit] ? form.elements.cell[unit].checked = true : form.elements.cell.checked = true;
}

function showCharacter(at, follow) {            // the unit's value and the predictions at a character
  textBox.querySelector("[data-now]")?.removeAttribute("data-now");
  cursor = at;
  const span = textBox.children[at - pages[page]];
  if (!span) { tip.hidden = true; return; }
  span.setAttribute("data-now", "");
  const shown = units[unit], byte = shown.values[at], head = document.createElement("p");
  const bound = byte === 1 ? "≤ " : byte === 255 ? "≥ " : "";  // values beyond the scale are stored as its ends
  const number = byte ? `${bound}${value(shown, byte).toFixed(3)}`.replace("-", "−") : "not read";
  head.textContent = `“${visible(text[at])}”: ${number}${isTrue(at) ? ", the hypothesis is true" : ""}`;
  const list = document.createElement("ol");
  list.className = "bars";
  for (let n = 0; guesses && n < 5; n++) {
    const p = guesses.shares[5 * at + n] / 255;
    if (!p) continue;
    const [line, token, percent, long, bar] = ["li", "code", "span", "b", "i"]
      .map((kind) => document.createElement(kind));
    token.textContent = visible(guesses.symbols[guesses.ids[5 * at + n]]);
    percent.textContent = `${Math.round(100 * p)}%`;
    bar.style.width = `${Math.max(2, 100 * p)}%`;
    long.append(bar);
    line.append(token, percent, long);
    list.append(line);
  }
  tip.replaceChildren(head, list);
  tip.hidden = false;
  if (follow) span.scrollIntoView({ block: "nearest" });
  const box = span.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = box.bottom + 8 + size.height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 8 : box.top - size.height - 8}px`;
}

function turn(to, at) {
  page = Math.max(0, Math.min(pages.length - 1, to));
  showPage();
  showCharacter(at ?? pages[page], true);
}

function goTo(at) {
  at = Math.max(0, Math.min(text.length - 1, at));
  if (at < pages[page]) turn(page - 1, at);
  else if (at >= pageEnd()) turn(page + 1, at);
  else showCharacter(at, true);
}

const lineBegin = (at) => { while (at > 0 && text[at - 1] !== "\n") at--; return at; };
const lineEnd = (at) => { while (at < text.length - 1 && text[at] !== "\n") at++; return at; };
function otherLine(down) {
  const begin = lineBegin(cursor), column = cursor - begin;
  if (down ? lineEnd(cursor) + 1 >= text.length : begin === 0) return cursor;
  const other = down ? lineEnd(cursor) + 1 : lineBegin(begin - 1);
  return Math.min(other + column, lineEnd(other));
}

function choose(to) {
  unit = (to + units.length) % units.length;
  showUnit();
  if (!tip.hidden) showCharacter(cursor, false);
}

units.forEach(({ heading, summary }, number) => {
  const [label, input, name, small] = ["label", "input", "span", "small"].map((kind) => document.createElement(kind));
  input.type = "radio";
  input.name = "cell";
  input.value = number;
  name.textContent = heading;
  small.textContent = summary;
  label.append(input, name, small);
  form.append(label);
});
form.addEventListener("change", (event) => choose(Number(event.target.value)));
form.addEventListener("submit", (event) => event.preventDefault());
byId("truth").addEventListener("change", colour);
byId("contrast").addEventListener("input", (event) => { contrast = 2 ** Number(event.target.value); colour(); });
byId("back").addEventListener("click", () => turn(page - 1));
byId("on").addEventListener("click", () => turn(page + 1));
textBox.addEventListener("mouseover", (event) => {
  if (event.target.dataset.at) showCharacter(Number(event.target.dataset.at));
});
textBox.addEventListener("mouseleave", () => { tip.hidden = true; });
textBox.addEventListener("focus", () =>
  showCharacter(cursor < pages[page] || cursor >= pageEnd() ? pages[page] : cursor, false));
textBox.addEventListener("blur", () => { tip.hidden = true; });
textBox.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const keys = {
    ArrowLeft: () => goTo(cursor - 1), ArrowRight: () => goTo(cursor + 1),
    ArrowUp: () => goTo(otherLine(false)), ArrowDown: () => goTo(otherLine(true)),
    Home: () => goTo(lineBegin(cursor)), End: () => goTo(lineEnd(cursor)),
    PageUp: () => turn(page - 1), PageDown: () => turn(page + 1),
    "[": () => choose(unit - 1), "]": () => choose(unit + 1), Escape: () => { tip.hidden = true; },
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
showPage();
showUnit();
