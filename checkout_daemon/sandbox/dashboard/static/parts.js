/** Draws what lists and details share. */

import { h } from './nodes.js';
import { placeHref, shown } from './place.js';
import { time } from './times.js';

export function badge(state) {
  return h('span', { class: `badge ${state.tone}` }, state.text);
}

export function facts(thing) {
  if (!thing.facts.length) return null;
  return h('dl', { class: 'facts', 'data-key': 'facts' }, thing.facts.map((fact, at) =>
    h('div', { 'data-key': `${fact.label} ${at}` }, h('dt', null, fact.label), h('dd', null, factValue(fact)))));
}

function factValue(fact) {
  if (fact.kind === 'time') return time(Number(fact.text), true);
  const text = fact.kind === 'text' ? h('span', null, fact.text) : h('code', null, fact.text);
  const value = fact.place ? h('a', { href: placeHref(fact.place) }, text) : text;
  return fact.kind === 'id' ? [value, ' ', copyButton(fact.text)] : value;
}

export function copyButton(text, name = text) {
  return h('button', { type: 'button', class: 'copy', 'data-do': 'copy', 'data-text': text, 'aria-label': `Copy ${name}` }, 'Copy');
}

export function picker(name, value, options) {
  const known = options.some(([option]) => option === value);
  const all = known ? options : [...options, [value, value]];
  return h('select', { name, 'data-value': value }, all.map(([option, text]) => h('option', { value: option, 'data-key': `=${option}` }, text)));
}

/** The key of a row in the address: a delivery's number, otherwise an id. */
export function rowKey(row) {
  return row.place.slice(row.place.indexOf('/') + 1);
}

export function rowItem(row, linked = true) {
  const id = rowKey(row);
  const current = linked && id === shown.place.id;
  return h('li', { 'data-key': String(row.seq) },
    h('a', { class: 'row', href: placeHref(row.place), 'data-row': linked ? id : null, 'aria-current': current ? 'true' : null },
      h('span', { class: 'states' }, row.states.map(badge)),
      h('span', { class: 'title' }, row.title),
      h('span', { class: 'text' }, row.text, row.text ? ' ' : null, h('span', { class: 'id' }, row.id)),
      time(row.at)));
}
