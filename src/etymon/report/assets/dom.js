/* Elements from values. Text becomes text nodes and nothing else, so no value can ever turn into markup. */

import { finite } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element: element("p", { class: "lead" }, "text", child, [children]). Empty children are left out. */
export function element(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, made the same way. */
export function drawn(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A button that says what it does. */
export function button(label, action, attributes) {
  const node = element("button", { type: "button", ...attributes }, label);
  node.addEventListener("click", action);
  return node;
}

/** The array inside, or an empty one: absent and malformed parts of the data read alike. */
export function list(value) {
  return Array.isArray(value) ? value : [];
}

/** The list's members that are objects; a stray null or number in the data is no row. */
export function rowsOf(value) {
  return list(value).filter((row) => row !== null && typeof row === "object");
}

/** The [key, number] pairs of an object whose values are numbers that can be drawn. */
export function numberEntries(value) {
  return Object.entries(value ?? {}).filter(([, number]) => finite(number) !== null);
}

/** Text of any value: strings as they are, nothing for nothing, the rest as JSON. */
export function words(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

let serial = 0;

/** A fresh id for label and description references. */
export function freshId(stem) {
  serial += 1;
  return `${stem}-${serial}`;
}
