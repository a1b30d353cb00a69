/** Faults of fields that the page does not show: the shop may ask for more than it did when the page was loaded. */

import { CONTACT_FIELDS } from '@/features/checkout/contact';
import { ADDRESS_FIELDS, ASKS_FOR_ADDRESS } from '@/features/shipping/destination';
import type { Quote } from '@/lib/api';
import { type Fault, FIELDS, type FieldErrors, type FieldId } from '@/lib/faults';
import { shop } from '@/lib/shop';

/** `quote`: the one that the shipping form shows. */
export function unseenFaults(errors: FieldErrors, quote: Quote | undefined): Fault[] {
  const shown: readonly FieldId[] = ['discount', ...CONTACT_FIELDS, ...shippingFields(quote)];
  return FIELDS.flatMap((field): Fault[] => {
    const fault = errors[field];
    return fault && !shown.includes(field) ? [{ ...fault, field }] : [];
  });
}

function shippingFields(quote: Quote | undefined): readonly FieldId[] {
  if (!shop.shipping || (quote && !quote.needs_shipping)) return [];
  const fields: FieldId[] = ['country'];
  if (ASKS_FOR_ADDRESS) fields.push(...ADDRESS_FIELDS);
  if (quote?.shipping_rates?.length) fields.push('rate');
  return fields;
}
