// A custom hypothesis: a regular expression, true inside its matches.

import { attempt, fetchJson, ServerError } from "./api.js";
import { byId } from "./dom.js";
import { pickNamed } from "./hypotheses.js";
import { run } from "./units.js";

export function startOwn() {
  const field = byId("expression"), button = byId("expression-go"), line = byId("expression-state");
  field.maxLength = run.limits.expression;
  const tell = (text, wrong = false) => {
    line.textContent = line.title = text;
    line.classList.toggle("wrong", wrong);
    field.setAttribute("aria-invalid", wrong);
  };
  field.addEventListener("input", () => tell(""));
  byId("own").addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    tell("matching the text …");
    attempt("own", async () => {
      try {
        const { name } = await fetchJson("/api/hypotheses", { body: { expression: field.value } });
        tell("scoring every unit …");
        const scored = await pickNamed(name);
        tell(scored ? "" : "it is too rare in the scored part of the text", !scored);
      } catch (error) {
        if (!(error instanceof ServerError) || !error.status) { tell(""); throw error; }
        tell(error.message, true);              // what is wrong with the expression, beside it
      }
    }).finally(() => { button.disabled = false; });
  });
}
