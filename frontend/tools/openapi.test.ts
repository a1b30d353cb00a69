import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { typesOf } from './openapi';

const read = (name: string) => readFileSync(`src/lib/api/${name}`, 'utf8');

test('the types match the document: if not, run `npm run api`', async () => {
  expect(read('types.ts')).toBe(await typesOf(read('openapi.json')));
});

test('another shop can copy the client: it imports nothing outside its folder', () => {
  const imported = ['client.ts', 'error.ts', 'index.ts', 'types.ts'].flatMap((name) =>
    [...read(name).matchAll(/from '([^']+)'/g)].map(([, from]) => from),
  );

  expect(imported).toContain('./types');
  expect(imported.filter((from) => !from?.startsWith('./'))).toEqual([]);
});
