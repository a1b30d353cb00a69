/** Handles clicks and forms. */

import { focus, h } from './nodes.js';
import { notify } from './notice.js';
import { address, filtersOf, shown } from './place.js';
import { ask, readMore, refresh } from './loading.js';
import { FULL } from './times.js';

const TYPING_MS = 250;
const PRESET = { duplicate: 20, reorder: 20, answer_lost: 10, drop: 5 };

/** Run an action once, however often its button is pressed meanwhile, and show the outcome. */
async function once(button, work) {
  if (button?.getAttribute('aria-disabled') === 'true') return;
  button?.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } catch (error) {
    notify(error.status ? error.message : 'The sandbox does not answer. Nothing was changed.', true);
  } finally {
    button?.removeAttribute('aria-disabled');
  }
}

async function act(name, given, form) {
  const answer = await ask(`/sandbox/api/act/${name}`, given);
  notify(answer.message);
  form?.reset();
  await refresh();
}

async function advance(by) {
  notify('Advancing the clock …');
  const { now } = await ask('/sandbox/clock', { advance: by });
  notify(`It is now ${FULL.format(new Date(now * 1000))}.`);
  await refresh();
}

async function setTrouble(change, text, form) {
  await ask('/sandbox/chaos', change);
  form?.reset();
  notify(text);
  await refresh();
}

function readTrouble(form) {
  const change = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === 'checkbox') change[field.name] = field.checked;
    else if (field.nodeName === 'SELECT') change[field.name] = field.value;
    else change[field.name] = readNumber(field);
  }
  return change;
}

function readNumber(field) {
  const text = field.value.trim().replace(',', '.');
  if (!text) return JSON.parse(field.dataset.empty);
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/** Reset planned trouble to the sandbox's own defaults. */
async function calm() {
  const response = await fetch('/sandbox/chaos', { method: 'DELETE' });
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  document.querySelector('form[data-form="trouble"]')?.reset();
  notify('All trouble is off.');
  await refresh();
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages with a secure origin may use the clipboard. 127.0.0.1 is one, another name may not be.
    const area = h('textarea', { readonly: true }, text);
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  notify(text.length > 80 ? 'Copied.' : `Copied ${text}`);
}

function applyFilters(form) {
  const data = Object.fromEntries(new FormData(form));
  location.replace(address(shown.place.view, shown.place.id, filtersOf({ only: '', type: '', search: '', ...data })));
}

const DO = {
  act: (button) => act(button.dataset.name, JSON.parse(button.dataset.given)),
  advance: (button) => advance(button.dataset.advance),
  calm,
  clear: () => {
    location.replace(address(shown.place.view, shown.place.id));
    focus(document.querySelector('.filters input'));
  },
  copy: (button) => copy(button.dataset.text, button),
  dismiss: () => {
    notify('');
    focus(document.getElementById('main'));
  },
  more: readMore,
  preset: () => setTrouble(PRESET, 'A bad day has started: duplicates, wrong order, lost answers.'),
  skip: () => focus(document.getElementById('main')),
};

const SUBMIT = {
  act: (form) => act(form.dataset.name, { ...JSON.parse(form.dataset.given), ...Object.fromEntries(new FormData(form)) }, form),
  advance: (form) => advance(form.elements.advance.value),
  filter: (form) => applyFilters(form),
  trouble: (form) => setTrouble(readTrouble(form), 'Planned trouble is set.', form),
};

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-do]') : null;
  const work = button && DO[button.dataset.do];
  if (!work) return;
  event.preventDefault();
  once(button, () => work(button));
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  once(event.target.querySelector('[type="submit"]'), () => SUBMIT[event.target.dataset.form](event.target));
});

let typing = 0;
document.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-form="filter"]');
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => form.isConnected && applyFilters(form), event.target.nodeName === 'SELECT' ? 0 : TYPING_MS);
});
