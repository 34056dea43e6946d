// Helpers to create elements and to format numbers; text is only inserted as text nodes.

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

// A function that calls `action` once, `wait` ms after its own last call.
export function debounced(wait, action) {
  let timer;
  return (...parameters) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...parameters), wait);
  };
}

export const count = (n) => n.toLocaleString("en");
export const minus = (text) => text.replaceAll("-", "−");
export const fixed = (x, digits = 3) => minus(x.toFixed(digits).replace(/^-(?=0\.?0*$)/, ""));   // no negative zero

export function signed(x, digits = 3) {
  const text = fixed(x, digits);
  return text.startsWith("−") ? text : `+${text}`;
}

// Three significant figures: 1.23, 0.0123, 1.2e−7
export function brief(x) {
  const size = Math.abs(x);
  if (!Number.isFinite(x)) return String(x);
  if (size === 0) return "0";
  return minus(size >= 1e-3 && size < 1e4 ? String(Number(x.toPrecision(3))) : x.toExponential(1));
}

export function percent(p) {
  const value = 100 * p;
  return value >= 10 ? `${value.toFixed(0)} %` : value >= 0.1 ? `${value.toFixed(1)} %` : "< 0.1 %";
}

// Handles keys without modifiers; combinations stay with the browser and the system.
export function onKeys(element, keys) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const action = keys[event.key];
    if (action && action(event) !== false) event.preventDefault();
  });
}

export const within = (least, x, most) => Math.max(least, Math.min(most, x));
