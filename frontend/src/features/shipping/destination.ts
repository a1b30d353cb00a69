/** Where to send the order and how, kept while the tab is open as the customer's details are. */

import type { Quote, ShippingFields } from '@/lib/api';
import type { Fault, FieldErrors, FieldId } from '@/lib/faults';
import { tidied } from '@/lib/clean';
import { shop } from '@/lib/shop';
import { isRecord, stored } from '@/lib/storage';

export type AddressField = 'line1' | 'line2' | 'postal_code' | 'city' | 'state';

export const ADDRESS_FIELDS: readonly AddressField[] = ['line1', 'line2', 'postal_code', 'city', 'state'];

export interface Destination extends Readonly<Record<AddressField, string>> {
  readonly country: string;
  /** The id of a shipping rate; empty until one is chosen. */
  readonly rate: string;
}

export const destinationStore = stored<Destination>(() => sessionStorage, 'checkout.shipping', readDestination);

/** Whether our form asks for the address. Otherwise Stripe's page does. */
export const ASKS_FOR_ADDRESS = shop.shipping?.address === 'form';

/** The countries that the shop sends to, by the names that the reader knows them by, sorted by these. */
export function countriesIn(locale: string | undefined): readonly (readonly [string, string])[] {
  const names = new Intl.DisplayNames(locale ? [locale] : [], { type: 'region' });
  const countries = (shop.shipping?.countries ?? []).map((code) => [code, names.of(code) ?? code] as const);
  return countries.sort(([, one], [, other]) => one.localeCompare(other, locale));
}

/** Return obvious faults; the daemon decides, by the rules of the country. */
export function checkDestination(to: Destination, quote: Quote): FieldErrors {
  const errors: Partial<Record<FieldId, Fault>> = {};
  if (!to.country) errors.country = fault('country_missing');
  else if (!quote.shipping_rates?.some((rate) => rate.id === to.rate)) errors.rate = fault('rate_missing');
  if (ASKS_FOR_ADDRESS && !tidied(to.line1)) errors.line1 = fault('line1_missing');
  return errors;
}

/** Return what a checkout sends, without what the shopper left empty. */
export function shippingOf({ country, rate: _, ...address }: Destination): ShippingFields {
  if (!ASKS_FOR_ADDRESS) return { country };
  const given = ADDRESS_FIELDS.map((field) => [field, tidied(address[field]).normalize('NFC')] as const);
  return { country, ...Object.fromEntries(given.filter(([, text]) => text)) };
}

function fault(code: string): Fault {
  return { code, detail: '' };
}

function readDestination(raw: unknown): Destination {
  const record = isRecord(raw) ? raw : {};
  const text = (field: string) => (typeof record[field] === 'string' ? record[field] : '');
  const address = Object.fromEntries(ADDRESS_FIELDS.map((field) => [field, text(field)])) as Record<
    AddressField,
    string
  >;
  const served = shop.shipping?.countries ?? [];
  const country = [text('country'), ...regions(), ...(served.length === 1 ? served : [])];
  return { ...address, country: country.find((code) => served.includes(code)) ?? '', rate: text('rate') };
}

/** The countries of the browser's languages: AT of de-AT. */
function regions(): string[] {
  return navigator.languages.map((tag) => /-([A-Z]{2})\b/.exec(tag)?.[1] ?? '');
}
