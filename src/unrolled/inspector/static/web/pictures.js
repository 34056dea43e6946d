// Values as pictures, one pixel each, in the colours of the style sheet; redrawn when the colour scheme changes.

import { share } from "./colours.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();
const tables = new Map();                       // the colour of the red end -> the colours of the bytes

// Calls `listener` when the colour scheme changes, to redraw pictures.
export const onScheme = (listener) => listeners.add(listener);
dark.addEventListener("change", () => { tables.clear(); for (const listener of listeners) listener(); });

const channels = (style, name) => {
  const hex = style.getPropertyValue(name).trim().slice(1);
  const full = hex.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
};

// (256 × 4): red, green, blue and opacity of each byte.
function shades(red) {
  if (tables.has(red)) return tables.get(red);
  const style = getComputedStyle(document.documentElement);
  const [paper, low, high] = ["--paper", "--low", red].map((name) => channels(style, name));
  const table = new Uint8ClampedArray(256 * 4);
  tables.set(red, table);
  for (let byte = 1; byte < 256; byte++) {
    const strength = share(byte), end = strength < 0 ? low : high;
    for (let k = 0; k < 3; k++) table[4 * byte + k] = paper[k] + Math.min(1, Math.abs(strength)) * (end[k] - paper[k]);
    table[4 * byte + 3] = 255;
  }
  return table;
}

// Draws one pixel per value, `columns` per row; CSS enlarges the canvas. `red` names the colour of the highest value.
export function picture(canvas, values, columns = values.length, red = "--high") {
  const rows = Math.max(1, Math.ceil(values.length / Math.max(1, columns)));
  canvas.width = Math.max(1, columns);
  canvas.height = rows;
  const colours = shades(red), image = new ImageData(canvas.width, rows);
  values.forEach((byte, n) => image.data.set(colours.subarray(4 * byte, 4 * byte + 4), 4 * n));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
