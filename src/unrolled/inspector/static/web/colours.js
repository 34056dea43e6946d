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

// A token on one line, with visible blanks and control characters.
export const visible = (token) => token === " " ? "␣"
  : token.replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/[\0-\x1f]/g, (c) => pictured(c));
const pictured = (c) => String.fromCharCode(0x2400 + c.charCodeAt(0));

// Spans for characters, painted by one byte each; `begin` is the position of the first.
export function spans(characters, painted, begin = 0) {
  const part = document.createDocumentFragment();
  characters.forEach((c, n) => {
    const span = document.createElement("span");
    span.dataset.at = begin + n;
    if (c === "\n" || (c < " " && c !== "\t")) {
      const mark = document.createElement("span");
      mark.className = "end";
      mark.textContent = visible(c);
      mark.dataset.at = begin + n;
      span.append(mark, c === "\n" ? c : "");
    } else span.textContent = c;
    paint(span, painted[n] ?? 0);
    part.append(span);
  });
  return part;
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
