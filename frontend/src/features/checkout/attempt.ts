/**
 * The Idempotency-Key of the current checkout: a secret kept in the browser and a hash of the request. A double click,
 * a reload, a second tab at the same moment or a lost answer asks for the same order again; a changed cart asks for a
 * new one.
 */

import type { CheckoutRequest } from '@/lib/api';
import { isRecord, stored } from '@/lib/storage';

interface Attempt {
  readonly secret: string;
}

const attemptStore = stored<Attempt | null>(() => localStorage, 'checkout.attempt', readAttempt);

/** Call this well before keyFor: tabs that ask at the same moment must find one secret, not create one each. */
export function prepareAttempt(): void {
  secretOfAttempt();
}

/** Return the key. It contains a hash, because the shopper's details do not belong in the daemon's list of keys. */
export function keyFor(request: CheckoutRequest): string {
  return secretOfAttempt() + hash(JSON.stringify(request));
}

/** Discard the key, so that the next request gets a new one. */
export function forgetAttempt(): void {
  attemptStore.set(null);
}

function readAttempt(raw: unknown): Attempt | null {
  return isRecord(raw) && typeof raw['secret'] === 'string' ? { secret: raw['secret'] } : null;
}

function secretOfAttempt(): string {
  const held = attemptStore.get();
  if (held) return held.secret;
  const secret = randomSecret();
  attemptStore.set({ secret });
  return secret;
}

/** crypto.randomUUID exists only on https and localhost, but a shop on a plain LAN address must work too. */
function randomSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** FNV-1a over two 32-bit lanes, only to tell two requests apart; crypto.subtle has the limit above. */
function hash(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b) ^ (high >>> 13);
  }
  return [low, high].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}
