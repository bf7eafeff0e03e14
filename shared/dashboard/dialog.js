// The page's one dialog: asks for a key, asks whether something is meant, shows what a dry run found.

import { h } from "./dom.js";

const DIALOG = document.getElementById("dialog");

// Show the dialog; resolves with the form's values when it is confirmed, with null when it is closed.
export function ask({ title, content, confirm, danger = false }) {
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    content,
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", "data-dialog": "close" }, confirm ? "Back" : "Close"),
      confirm && h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm),
    ),
  );
  DIALOG.replaceChildren(form);
  if (!DIALOG.open) DIALOG.showModal();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(Object.fromEntries(new FormData(form)));
      DIALOG.close();
    });
    form.querySelector("[data-dialog=close]").addEventListener("click", () => DIALOG.close());
    DIALOG.addEventListener("close", () => resolve(null), { once: true });
  });
}

export function dialogIsOpen() {
  return DIALOG.open;
}
