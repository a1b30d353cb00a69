/** Draws one object: its facts, actions, parts, attempts, JSON and events. */

import { h } from './nodes.js';
import { badge, copyButton, facts, rowItem } from './parts.js';
import { address, filtersOf, shown } from './place.js';
import { duration, time } from './times.js';

export function details(view) {
  const { place, thing, missing } = shown;
  const back = h('p', { class: 'back', 'data-key': 'back' },
    h('a', { href: address(place.view, '', filtersOf(place)), 'data-do': 'back' }, `Back to ${view.title.toLowerCase().replace('api', 'API').replace('checkout', 'Checkout')}`));
  if (!thing) {
    const text = missing || 'Loading …';
    return [back, h('h2', { tabindex: -1, 'data-key': `title ${place.id}` }, missing ? 'Not found' : place.id), h('p', { class: 'empty' }, text)];
  }
  return [back, article(thing, 2)];
}

function article(thing, level) {
  const heading = `h${Math.min(level, 6)}`;
  return h('article', { class: `thing level${level}`, 'data-thing': thing.id, 'data-key': `${thing.kind} ${thing.id}` },
    h('p', { class: 'kind' }, thing.kind),
    h(heading, { tabindex: -1, 'data-key': 'title' }, thing.title, ' ', thing.states.map(badge)),
    facts(thing),
    thing.actions.length ? h('div', { class: 'actions', 'data-key': 'actions' }, thing.actions.map(action)) : null,
    thing.note ? h('p', { class: 'note', 'data-key': 'note' }, thing.note) : null,
    thing.attempts.length ? attempts(thing) : null,
    thing.parts.map((part) => article(part, level + 1)),
    thing.body ? json(thing) : null,
    thing.rows.length ? about(thing, level) : null);
}

function action(button) {
  const given = JSON.stringify(button.given);
  const key = `${button.name} ${given}`;
  if (button.href) return h('a', { class: 'button', href: button.href, target: '_blank', rel: 'noreferrer', 'data-key': key }, button.label);
  const sending = { type: 'button', 'data-do': 'act', 'data-name': button.name, 'data-given': given, 'data-key': key };
  if (!button.fields.length) return h('button', sending, button.label);
  return h('form', { class: 'act', 'data-form': 'act', 'data-name': button.name, 'data-given': given, 'data-key': key },
    button.fields.map((field) => h('label', null, h('span', null, field.label, field.hint ? h('small', null, ` (${field.hint})`) : null), h('input', {
        name: field.name, value: field.value, autocomplete: 'off', class: field.name,
      }))),
    h('button', { type: 'submit' }, button.label));
}

function attempts(thing) {
  return h('ol', { class: 'attempts', reversed: true, 'data-key': 'attempts', 'aria-label': 'Attempts, latest first' },
    thing.attempts.map((attempt) => h('li', { 'data-key': String(attempt.id) },
      h('p', null, badge(attempt.state), ' ', time(attempt.at), h('span', { class: 'took' }, ` took ${duration(attempt.seconds)}`)),
      attempt.text ? h('p', { class: 'why', 'data-key': 'why' }, attempt.text) : null,
      attempt.url ? h('p', { class: 'id', 'data-key': 'url' }, attempt.url) : null,
      attempt.response
        ? h('details', { 'data-key': 'answer' }, h('summary', null, 'Response'), block(attempt.response, 'Response'))
        : null)));
}

function json(thing) {
  const text = JSON.stringify(thing.body, null, 2);
  return h('details', { class: 'json', 'data-key': 'json' },
    h('summary', null, `JSON of the ${thing.kind[0].toLowerCase()}${thing.kind.slice(1)}`.replace('checkout', 'Checkout')),
    copyButton(text, `the JSON of ${thing.id}`),
    block(text, `JSON of ${thing.id}`));
}

/** Text that may be wider than the page. The keyboard can scroll it as well. */
function block(text, name) {
  return h('pre', { tabindex: 0, role: 'group', 'aria-label': name }, text);
}

function about(thing, level) {
  return h('section', { class: 'about', 'data-key': 'about' },
    h(`h${Math.min(level + 1, 6)}`, null, 'Related events'),
    h('ul', { class: 'rows', 'data-key': 'rows' }, thing.rows.map((row) => rowItem(row, false))));
}
