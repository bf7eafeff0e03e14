// What has just happened, said once and gone after a while. Errors interrupt a screen reader, the rest waits.

import { h, render } from "./dom.js";

const NOTICE_MS = 8000;

export function notice(...content) {
  const place = document.getElementById("notices");
  const said = h("p", { class: "notice" }, content);
  place.append(said);
  setTimeout(() => said.remove(), NOTICE_MS);
}

export function showRefusal(error) {
  render(
    document.getElementById("errors"),
    error &&
      h(
        "div",
        { class: "notice bad" },
        h("p", null, error.message),
        error.problems?.length > 0 &&
          h(
            "ul",
            null,
            error.problems.map((problem) => h("li", null, problem)),
          ),
        h("button", { type: "button", class: "plain", "data-action": "dismiss" }, "Dismiss"),
      ),
  );
}
