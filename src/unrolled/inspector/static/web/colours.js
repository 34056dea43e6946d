// The colour scale, from blue over the background colour to red; strong values are also underlined, dotted and solid.
// The static page includes this file before cells.js. Text from outside is only inserted as text (textContent), never
// as markup.

export const LEVELS = 8;                        // shades on either side

export const bytes = (packed) => Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
export const share = (byte) => (byte - 128) / 127;     // −1 … 1
export const value = (scale, byte) => scale.low + (byte - 1) / 254 * (scale.high - scale.low);
export const byteOf = (scale, x) =>
  Math.max(1, Math.min(255, 1 + Math.round((x - scale.low) / (scale.high - scale.low) * 254)));

// The CSS class of each byte, for fast repainting of a page of text. 0: no value; 1…255: low to high.
const CLASSES = Array.from({ length: 256 }, (_, byte) => {
  const strength = byte ? share(byte) : 0, side = strength < 0 ? "low" : "high";
  const level = Math.round(Math.abs(strength) * LEVELS);
  return level ? `${side}-${level}${Math.abs(strength) > 0.6 ? ` strong-${side}` : ""}` : "";
});

export function paint(span, byte) {
  if (span.className !== CLASSES[byte]) span.className = CLASSES[byte];
}

// A byte with more or less contrast: farther from the middle of the scale, or nearer.
export const stretched = (byte, contrast) =>
  byte ? Math.max(1, Math.min(255, 128 + Math.round((byte - 128) * contrast))) : 0;

// The values at the blue and the red end of a scale with this contrast, and at its middle, which is white.
export function ends({ low, high }, contrast = 1) {
  const middle = (low + high) / 2, half = (high - low) / 2 / contrast;
  return { low: middle - half, middle, high: middle + half };
}

const CONTROLS = ("NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB "
  + "ESC FS GS RS US").split(" ");

// A token on one line, with visible blanks and control characters.
export const visible = (token) => token === " " ? "␣"
  : token.replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/[\0-\x1f]/g, (c) => `[${CONTROLS[c.charCodeAt(0)]}]`);

// Spans for characters, painted by one byte each; `begin` is the position of the first.
export function spans(characters, painted, begin = 0) {
  const part = document.createDocumentFragment();
  characters.forEach((c, n) => {
    const span = document.createElement("span");
    span.dataset.at = begin + n;
    if (c === "\n" || (c < " " && c !== "\t")) {
      const mark = document.createElement("span");
      mark.className = c === "\n" ? "end" : "end badge";
      mark.textContent = c === "\n" ? "↵" : CONTROLS[c.charCodeAt(0)];
      mark.dataset.at = begin + n;
      span.append(mark, c === "\n" ? c : "");
    } else span.textContent = c;
    paint(span, painted[n] ?? 0);
    part.append(span);
  });
  return part;
}

// Underlines the characters of `box` at which `truth(position)` is true.
export function underline(box, truth) {
  for (const span of box.children) {
    if (span.dataset.at) span.toggleAttribute("data-true", Boolean(truth(Number(span.dataset.at))));
  }
}

// The characters at which the values are highest and lowest, on average: {high: [...], low: [...]}, three of each.
export function extremes(characters, painted) {
  const sums = new Map();
  characters.forEach((c, n) => {
    if (!painted[n]) return;
    const entry = sums.get(c) ?? sums.set(c, [0, 0]).get(c);
    entry[0] += painted[n];
    entry[1] += 1;
  });
  const means = [...sums].filter(([, [, n]]) => n >= 3).map(([c, [sum, n]]) => [c, sum / n - 128]);
  means.sort((a, b) => b[1] - a[1]);
  const quoted = (some) => some.slice(0, 3).map(([c]) => `“${visible(c)}”`);
  return { high: quoted(means.filter(([, x]) => x > 32)), low: quoted(means.filter(([, x]) => x < -32).reverse()) };
}

// Says what red and blue mean on a page of text, from the values on it.
export function onThisPage(characters, painted) {
  const { high, low } = extremes(characters, painted);
  const parts = [["reddest", high], ["bluest", low]].filter(([, some]) => some.length)
    .map(([colour, some]) => `${colour} after ${some.join(" ")}`);
  return parts.length ? `here ${parts.join(", ")}` : "no character here stands out";
}

// Draws the legend of the colour scale.
export function showKey(box, low, high, oneSided = false) {
  const scale = document.createElement("i");
  for (let n = oneSided ? 0 : -LEVELS; n <= LEVELS; n += oneSided ? 1 : 2) {
    const b = document.createElement("b");
    b.textContent = "a";
    paint(b, 128 + Math.round(n / LEVELS * 127));
    scale.append(b);
  }
  const [left, right] = [low, high].map((label) => {
    const span = document.createElement("span");
    span.textContent = label;
    return span;
  });
  box.replaceChildren(left, scale, right);
}
