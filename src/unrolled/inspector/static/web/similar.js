// Passages with similar states: a stretch of the text is selected with the mouse, or with Shift and the arrow keys.

import { attempt, fetchJson, latest, ServerError } from "./api.js";
import { visible } from "./colours.js";
import { byId, count, fixed, make, onKeys } from "./dom.js";
import { goTo } from "./text.js";
import { run, unit } from "./units.js";

const searching = latest();
let selected = null;                            // [begin, end)

// The position of an end of the browser's selection; `after`: of the end behind the last character.
function positionOf(node, offset) {
  const inside = node.nodeType === Node.TEXT_NODE ? node : node.childNodes[offset] ?? node.lastChild ?? node;
  const character = (inside.closest ? inside : inside.parentElement)?.closest("#text [data-at]");
  if (!character) return null;
  const behind = inside === node ? offset > 0 : offset >= node.childNodes.length;
  return Number(character.dataset.at) + (behind ? 1 : 0);
}

function look() {
  const selection = getSelection(), range = selection.rangeCount ? selection.getRangeAt(0) : null;
  if (!range || !byId("text").contains(range.commonAncestorContainer)) return;
  const begin = positionOf(range.startContainer, range.startOffset);
  const end = positionOf(range.endContainer, range.endOffset);
  selected = begin !== null && end !== null && end > begin ? [begin, end] : null;
  const size = selected ? end - begin : 0, most = run.limits.segment;
  byId("similar-go").disabled = !selected || size > most;
  byId("selection").textContent = !selected ? "select a stretch of the text"
    : size > most ? `${count(size)} characters selected, at most ${count(most)}` : `${count(size)} ${size === 1 ? "character" : "characters"} selected`;
}

function show(reply, recurrence) {
  const layer = run.recurrences.find(({ name }) => name === recurrence).label;
  const whole = reply.end - reply.begin === run.text.characters;
  byId("similar-state").textContent = `${count(reply.matches.length)} passages in which these units of ${layer} are on: `
    + `${reply.units.join(", ")}${whole ? "" : `; searched: characters ${count(reply.begin + 1)} to ${count(reply.end)}`}`
    + ". Score: the share of these units that are on there too, lower for each other unit that is on.";
  byId("similar-state").title = byId("similar-state").textContent;
  byId("similar-list").replaceChildren(...reply.matches.map(({ score, begin, before, text, after }) => {
    const button = make("button", { type: "button", class: "plain" },
      make("span", { class: "dim" }, visible(before.slice(-12))), make("b", {}, visible(text) || " "),
      make("span", { class: "dim" }, visible(after)));
    button.addEventListener("click", () => goTo(begin));
    return make("li", { "data-at-text": begin }, make("span", { class: "number" }, fixed(score, 2)), button);
  }));
}

function search() {
  if (!selected) return;
  const [begin, end] = selected, { recurrence } = unit;
  byId("similar").hidden = false;
  byId("similar-state").textContent = "searching …";
  byId("similar-list").replaceChildren();
  attempt("similar", async () => {
    try {
      const reply = await searching((signal) =>
        fetchJson("/api/similar", { body: { recurrence, begin, end }, signal }));
      if (reply) show(reply, recurrence);
    } catch (error) {
      if (!(error instanceof ServerError) || !error.status) throw error;
      byId("similar-state").textContent = error.message;
    }
  });
}

export function startSimilar() {
  document.addEventListener("selectionchange", look);
  byId("similar-go").addEventListener("click", search);
  byId("similar-close").addEventListener("click", () => { searching.stop(); byId("similar").hidden = true; });
  const step = (by) => () => {
    const all = [...byId("similar-list").querySelectorAll("button")];
    all[all.indexOf(document.activeElement) + by]?.focus();
  };
  onKeys(byId("similar"), { ArrowDown: step(1), ArrowUp: step(-1), Escape: () => byId("similar-close").click() });
}
