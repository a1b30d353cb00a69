/** Keeps the page up to date: the sandbox reports a change, and the page loads again. */

import { refresh, SILENT } from './loading.js';

const REFRESH_MS = 250;
const RETRY_MS = [500, 1000, 2000, 4000];

let live = 'connecting';
let changes = null;
let tries = 0;
let later = 0;
let waiting = 0;
let shownAt = -REFRESH_MS;

export function connect() {
  clearTimeout(later);
  changes?.close();
  changes = new EventSource('/sandbox/api/changes');
  changes.onopen = () => {
    tries = 0;
    setLive('live');
  };
  changes.onmessage = () => {
    // The first of several changes is shown immediately, the rest together.
    waiting ||= setTimeout(() => {
      waiting = 0;
      shownAt = performance.now();
      refresh();
    }, Math.max(0, shownAt + REFRESH_MS - performance.now()));
  };
  changes.onerror = lost;
}

/** Reconnect after the sandbox has gone, which may only be restarting. */
function lost() {
  setLive('lost');
  changes?.close();
  clearTimeout(later);
  if (document.hidden) return;
  later = setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
  tries += 1;
}

function setLive(now) {
  if (now === live) return;
  live = now;
  const node = document.getElementById('live');
  node.className = now;
  node.textContent = now === 'live' ? 'Live' : 'Connection lost, trying again …';
}

// A browser allows few connections to one host, so a hidden page uses none.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    clearTimeout(later);
    changes?.close();
  } else {
    connect();
  }
});

document.addEventListener(SILENT, lost);
