/** Puts the faults that the daemon found in a request on the fields that the shopper sees. */

import type { FieldFault } from './api';

export type FieldId = 'discount' | 'name' | 'email' | 'phone';

/** In the order of the page, so that the first faulty one can be focused. */
export const FIELDS: readonly FieldId[] = ['discount', 'name', 'email', 'phone'];

export const FIELD_LABELS: Readonly<Record<FieldId, string>> = {
  discount: 'Discount code',
  name: 'Name',
  email: 'Email',
  phone: 'Phone',
};

export type FieldErrors = Readonly<Partial<Record<FieldId, string | undefined>>>;

export interface PlacedFaults {
  readonly fields: FieldErrors;
  /** By index into the request's items. */
  readonly lines: Readonly<Record<number, string>>;
  /** What belongs to no field: about the cart as a whole. */
  readonly rest: readonly string[];
}

const FIELD_POINTERS: Readonly<Record<string, FieldId>> = {
  '/discount_code': 'discount',
  '/customer/name': 'name',
  '/customer/email': 'email',
  '/customer/phone': 'phone',
};

export const NO_FAULTS: PlacedFaults = { fields: {}, lines: {}, rest: [] };

/** The first fault of a field is shown: one sentence at a time. */
export function placeFaults(faults: readonly FieldFault[]): PlacedFaults {
  const fields: Partial<Record<FieldId, string>> = {};
  const lines: Record<number, string> = {};
  const rest: string[] = [];
  for (const { pointer, detail } of faults) {
    const field = FIELD_POINTERS[pointer];
    const line = /^\/items\/(\d+)(\/|$)/.exec(pointer);
    if (field) fields[field] ??= detail;
    else if (line) lines[Number(line[1])] ??= detail;
    else rest.push(detail);
  }
  return { fields, lines, rest };
}
