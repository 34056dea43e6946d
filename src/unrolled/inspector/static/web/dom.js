// Elements are made here, and text is only ever put into them as text.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const make = (kind, attributes = {}, ...children) => fill(document.createElement(kind), attributes, children);
export const drawn = (kind, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, kind), attributes, children);

// Work that is done once, `wait` ms after it was last asked for.
export function debounced(wait, work) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
}

export const count = (n) => n.toLocaleString("en");
export const minus = (told) => told.replaceAll("-", "−");
export const fixed = (x, digits = 3) => minus(x.toFixed(digits));

// Three figures, whatever the size: 1.23, 0.0123, 1.2e−7
export function brief(x) {
  const size = Math.abs(x);
  if (!Number.isFinite(x)) return String(x);
  if (size === 0) return "0";
  return minus(size >= 1e-3 && size < 1e4 ? String(Number(x.toPrecision(3))) : x.toExponential(1));
}

export function percent(p) {
  const told = 100 * p;
  return told >= 10 ? `${told.toFixed(0)} %` : told >= 0.1 ? `${told.toFixed(1)} %` : "< 0.1 %";
}

// As many of a moment's keys as a page of its own may take: none that the browser or the system means for itself.
export function onKeys(element, keys) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const work = keys[event.key];
    if (work && work(event) !== false) event.preventDefault();
  });
}

export const within = (least, x, most) => Math.max(least, Math.min(most, x));
