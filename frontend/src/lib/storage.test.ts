import { expect, test, vi } from 'vitest';
import { stored } from './storage';

const readText = (raw: unknown) => (typeof raw === 'string' ? raw : 'nothing');

test('a value survives in storage and comes back the same object until it changes', () => {
  const box = stored(
    () => localStorage,
    'k',
    (raw) => ({ raw }),
  );
  box.set({ raw: 'kept' });
  const again = stored(
    () => localStorage,
    'k',
    (raw) => ({ raw }),
  );

  expect(again.get()).toEqual({ raw: { raw: 'kept' } });
  expect(again.get()).toBe(again.get());
});

test('what is not JSON reads as nothing', () => {
  localStorage.setItem('k', '{broken');

  expect(stored(() => localStorage, 'k', readText).get()).toBe('nothing');
});

test('another tab’s change is noticed and read', () => {
  const box = stored(() => localStorage, 'k', readText);
  const listener = vi.fn();
  const stop = box.subscribe(listener);

  localStorage.setItem('k', '"from there"');
  window.dispatchEvent(new StorageEvent('storage', { key: 'k' }));
  window.dispatchEvent(new StorageEvent('storage', { key: 'other' }));
  stop();
  window.dispatchEvent(new StorageEvent('storage', { key: 'k' }));

  expect(listener).toHaveBeenCalledTimes(1);
  expect(box.get()).toBe('from there');
});

test('a browser that refuses storage still keeps the value while the page lives', () => {
  const refuse = () => {
    throw new DOMException('denied', 'SecurityError');
  };
  const box = stored(refuse, 'k', readText);

  box.set('in memory');

  expect(box.get()).toBe('in memory');
});
