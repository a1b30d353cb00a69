/** The clock and planned trouble. */

import { h } from './nodes.js';
import { badge, picker } from './parts.js';
import { shown } from './place.js';
import { span } from './times.js';

const STEPS = [['1h', '1 hour'], ['1d', '1 day'], ['3d', '3 days']];
const TROUBLE = [
  ['Webhook deliveries', [
    ['duplicate', 'Sent twice', '%'], ['reorder', 'Out of order', '%'], ['delay', 'Late', '%'],
    ['drop', 'Never sent', '%'], ['bad_signature', 'Wrong signature', '%'], ['answer_lost', 'Answer lost', '%'],
    ['spread_seconds', 'Out of order by up to', 's'], ['delay_seconds', 'Late by', 's'],
  ]],
  ['API requests', [
    ['api_429', 'Too many requests', '%'], ['api_500', 'Server error', '%'], ['api_timeout', 'Timeout', '%'],
    ['api_drop', 'Connection closed', '%'], ['timeout_seconds', 'Timeout after', 's'],
    ['rate_limit', 'Requests per second', '', 'none'],
  ]],
  ['Endpoints and chance', [
    ['disable_after_days', 'Disabled after failing for', 'days', 'never'], ['seed', 'Seed: the same number repeats the same trouble', ''],
  ]],
];

export function controls() {
  const overview = shown.overview;
  return [
    h('h1', { tabindex: -1, 'data-key': 'title controls' }, 'Clock and trouble'),
    overview ? [clockPanel(overview), troublePanel(overview.trouble, overview.troubled)] : h('p', { class: 'empty', 'data-key': 'loading' }, 'Loading …'),
  ];
}

function clockPanel(overview) {
  const ahead = overview.offset < 1 ? 'It runs with this machine’s clock.' : `It is ${span(overview.offset)} ahead of this machine’s clock.`;
  return h('section', { class: 'panel', 'data-key': 'clock', 'aria-labelledby': 'clock-title' },
    h('h2', { id: 'clock-title' }, 'Clock'),
    h('p', null, ahead, ' Advancing it runs everything that is due until then: sessions expire, debits settle, webhooks are retried. It cannot go back.'),
    h('div', { class: 'actions' },
      STEPS.map(([advance, text]) => h('button', { type: 'button', 'data-do': 'advance', 'data-advance': advance, 'data-key': advance }, `Advance ${text}`)),
      h('form', { class: 'act', 'data-form': 'advance', 'data-key': 'typed' },
        h('label', null, h('span', null, 'Advance by ', h('small', null, '(90s, 30m, 12h, 3d)')),
          h('input', { name: 'advance', value: '30m', autocomplete: 'off' })),
        h('button', { type: 'submit' }, 'Advance'))));
}

function troublePanel(trouble, on) {
  const number = ([name, label, unit, nothing]) => h('label', { 'data-key': name }, h('span', null, label), h('span', { class: 'unit' },
    h('input', { name, value: trouble[name] ?? '', inputmode: 'decimal', autocomplete: 'off', placeholder: nothing ?? '0', 'data-empty': nothing ? 'null' : '0' }), unit ? ` ${unit}` : null));
  return h('section', { class: 'panel', 'data-key': 'trouble', 'aria-labelledby': 'trouble-title' },
    h('h2', { id: 'trouble-title' }, 'Planned trouble ', badge(on ? { text: 'On', tone: 'bad' } : { text: 'Off', tone: 'quiet' })),
    h('p', null, 'What goes wrong on purpose, to test how a shop copes. Shares are in percent.'),
    h('form', { 'data-form': 'trouble' },
      TROUBLE.map(([legend, fields]) => h('fieldset', { 'data-key': legend }, h('legend', null, legend), h('div', { class: 'grid' },
        fields.map(number),
        legend === 'API requests' ? [
          h('label', { 'data-key': 'effect' }, h('span', null, 'Strikes'), picker('api_effect', trouble.api_effect, [
            ['either', 'before or after the effect'], ['before', 'before the effect'], ['after', 'after the effect'],
          ])),
          h('label', { class: 'check', 'data-key': 'stored' }, h('input', { type: 'checkbox', name: 'api_500_stored', checked: trouble.api_500_stored }),
            ' A server error is repeated for the same idempotency key'),
        ] : null))),
      h('div', { class: 'actions' },
        h('button', { type: 'submit' }, 'Apply'),
        h('button', { type: 'button', class: 'second', 'data-do': 'preset' }, 'A bad day'),
        h('button', { type: 'button', class: 'second', 'data-do': 'calm' }, 'Switch all off'))));
}
