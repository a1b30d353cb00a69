/** index.html shows the header before the script runs: what takes its place must look the same, or the page jumps. */

import { readFileSync } from 'node:fs';
import { render } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Header } from './Header';

const html = readFileSync('index.html', 'utf8');

test('the header of the empty page is the frame of the real one', () => {
  const shell = new DOMParser().parseFromString(html, 'text/html');
  const { container } = render(<Header count={0} onOpenCart={() => undefined} onApproach={() => undefined} />);

  expect(frameOf(shell.body)).toEqual(frameOf(container));
});

test('the page has no script or style of its own, which its Content-Security-Policy forbids', () => {
  const { head, body } = new DOMParser().parseFromString(html, 'text/html');
  const scripts = [...head.querySelectorAll('script'), ...body.querySelectorAll('script')];

  expect(scripts.map((script) => [script.src !== '', script.textContent])).toEqual([[true, '']]);
  expect([...head.querySelectorAll('style'), ...body.querySelectorAll('[style]')]).toEqual([]);
});

/** The parts that have a size, from the outside in. */
function frameOf(root: Element) {
  return ['.header', '.header > .header-row', '.header-row > .logo', '.header-row > .cart-button'].map((path) => {
    const part = root.querySelector(path);
    return [path, part?.className, path.endsWith('.logo') ? part?.textContent : ''];
  });
}
