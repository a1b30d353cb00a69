/// <reference types="node" />

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Readonly<Record<string, Entry>> };

test('the lock file names no download address', () => {
  expect(Object.keys(lock.packages).filter((path) => lock.packages[path]?.resolved !== undefined)).toEqual([]);
});

// A registry that lacks another platform's package makes npm leave it out, and `npm ci` refuses such a lock file.
test('the lock file lists the packages of every platform', () => {
  const wanted = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));

  expect(wanted.length).toBeGreaterThan(50);
  expect(wanted.filter((name) => !(`node_modules/${name}` in lock.packages))).toEqual([]);
});
