/** Assign the faults that the daemon found in a request to the fields that the shopper sees. */

import type { FieldFault } from './api';

export type FieldId =
  | 'discount'
  | 'name'
  | 'email'
  | 'phone'
  | 'country'
  | 'line1'
  | 'line2'
  | 'postal_code'
  | 'city'
  | 'state'
  | 'rate';

/** In page order, so that the first faulty one can be focused. */
export const FIELDS: readonly FieldId[] = [
  ...(['discount', 'name', 'email', 'phone', 'country'] as const),
  ...(['line1', 'line2', 'postal_code', 'city', 'state', 'rate'] as const),
];

/** A fault: a code that the texts translate, and the daemon's own text. `left`: how many there are, if there is less than wanted. */
export interface Fault {
  readonly code: string;
  readonly detail: string;
  readonly left?: number;
  /** The limit that it is about, in minor units of `currency`, which alone is what a discount code is for. */
  readonly amount?: number;
  readonly currency?: string;
  /** How long to wait before another try. */
  readonly waitSeconds?: number | undefined;
  /** The field that it is about, if the page does not show it. */
  readonly field?: FieldId;
}

export type FieldErrors = Readonly<Partial<Record<FieldId, Fault | undefined>>>;

export interface PlacedFaults {
  readonly fields: FieldErrors;
  /** By index into the request's items. */
  readonly lines: Readonly<Record<number, Fault>>;
  /** Faults of the cart as a whole. */
  readonly rest: readonly Fault[];
}

const FIELD_POINTERS: Readonly<Record<string, FieldId>> = {
  '/discount_code': 'discount',
  '/customer/name': 'name',
  '/customer/email': 'email',
  '/customer/phone': 'phone',
  '/shipping': 'country',
  '/country': 'country',
  '/shipping/country': 'country',
  '/shipping/name': 'name',
  '/shipping/line1': 'line1',
  '/shipping/line2': 'line2',
  '/shipping/postal_code': 'postal_code',
  '/shipping/city': 'city',
  '/shipping/state': 'state',
  '/shipping_rate': 'rate',
};

export const NO_FAULTS: PlacedFaults = { fields: {}, lines: {}, rest: [] };

/** Only the first fault of a field is shown. */
export function placeFaults(faults: readonly FieldFault[]): PlacedFaults {
  const fields: Partial<Record<FieldId, Fault>> = {};
  const lines: Record<number, Fault> = {};
  const rest: Fault[] = [];
  for (const { pointer, code, detail, left, amount, currency } of faults) {
    const fault = {
      ...{ code, detail },
      ...(left ? { left } : {}),
      ...(amount == null ? {} : { amount }),
      ...(currency ? { currency } : {}),
    };
    const field = FIELD_POINTERS[pointer];
    const line = /^\/items\/(\d+)(\/|$)/.exec(pointer);
    if (field) fields[field] ??= fault;
    else if (line) lines[Number(line[1])] ??= fault;
    else rest.push(fault);
  }
  return { fields, lines, rest };
}
