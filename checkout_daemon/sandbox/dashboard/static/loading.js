/** Loads what is shown from the sandbox, and draws it. */

import { show } from './drawing.js';
import { focus } from './nodes.js';
import { notify } from './notice.js';
import { rowKey } from './parts.js';
import { filtersOf, shown } from './place.js';
import { VIEWS } from './views.js';

/** Event on the document: the sandbox did not answer. */
export const SILENT = 'silent';

export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  const response = await fetch(path, { ...options, cache: 'no-store' });
  const type = response.headers.get('Content-Type') ?? '';
  const answer = type.startsWith('application/json') ? await response.json() : { error: await response.text() };
  if (response.ok) return answer;
  const error = new Error(answer.error?.message ?? answer.error ?? `The sandbox answered ${response.status}.`);
  throw Object.assign(error, { status: response.status });
}

let reading = null;
let again = false;

/** Load what is shown and draw it. A call during a load causes one more load afterwards. */
export function refresh() {
  if (reading) {
    again = true;
    return reading;
  }
  reading = (async () => {
    try {
      do {
        again = false;
        await read();
      } while (again);
    } finally {
      reading = null;
    }
  })();
  return reading;
}

async function read() {
  const { place } = shown;
  const list = VIEWS[place.view].only ? `/sandbox/api/${place.view}?${rowsQuery(place)}` : null;
  const thing = place.id ? `/sandbox/api/${place.view}/${encodeURIComponent(place.id)}` : null;
  const missing = (error) => {
    if (error.status === 404) return { missing: error.message };
    throw error;
  };
  try {
    const [overview, page, found] = await Promise.all([
      ask('/sandbox/api/overview'),
      list && ask(list),
      thing && ask(thing).catch(missing),
    ]);
    if (place !== shown.place) {
      again = true;
      return;
    }
    shown.overview = { ...overview, read: performance.now() };
    Object.assign(shown, { rows: page?.rows ?? [], more: page?.more ?? false });
    Object.assign(shown, found?.missing ? { thing: null, missing: found.missing } : { thing: found, missing: '' });
    show();
  } catch (error) {
    if (error.status) notify(error.message, true);
    else document.dispatchEvent(new Event(SILENT));
  }
}

function rowsQuery(place, more = {}) {
  const oldest = shown.expanded && shown.rows?.at(-1)?.seq;
  const wanted = { ...filtersOf(place), ...(oldest ? { down_to: oldest } : {}), ...more };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
}

export async function readMore() {
  const { place } = shown;
  const last = shown.rows.at(-1);
  const page = await ask(`/sandbox/api/${place.view}?${rowsQuery(place, { before: last.seq, down_to: '' })}`);
  if (place !== shown.place) return;
  Object.assign(shown, { rows: [...shown.rows, ...page.rows], more: page.more, expanded: true });
  show();
  notify(`${page.rows.length} more.`);
  if (!page.more) focus(document.querySelector(`[data-row="${CSS.escape(rowKey(page.rows[0] ?? last))}"]`));
}
