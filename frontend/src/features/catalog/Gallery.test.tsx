import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { catalog } from '@/test/daemon';
import { visit } from '@/test/shopper';
import { Gallery } from './Gallery';

const [notebook] = catalog.products;
const shown = () => document.querySelector('.gallery > img, .gallery > :not(ul) img')?.getAttribute('src');

test('the picture that is chosen is shown large', async () => {
  if (!notebook) throw new Error('the catalog is empty');
  const images = ['/1.svg', '/2.svg', '/3.svg'];
  const shopper = visit(() => <Gallery product={{ ...notebook, image_url: '/1.svg', images }} />, '/');
  const choices = screen.getAllByRole('button');
  expect(choices.map((choice) => choice.getAttribute('aria-pressed'))).toEqual(['true', 'false', 'false']);
  expect(shown()).toBe('/1.svg');

  await shopper.click(choices[2] as HTMLElement);

  expect(shown()).toBe('/3.svg');
  expect(choices.map((choice) => choice.getAttribute('aria-pressed'))).toEqual(['false', 'false', 'true']);
});

test('one picture has nothing to choose from', () => {
  if (!notebook) throw new Error('the catalog is empty');
  visit(() => <Gallery product={notebook} />, '/');

  expect(screen.queryByRole('button')).toBeNull();
  expect(document.querySelectorAll('img')).toHaveLength(1);
});
