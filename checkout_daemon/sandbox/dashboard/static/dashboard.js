/** The offline Stripe's page: loads what happened, draws it, and sends actions. */

import './actions.js';
import { show, tick } from './drawing.js';
import { connect } from './live.js';
import { focus } from './nodes.js';
import { notify } from './notice.js';
import { address, filtersOf, readPlace, shown } from './place.js';
import { refresh } from './loading.js';

async function moved() {
  const before = shown.place;
  const place = readPlace();
  shown.place = place;
  if (address(before.view, '', filtersOf(before)) !== address(place.view, '', filtersOf(place))) shown.expanded = false;
  if (before.view !== place.view) Object.assign(shown, { rows: null, more: false });
  if (before.id !== place.id || before.view !== place.view) Object.assign(shown, { thing: null, missing: '' });
  if (before.view !== place.view || before.id !== place.id) notify('');
  await refresh();
  const same = before.view === place.view;
  if (place.id && (before.id !== place.id || !same)) focus(document.querySelector('#detail h2'));
  else if (before.id && !place.id && same) focus(document.querySelector(`[data-row="${CSS.escape(before.id)}"]`));
  else if (!same) focus(document.querySelector('#list h1'));
}

document.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { target, key } = event;
  if (key === 'Escape' && shown.place.id && !target.closest('input, select, textarea')) {
    location.hash = address(shown.place.view, '', filtersOf(shown.place));
  } else if ((key === 'ArrowDown' || key === 'ArrowUp') && target.matches('a.row')) {
    const rows = [...target.closest('ul').querySelectorAll('a.row')];
    const next = rows[rows.indexOf(target) + (key === 'ArrowDown' ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

addEventListener('hashchange', () => moved());
setInterval(tick, 1000);
shown.rows = null;
show();
connect();
