// Asking for the function key, when the app wants one.

import { keepKey, storedKey } from "./api.js";
import { ask, dialogIsOpen } from "./dialog.js";
import { h } from "./dom.js";

// True when a new key was typed. `refused` says whether the one in use was not accepted.
export async function askForKey(refused) {
  if (dialogIsOpen()) return false;
  const answer = await ask({
    title: "Function key",
    confirm: "Use this key",
    content: [
      refused && h("p", { class: "notice bad" }, "The app did not accept the key."),
      h(
        "p",
        null,
        "The app answers only with a function key. It stays in this tab until the tab is closed, and is sent to this app only.",
      ),
      h("label", { for: "key-input" }, "Key"),
      h("input", {
        id: "key-input",
        name: "key",
        type: "password",
        autocomplete: "off",
        spellcheck: "false",
        required: true,
        autofocus: true,
      }),
    ],
  });
  if (answer) keepKey(answer.key.trim());
  return answer !== null;
}

// What the button says and does when there is a key: forget it.
export function forgetKey() {
  keepKey(null);
}

export function hasKey() {
  return Boolean(storedKey());
}
