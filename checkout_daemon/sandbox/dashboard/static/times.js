/** Formats times on the sandbox's clock, and durations. */

import { h } from './nodes.js';
import { shown } from './place.js';

const SHORT = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DATED = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
export const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** The sandbox's current time in seconds since the epoch. */
export function sandboxNow() {
  const { now, read } = shown.overview;
  return now + (performance.now() - read) / 1000;
}

export function time(seconds, full = false) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h('time', null, '');
  const today = shown.overview && date.toDateString() === new Date(sandboxNow() * 1000).toDateString();
  const text = full ? FULL.format(date) : today ? SHORT.format(date) : DATED.format(date);
  return h('time', { datetime: date.toISOString(), title: FULL.format(date) }, text);
}

export function duration(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

export function span(seconds) {
  const units = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']];
  const parts = [];
  let left = seconds < 3600 ? Math.round(seconds) : Math.round(seconds / 60) * 60;
  for (const [size, name] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.slice(0, 2).join(' and ') || 'nothing';
}
