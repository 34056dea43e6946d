// The page: loads the run, then shows a tab for each of its panes.

import { address, keep, onAddress } from "./address.js";
import { attempt, fetchJson, leavePane } from "./api.js";
import { byId, count, make, onKeys } from "./dom.js";
import { neighbour, startGrid } from "./grid.js";
import { poll, startHypotheses } from "./hypotheses.js";
import { startOverlay } from "./overlay.js";
import { openPredict, startPredict } from "./predict.js";
import { openText, startText } from "./text.js";
import { startMeaning } from "./meaning.js";
import { startOwn } from "./own.js";
import { startSimilar } from "./similar.js";
import { hideTip } from "./tip.js";
import { closeTraining, openTraining, startTraining } from "./training.js";
import { openTranslation, startTranslation } from "./translation.js";
import { closeType, openType, startType } from "./type.js";
import { choose, fromAddress, run, unit } from "./units.js";
import { openUnrolled, startUnrolled } from "./unrolled.js";
import { startWrite } from "./write.js";

const nothing = () => undefined;
function startTexts() {
  startText(neighbour);
  startOverlay();
  startHypotheses();
  startMeaning();
  startOwn();
  startSimilar();
  startGrid();
  poll();
}

const PANES = {
  text: { name: "Text", start: startTexts, open: openText },
  type: { name: "Type here", start: startType, open: openType, close: closeType },
  predict: { name: "Type here", start: startPredict, open: openPredict },
  write: { name: "Generate", start: startWrite },
  unrolled: { name: "Unrolled", start: startUnrolled, open: openUnrolled },
  training: { name: "Training", start: startTraining, open: openTraining, close: closeTraining },
  translation: { name: "Translation", start: startTranslation, open: openTranslation },
};
const panes = () => run.panes.filter((name) => name in PANES);
let open = null;

function show(name) {
  if (open === name) return;
  if (open) { (PANES[open].close ?? nothing)(); leavePane(); }
  open = name;
  hideTip();
  for (const other of panes()) {
    const tab = byId(`tab-${other}`), selected = other === name;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
    byId(`pane-${other}`).hidden = !selected;
  }
  (PANES[name].open ?? nothing)();
}

function go(name) {
  keep({ pane: name }, true);
  show(name);
}

function showTabs() {
  byId("tabs").replaceChildren(...panes().map((name) => {
    const tab = make("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `pane-${name}`,
      "aria-selected": false, tabindex: -1 }, PANES[name].name);
    tab.addEventListener("click", () => go(name));
    return tab;
  }));
  const move = (to) => () => {
    const all = panes(), at = to(all.indexOf(open), all.length);
    go(all[(at + all.length) % all.length]);
    byId(`tab-${open}`).focus();
  };
  onKeys(byId("tabs"), {
    ArrowLeft: move((at) => at - 1), ArrowRight: move((at) => at + 1), Home: move(() => 0), End: move((_, n) => n - 1),
  });
}

const requested = () => panes().includes(address.pane) ? address.pane : panes()[0];

async function start() {
  Object.assign(run, await fetchJson("/api/run"));
  document.title = `${run.name} · unrolled`;
  byId("name").textContent = run.name;
  const { source, characters } = run.text;
  byId("about").textContent = `${run.about} · ${source.split("/").at(-1)}, ${count(characters)} characters`;
  byId("about").title = source;
  Object.assign(unit, fromAddress());
  showTabs();
  for (const name of panes()) PANES[name].start();
  if (panes().length) show(requested());
  document.body.dataset.ready = "true";
  onAddress(() => {
    choose(fromAddress());
    show(requested());
    if (open === "text") openText();
  });
}

attempt("run", start);
