/** Draws the page. */

import { controls } from './controls.js';
import { details } from './details.js';
import { list } from './list.js';
import { draw, focus, h } from './nodes.js';
import { address, shown } from './place.js';
import { FULL, sandboxNow, span } from './times.js';
import { VIEWS } from './views.js';

export function show() {
  const active = document.activeElement;
  const home = active?.closest('[data-thing]')?.dataset.thing;
  const { place } = shown;
  const view = VIEWS[place.view];
  draw(document.getElementById('nav'), navigation());
  draw(document.getElementById('list'), place.view === 'controls' ? controls() : list(view));
  const detail = document.getElementById('detail');
  detail.hidden = !place.id;
  document.getElementById('main').classList.toggle('split', Boolean(place.id));
  draw(detail, place.id ? details(view) : []);
  tick();
  document.title = [place.id, view.title, 'Offline Stripe'].filter(Boolean).join(' – ');
  if (active && active !== document.body && !active.isConnected) {
    // The pressed button is gone, since its action cannot be repeated: keep the focus near it.
    focus(home && document.querySelector(`[data-thing="${CSS.escape(home)}"] :is(h2, h3)`));
    if (document.activeElement === document.body) focus(document.querySelector('#detail h2, #list h1'));
  }
}

function navigation() {
  const counts = shown.overview?.counts ?? {};
  return h('ul', null, Object.entries(VIEWS).map(([name, { nav }]) => {
    const bad = name === 'deliveries' && counts.failed > 0;
    const troubled = name === 'controls' && shown.overview?.troubled;
    return h('li', { 'data-key': name },
      h('a', { href: address(name), 'aria-current': name === shown.place.view ? 'page' : null },
        nav,
        counts[name] === undefined ? null : h('span', { class: 'count', 'data-key': 'count' }, ` ${counts[name]}`),
        bad ? h('span', { class: 'count bad', 'data-key': 'bad' }, ` ${counts.failed} failing`) : null,
        troubled ? h('span', { class: 'count bad', 'data-key': 'on' }, ' trouble is on') : null));
  }));
}

export function tick() {
  const clock = document.getElementById('clock');
  if (!shown.overview) return;
  const text = `${FULL.format(new Date(sandboxNow() * 1000))}${shown.overview.offset >= 1 ? `, ${span(shown.overview.offset)} ahead` : ''}`;
  if (clock.textContent !== text) clock.textContent = text;
}
