/**
 * Creates nodes, and updates them so that focus, scroll position, open details and typed text stay.
 * All shown text may be hostile: nodes are created by `h` only, and text becomes text nodes.
 */

/** Create a node. Children are nodes, texts, lists of them, or nothing. */
export function h(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  if (name === 'select') node.value = node.dataset.value ?? '';
  return node;
}

/** Update the children of a node without losing focus, scroll position, open details and typed text. */
export function draw(node, ...children) {
  const wanted = h('div', null, children);
  morphChildren(node, wanted);
}

function morph(from, to) {
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  const value = from.nodeName === 'SELECT' ? from.dataset.value : null;
  if (from.nodeName === 'INPUT') morphInput(from, to);
  for (const { name } of [...from.attributes]) {
    const kept = (name === 'open' && from.nodeName === 'DETAILS') || isTyped(from, name) || name === 'aria-disabled';
    if (!kept && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value: given } of [...to.attributes]) {
    const kept = (name === 'open' && from.nodeName === 'DETAILS') || isTyped(from, name);
    if (!kept && from.getAttribute(name) !== given) from.setAttribute(name, given);
  }
  morphChildren(from, to);
  if (value !== null && (from.value === value || from.selectedIndex < 0) && document.activeElement !== from) {
    from.value = to.dataset.value ?? '';
  }
}

function isTyped(node, name) {
  return node.nodeName === 'INPUT' && (name === 'value' || name === 'checked');
}

/** Update a field, unless someone has typed into it. */
function morphInput(from, to) {
  if (from.type === 'checkbox') {
    if (from.checked !== from.defaultChecked && from.checked !== to.defaultChecked) return;
    from.defaultChecked = to.defaultChecked;
    from.checked = to.defaultChecked;
  } else if (from.value === to.defaultValue) {
    from.defaultValue = to.defaultValue;
  } else if (from.value === from.defaultValue) {
    from.defaultValue = to.defaultValue;
    from.value = to.defaultValue;
  }
}

function morphChildren(from, to) {
  const wanted = [...to.childNodes];
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  for (const old of [...from.childNodes]) if (keyOf(old) && !keys.has(keyOf(old))) old.remove();
  const byKey = new Map([...from.childNodes].filter(keyOf).map((old) => [keyOf(old), old]));
  let cursor = from.firstChild;
  for (const next of wanted) {
    const found = keyOf(next) ? byKey.get(keyOf(next)) : alike(cursor, next);
    if (!found || found.nodeName !== next.nodeName) {
      from.insertBefore(next, cursor);
      continue;
    }
    while (!keyOf(next) && cursor !== found) cursor = removed(cursor);
    if (cursor === found) cursor = cursor.nextSibling;
    else from.insertBefore(found, cursor);
    morph(found, next);
  }
  while (cursor) cursor = removed(cursor);
}

/** Find the next sibling without a key that can become this node. One with a key is never skipped. */
function alike(cursor, next) {
  for (let node = cursor; node && !keyOf(node); node = node.nextSibling) if (node.nodeName === next.nodeName) return node;
  return null;
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined;
}

export function focus(node) {
  node?.focus();
}
