/** The starting point of every test: empty storage, and the browser APIs that jsdom lacks. */

import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach } from 'vitest';
import { loadTexts } from '@/texts/load';

// How long something takes shows how busy the machine is. A test that passes never waits that long.
configure({ asyncUtilTimeout: 20_000 });

await Promise.all([loadTexts('en'), loadTexts('de')]);

// jsdom knows <dialog> but not how to open it.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
  this.dispatchEvent(new Event('close'));
};

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  history.replaceState(null, '', '/');
});

afterEach(cleanup);
