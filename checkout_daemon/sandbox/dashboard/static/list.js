/** Draws a list with its filters. */

import { h } from './nodes.js';
import { badge, facts, picker, rowItem } from './parts.js';
import { shown } from './place.js';

export function list(view) {
  const { place, rows } = shown;
  const filtered = Boolean(place.only || place.type || place.search);
  return [
    h('h1', { tabindex: -1, 'data-key': `title ${place.view}` }, view.title),
    place.view === 'deliveries' ? receivers() : null,
    filters(view),
    rows === null ? h('p', { class: 'empty', 'data-key': 'loading' }, 'Loading …') : null,
    rows?.length === 0
      ? h('p', { class: 'empty', 'data-key': 'empty' }, filtered ? 'No matches. Change or clear the filters.' : view.empty)
      : null,
    rows?.length ? h('ul', { class: `rows ${place.view}`, 'data-key': `rows ${place.view}` }, rows.map((row) => rowItem(row))) : null,
    shown.more ? h('p', { class: 'more', 'data-key': 'more' }, h('button', { type: 'button', 'data-do': 'more' }, 'Load more')) : null,
  ];
}

function filters(view) {
  const { place } = shown;
  const any = place.only || place.type || place.search;
  return h('form', { class: 'filters', role: 'search', 'data-form': 'filter', 'data-key': `filters ${place.view}` },
    h('label', null, 'Show ', picker('only', place.only, view.only)),
    view.types
      ? h('label', null, 'Type ', picker('type', place.type, [
        ['', 'All types'], ...(shown.overview?.types ?? []).map((type) => [type, type]),
      ]))
      : null,
    h('label', { class: 'grow' }, 'Search ', h('input', {
      type: 'search', name: 'search', value: place.search, placeholder: view.search, autocomplete: 'off', spellcheck: 'false',
    })),
    any ? h('button', { type: 'button', class: 'second', 'data-do': 'clear', 'data-key': 'clear' }, 'Clear') : null);
}

function receivers() {
  const all = shown.overview?.receivers ?? [];
  return h('section', { class: 'receivers', 'data-key': 'receivers', 'aria-labelledby': 'receivers' },
    h('h2', { id: 'receivers' }, 'Event receivers'),
    all.length === 0
      ? h('p', { class: 'empty', 'data-key': 'empty' },
        'None yet. Run ', h('code', null, 'stripe listen --forward-to …'), ' or create a webhook endpoint through the API.')
      : h('ul', { class: 'cards', 'data-key': 'all' }, all.map((receiver) => h('li', { 'data-key': receiver.id },
        h('p', { class: 'head' }, h('strong', null, receiver.title), ' ', receiver.states.map(badge)), facts(receiver)))));
}
