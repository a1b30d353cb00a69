import { expect, test } from 'vitest';
import addresses from '../../../checkout_daemon/web/pages.json';
import { routeOf } from './route';

test.each([
  ['/', '', { page: 'catalog' }],
  ['/success', '?session_id=cs_1', { page: 'order', entrance: 'success', reference: 'cs_1' }],
  ['/cancel/', '?order_id=abc', { page: 'order', entrance: 'cancel', reference: 'abc' }],
  ['/success', '?order_id=abc', { page: 'order', entrance: 'link', reference: 'abc' }],
  ['/success', '?session_id=cs_1&order_id=abc', { page: 'order', entrance: 'success', reference: 'cs_1' }],
  ['/success', '', { page: 'order', entrance: 'link', reference: '' }],
  ['/elsewhere', '', { page: 'lost' }],
  ['//', '', { page: 'lost' }],
  ['/success//', '', { page: 'lost' }],
  ['/constructor', '', { page: 'lost' }],
])('%s%s', (pathname, search, route) => {
  expect(routeOf({ pathname, search })).toEqual(route);
});

test.each(Object.keys(addresses))('%s, which the daemon serves the shop at, is a page', (pathname) => {
  expect(routeOf({ pathname, search: '' }).page).not.toBe('lost');
});
