/**
 * Elements of index.html, found by their selectors.
 * @module
 */

/** The element under `root`; throws an Error that names what index.html does not have. */
export function find<T extends Element>(root: ParentNode, selector: string, kind: new () => T): T {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} at ${selector}.`);
  return element;
}

/** A new element with a class, text and attributes. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { className = "", text = "", attributes = {} }: {
    className?: string;
    text?: string;
    attributes?: Record<string, string>;
  } = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
