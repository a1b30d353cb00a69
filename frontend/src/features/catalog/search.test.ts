import { expect, test } from 'vitest';
import type { Product } from '@/lib/api';
import { folded, searchIn } from './search';

const product = (sku: string, name: string, description = ''): Product => ({
  sku,
  name,
  description,
  image_url: null,
  unit_amount: 100,
  currency: 'eur',
  available: true,
});

const shelf = [
  product('PEN-1', 'Füllfeder', 'für feine Linien'),
  product('TEA-2', 'Żółta herbata'),
  product('CREME', 'Crème brûlée', 'a **sweet** one'),
  product('STRASSE', 'Straßenkarte'),
  product('DESK', 'Schreib\u00adtisch\u200blampe'),
];

test.each([
  ['', ['PEN-1', 'TEA-2', 'CREME', 'STRASSE', 'DESK']],
  ['  ', ['PEN-1', 'TEA-2', 'CREME', 'STRASSE', 'DESK']],
  ['fullfeder', ['PEN-1']],
  ['FÜLL', ['PEN-1']],
  ['linien fein', ['PEN-1']],
  ['zolta', ['TEA-2']],
  ['creme brulee', ['CREME']],
  ['strassen', ['STRASSE']],
  ['pen-1', ['PEN-1']],
  ['schreibtischlampe', ['DESK']],
  ['Stra\u00adßen', ['STRASSE']],
  ['nothing like it', []],
])('%o finds %o', (typed, skus) => {
  expect(searchIn(shelf)(typed).map(({ sku }) => sku)).toEqual(skus);
});

test('letters that only look composed are folded, too', () => {
  expect(folded('Ångström ﬁne Łódź smørrebrød')).toBe('angstrom fine lodz smorrebrod');
});
