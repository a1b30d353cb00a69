/** The current place, taken from the address (#/view/id?only=…&type=…&search=…), and the data shown there. */

import { VIEWS } from './views.js';

export function readPlace() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [view, ...rest] = path.split('/');
  const known = Object.hasOwn(VIEWS, view) ? view : 'sessions';
  const wanted = new URLSearchParams(query ?? '');
  const filters = Object.fromEntries(['only', 'type', 'search'].map((name) => [name, wanted.get(name) ?? '']));
  return { view: known, id: known === view && known !== 'controls' ? decode(rest.join('/')) : '', ...filters };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is shown. The place comes from the address, the rest from the sandbox. */
export const shown = { place: readPlace(), overview: null, rows: [], more: false, expanded: false, thing: null, missing: '' };

export function address(view, id = '', filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`;
}

export function filtersOf({ only, type, search }) {
  return { only, type, search };
}

/** Link to an object. Within the same list, the link keeps the list's filters. */
export function placeHref(place) {
  const [view, ...rest] = place.split('/');
  return address(view, rest.join('/'), view === shown.place.view ? filtersOf(shown.place) : {});
}
