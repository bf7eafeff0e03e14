// The HTTP API. The function key is typed once and stays in this tab; it travels in a header, never in an address.

const STORED = "function-key";
const ROOT = new URL(".", location.href.split("#")[0]);

export class Refusal extends Error {
  constructor(status, detail, problems) {
    super(detail);
    this.status = status;
    this.problems = problems;
  }
}

export function storedKey() {
  return sessionStorage.getItem(STORED);
}

export function keepKey(key) {
  if (key) sessionStorage.setItem(STORED, key);
  else sessionStorage.removeItem(STORED);
}

export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return send("GET", query ? `${path}?${query}` : path);
}

export function post(path, body) {
  return send("POST", path, body === undefined ? undefined : JSON.stringify(body));
}

// The bytes of a file as the body; a refusal of what is in it is an answer as well.
export async function sendFile(method, path, file) {
  const response = await fetched(method, path, file, "application/octet-stream");
  if (response.status === 422) return response.json();
  return answered(response);
}

// A file that the app answers, as a Blob.
export async function download(method, path, file) {
  const response = await fetched(method, path, file, "application/octet-stream");
  return response.ok ? response.blob() : answered(response);
}

export function part(name) {
  return encodeURIComponent(name);
}

async function send(method, path, body) {
  return answered(await fetched(method, path, body, "application/json"));
}

async function fetched(method, path, body, type) {
  const headers = {};
  if (storedKey()) headers["x-functions-key"] = storedKey();
  if (body !== undefined) headers["content-type"] = type;
  try {
    return await fetch(new URL(path, ROOT), { method, headers, body, cache: "no-store" });
  } catch {
    throw new Refusal(0, silence(method, path), []);
  }
}

async function answered(response) {
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, content.detail ?? meaning(response), content.problems ?? []);
  return content;
}

function silence(method, path) {
  if (method === "GET") return "The app does not answer. It is tried again.";
  if (path.startsWith("config")) return "The app does not answer. The page says which version is active once it does.";
  return "The app does not answer. Check the list of runs before you repeat the request.";
}

function meaning(response) {
  if (response.status === 401 && !storedKey()) return "The app requires a key.";
  if (response.status === 401 || response.status === 403) return "This key may not do that.";
  return `The app answered ${response.status} ${response.statusText}.`;
}
