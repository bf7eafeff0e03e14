// What an operator takes back: a watermark, a version of the workbook.

import { part, post } from "./api.js";
import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { jobLink } from "./links.js";
import { notice } from "./notices.js";

export async function rewindJob({ job, watermark }) {
  const answer = await ask({
    title: `Rewind ${job}`,
    confirm: "Rewind",
    danger: true,
    content: [
      h("p", null, "The next load starts after this value, and reads again what came later."),
      h(
        "label",
        null,
        "Watermark ",
        h("input", { type: "search", name: "value", value: watermark, autocomplete: "off", spellcheck: "false" }),
      ),
      check("clear", " Start over: load everything again"),
      check("accept_duplicates", " Accept that rows come twice, if the job appends"),
    ],
  });
  if (!answer) return;
  const wanted = answer.clear ? { clear: true } : { value: answer.value };
  const done = await post(`jobs/${part(job)}/watermark`, {
    ...wanted,
    accept_duplicates: answer.accept_duplicates === "on",
  });
  const start = done.watermark ? `after ${done.watermark}` : "from the start";
  notice("The next load of ", jobLink(job), ` starts ${start}.`);
}

export async function rollBack({ sha }) {
  const answer = await ask({
    title: `Roll back to version ${sha.slice(0, 12)}`,
    confirm: "Roll back",
    danger: true,
    content: h("p", null, "That version of the workbook becomes active. What was loaded stays as it is."),
  });
  if (!answer) return;
  await post("config/rollback", { sha256: sha });
  notice(`Version ${sha.slice(0, 12)} is active again.`);
}

function check(name, text) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", name }), text);
}
