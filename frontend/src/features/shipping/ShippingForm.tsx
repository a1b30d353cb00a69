/** The country, the ways to ship there, and the address unless Stripe's page asks for it. */

import { useEffect, useMemo } from 'react';
import { Field } from '@/components/Field';
import type { Quote } from '@/lib/api';
import type { FieldErrors, FieldId } from '@/lib/faults';
import { useStored } from '@/lib/storage';
import { faultText } from '@/texts/faultText';
import { useTexts } from '@/texts/language';
import { ADDRESS_FIELDS, ASKS_FOR_ADDRESS, countriesIn, destinationStore } from './destination';

const AUTOCOMPLETE = {
  line1: 'shipping address-line1',
  line2: 'shipping address-line2',
  postal_code: 'shipping postal-code',
  city: 'shipping address-level2',
  state: 'shipping address-level1',
} as const;
const OPTIONAL: readonly string[] = ['line2', 'state'];

interface ShippingFormProps {
  /** The form that its fields belong to. */
  readonly form: string;
  readonly quote: Quote | undefined;
  /** True while the quote is not for this cart and country. */
  readonly stale: boolean;
  readonly errors: FieldErrors;
  readonly onChange: (field: FieldId) => void;
}

export function ShippingForm({ form, quote, stale, errors, onChange }: ShippingFormProps) {
  const { texts, money, locale } = useTexts();
  const to = useStored(destinationStore);
  const countries = useMemo(() => countriesIn(locale), [locale]);
  const rates = quote?.shipping_rates ?? [];
  const only = !stale && rates.length === 1 ? rates[0]?.id : undefined;

  useEffect(() => {
    if (only !== undefined) destinationStore.update((current) => ({ ...current, rate: only }));
  }, [only]);

  function change(field: Exclude<FieldId, 'discount' | 'name' | 'email' | 'phone'>, value: string) {
    destinationStore.update((current) => ({
      ...current,
      ...(field === 'country' ? { rate: '' } : {}),
      [field]: value,
    }));
    onChange(field);
  }

  if (quote && !quote.needs_shipping) return null;
  return (
    <section className="details">
      <h3>{texts.shipping.heading}</h3>
      <div className="field">
        <label className="field-label" htmlFor="country">
          {texts.fields.country}
        </label>
        <select
          id="country"
          form={form}
          className="field-input"
          autoComplete="shipping country"
          aria-invalid={errors.country ? true : undefined}
          aria-describedby={errors.country ? 'country-error' : undefined}
          value={to.country}
          onChange={(event) => change('country', event.target.value)}
        >
          {to.country ? null : <option value="">{texts.shipping.choose}</option>}
          {countries.map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
        <Wrong field="country" errors={errors} />
      </div>
      {ASKS_FOR_ADDRESS
        ? ADDRESS_FIELDS.map((field) => (
            <Field
              key={field}
              id={field}
              name={field}
              form={form}
              type="text"
              autoComplete={AUTOCOMPLETE[field]}
              required={!OPTIONAL.includes(field)}
              value={to[field]}
              error={errors[field]}
              onChange={(event) => change(field, event.target.value)}
            />
          ))
        : null}
      {rates.length > 0 ? (
        <fieldset
          className="rates"
          aria-busy={stale}
          aria-describedby={errors.rate ? 'rate-error' : undefined}
          {...(errors.rate ? { 'aria-invalid': true, tabIndex: -1 } : {})}
        >
          <legend className="field-label">{texts.fields.rate}</legend>
          {rates.map((rate) => (
            <label key={rate.id} className="rate">
              <input
                type="radio"
                name="shipping_rate"
                form={form}
                value={rate.id}
                checked={to.rate === rate.id}
                onChange={() => change('rate', rate.id)}
              />
              <span className="rate-label">
                {rate.label}
                {rate.estimate ? <small>{rate.estimate}</small> : null}
              </span>
              <span>{rate.amount > 0 ? money(rate.amount, quote?.currency ?? '') : texts.shipping.free}</span>
            </label>
          ))}
          <Wrong field="rate" errors={errors} />
        </fieldset>
      ) : null}
    </section>
  );
}

function Wrong({ field, errors }: { readonly field: FieldId; readonly errors: FieldErrors }) {
  const reading = useTexts();
  const { texts } = reading;
  const error = errors[field];
  if (!error) return null;
  return (
    <p id={`${field}-error`} className="field-error" role="alert" aria-live="off">
      {texts.fields[field]}: {faultText(reading, error)}
    </p>
  );
}
