// Building and updating the page. Every value becomes a text node or an attribute: nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element: h("a", { href: "#/" }, "text", [more], null). An attribute that is null or false is left out.
export function h(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// The same for a part of a drawing.
export function s(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

// Make the children of an element what is given and keep the nodes that fit, with focus, scroll and typed text.
// Elements with data-key are found by it, others by their place.
export function render(element, ...children) {
  const fresh = element.cloneNode(false);
  fresh.append(...present(children));
  updateChildren(element, fresh);
}

function updateChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) {
    if (child.dataset.key) keyed.set(child.dataset.key, child);
  }
  let place = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = next.dataset?.key;
    const kept = key ? keyed.get(key) : place?.dataset?.key ? null : place;
    if (!kept || kept.nodeName !== next.nodeName) {
      old.insertBefore(next, place);
      continue;
    }
    if (kept === place) place = place.nextSibling;
    else old.insertBefore(kept, place);
    update(kept, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

// Whether the reader has the say in an attribute of what is there already: he folds and unfolds it.
function isReaders(name) {
  return name === "open";
}

function update(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !isReaders(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !isReaders(name)) old.setAttribute(name, value);
  }
  updateChildren(old, next);
}
