import { expect, test } from 'vitest';
import { routeOf } from './route';

test.each([
  ['/', '', { page: 'catalog' }],
  ['/success', '?session_id=cs_1', { page: 'order', entrance: 'success', reference: 'cs_1' }],
  ['/cancel/', '?order_id=abc', { page: 'order', entrance: 'cancel', reference: 'abc' }],
  ['/success', '', { page: 'order', entrance: 'success', reference: '' }],
  ['/elsewhere', '', { page: 'lost' }],
])('%s%s', (pathname, search, route) => {
  expect(routeOf({ pathname, search })).toEqual(route);
});
