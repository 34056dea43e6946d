// The text, character by character, coloured by one unit at a time (colours.js stands before this).

const data = JSON.parse(document.getElementById("data").textContent);
const text = Array.from(data.text);             // characters, not halves of them
const cells = data.cells.map((cell) => ({ ...cell, values: bytes(cell.values) }));  // 0: no value, 1…255: low…high
const guesses = data.guesses && {
  symbols: data.guesses.symbols,
  ids: data.guesses.wide ? new Uint16Array(bytes(data.guesses.ids).buffer) : bytes(data.guesses.ids),
  shares: bytes(data.guesses.shares),           // 255 times the probability
};
const PAGE = 4000;                              // characters
const byId = (id) => document.getElementById(id);
const [textBox, tip, form] = [byId("text"), byId("tip"), byId("cells")];
let cell = 0, page = 0, now = -1;
const pages = pageBegins();

function pageBegins() {                         // pages end with a line, unless it is very long
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
  textBox.replaceChildren(spans(text.slice(begin, end), cells[cell].values.subarray(begin, end), begin));
  byId("page").textContent = `characters ${(begin + 1).toLocaleString("en")} to `
    + `${end.toLocaleString("en")} of ${text.length.toLocaleString("en")}`;
  byId("back").disabled = page === 0;
  byId("on").disabled = page === pages.length - 1;
}

function showCell() {
  const one = cells[cell];
  for (const span of textBox.children) paint(span, one.values[span.dataset.at]);
  showKey(byId("key"), `${one.low.toFixed(2)} (blue, dotted)`, `${one.high.toFixed(2)} (red, underlined)`);
  form.elements.cell[cell] ? form.elements.cell[cell].checked = true : form.elements.cell.checked = true;
}

function say(at, follow) {                      // what is known of character `at`
  textBox.querySelector("[data-now]")?.removeAttribute("data-now");
  now = at;
  const span = textBox.children[at - pages[page]];
  if (!span) { tip.hidden = true; return; }
  span.setAttribute("data-now", "");
  const one = cells[cell], byte = one.values[at], head = document.createElement("p");
  head.textContent = `“${visible(text[at])}”: ${byte ? value(one, byte).toFixed(3) : "not read"}`;
  const list = document.createElement("ol");
  list.className = "bars";
  for (let n = 0; guesses && n < 5; n++) {
    const p = guesses.shares[5 * at + n] / 255;
    if (!p) continue;
    const [line, symbol, percent, long, bar] = ["li", "code", "span", "b", "i"]
      .map((kind) => document.createElement(kind));
    symbol.textContent = visible(guesses.symbols[guesses.ids[5 * at + n]]);
    percent.textContent = `${Math.round(100 * p)}%`;
    bar.style.width = `${Math.max(2, 100 * p)}%`;
    long.append(bar);
    line.append(symbol, percent, long);
    list.append(line);
  }
  tip.replaceChildren(head, list);
  tip.hidden = false;
  if (follow) span.scrollIntoView({ block: "nearest" });
  const box = span.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const below = box.bottom + 8 + own.height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 8 : box.top - own.height - 8}px`;
}

function turn(to, at) {
  page = Math.max(0, Math.min(pages.length - 1, to));
  showPage();
  say(at ?? pages[page], true);
}

function goTo(at) {
  at = Math.max(0, Math.min(text.length - 1, at));
  if (at < pages[page]) turn(page - 1, at);
  else if (at >= pageEnd()) turn(page + 1, at);
  else say(at, true);
}

const lineBegin = (at) => { while (at > 0 && text[at - 1] !== "\n") at--; return at; };
const lineEnd = (at) => { while (at < text.length - 1 && text[at] !== "\n") at++; return at; };
function otherLine(down) {
  const begin = lineBegin(now), column = now - begin;
  if (down ? lineEnd(now) + 1 >= text.length : begin === 0) return now;
  const other = down ? lineEnd(now) + 1 : lineBegin(begin - 1);
  return Math.min(other + column, lineEnd(other));
}

function choose(to) {
  cell = (to + cells.length) % cells.length;
  showCell();
  if (!tip.hidden) say(now, false);
}

cells.forEach((one, number) => {
  const [label, input, name, small] = ["label", "input", "span", "small"].map((kind) => document.createElement(kind));
  input.type = "radio";
  input.name = "cell";
  input.value = number;
  name.textContent = one.hypothesis;
  small.textContent = one.told;
  label.append(input, name, small);
  form.append(label);
});
form.addEventListener("change", (event) => choose(Number(event.target.value)));
form.addEventListener("submit", (event) => event.preventDefault());
byId("back").addEventListener("click", () => turn(page - 1));
byId("on").addEventListener("click", () => turn(page + 1));
textBox.addEventListener("mouseover", (event) => { if (event.target.dataset.at) say(Number(event.target.dataset.at)); });
textBox.addEventListener("mouseleave", () => { tip.hidden = true; });
textBox.addEventListener("focus", () => say(now < 0 || now < pages[page] || now >= pageEnd() ? pages[page] : now, false));
textBox.addEventListener("blur", () => { tip.hidden = true; });
textBox.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const keys = {
    ArrowLeft: () => goTo(now - 1), ArrowRight: () => goTo(now + 1),
    ArrowUp: () => goTo(otherLine(false)), ArrowDown: () => goTo(otherLine(true)),
    Home: () => goTo(lineBegin(now)), End: () => goTo(lineEnd(now)),
    PageUp: () => turn(page - 1), PageDown: () => turn(page + 1),
    "[": () => choose(cell - 1), "]": () => choose(cell + 1), Escape: () => { tip.hidden = true; },
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
showPage();
showCell();
