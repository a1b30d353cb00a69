import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type OpenApi, typescriptOf } from './typescriptOf';

const read = (name: string) => readFileSync(`src/lib/api/${name}`, 'utf8');

test('the types are those of the document: if not, run `npm run api`', () => {
  expect(read('types.ts')).toBe(typescriptOf(JSON.parse(read('openapi.json')) as OpenApi));
});

test('a schema that it does not understand is refused rather than guessed at', () => {
  const schemas = { Odd: { properties: { odd: { type: 'object' } } } };

  expect(() => typescriptOf({ paths: {}, components: { schemas } })).toThrow('no TypeScript is known');
});

test('another shop can take the client as it is: it needs nothing beside its folder', () => {
  const imported = ['client.ts', 'error.ts', 'index.ts', 'types.ts'].flatMap((name) =>
    [...read(name).matchAll(/from '([^']+)'/g)].map(([, from]) => from),
  );

  expect(imported).toContain('./types');
  expect(imported.filter((from) => !from?.startsWith('./'))).toEqual([]);
});
