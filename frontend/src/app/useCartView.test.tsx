import { act, renderHook } from '@testing-library/react';
import { expect, test } from 'vitest';
import { useCartView } from './useCartView';

const arrived = () => act(() => new Promise((resolve) => window.addEventListener('popstate', resolve, { once: true })));

test('Back closes the cart, and closing it leaves no entry behind', async () => {
  const { result } = renderHook(useCartView);
  act(() => result.current.show());
  expect(history.state).toEqual({ cart: true });
  history.back();
  await arrived();
  expect(result.current.open).toBe(false);

  act(() => result.current.show());
  act(() => result.current.hide());
  await arrived();
  expect(history.state).toBeNull();
});

test('closing and opening at once leaves it open, with one entry', async () => {
  const { result } = renderHook(useCartView);
  act(() => result.current.show());
  const entries = history.length;
  act(() => result.current.hide());
  act(() => result.current.show());
  await arrived();

  expect(result.current.open).toBe(true);
  expect(history.state).toEqual({ cart: true });
  expect(history).toHaveLength(entries);
});

test('closing, opening and closing at once leaves it closed', async () => {
  const { result } = renderHook(useCartView);
  act(() => result.current.show());
  act(() => result.current.hide());
  act(() => result.current.show());
  act(() => result.current.hide());
  await arrived();

  expect(result.current.open).toBe(false);
  expect(history.state).toBeNull();
});

test('a page that is loaded on the cart’s entry starts closed, and uses that entry', () => {
  history.replaceState({ cart: true }, '');
  const { result } = renderHook(useCartView);
  const entries = history.length;
  expect(result.current.open).toBe(false);
  act(() => result.current.show());

  expect(history).toHaveLength(entries);
});
