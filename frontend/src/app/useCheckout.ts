/** Combine cart and contact into one checkout: check, price, send, and show the outcome. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { type Cart, cartStore } from '@/features/cart/cart';
import type { Totals } from '@/features/cart/estimate';
import type { Pricing } from '@/features/cart/quoteCart';
import { keyOf, usePricing } from '@/features/cart/usePricing';
import { type Outcome, placeOrder } from '@/features/checkout/placeOrder';
import { prepareAttempt } from '@/features/checkout/attempt';
import { contactStore, normalizeContact } from '@/features/checkout/contact';
import { phoneLibrary } from '@/features/checkout/phone';
import { placedAlike } from '@/features/checkout/orders';
import { type ContactState, useContact } from '@/features/checkout/useContact';
import { checkDestination, destinationStore, shippingOf } from '@/features/shipping/destination';
import type { ApiError, CheckoutRequest, Product, ShippingOptions } from '@/lib/api';
import { whyLater } from '@/lib/explain';
import { FIELDS, type FieldErrors, NO_FAULTS, type PlacedFaults } from '@/lib/faults';
import { shop } from '@/lib/shop';
import { useStored } from '@/lib/storage';
import { useBusy } from '@/lib/useBusy';
import { useTexts } from '@/texts/language';
import type { CheckoutNews } from './CheckoutNotice';

interface Checkout {
  readonly pricing: Pricing | undefined;
  readonly stale: boolean;
  readonly totals: Totals | undefined;
  readonly contact: ContactState;
  readonly errors: FieldErrors;
  readonly lineFaults: PlacedFaults['lines'];
  /** A new object whenever faults are shown: the signal to focus the first faulty field or line, even again. */
  readonly refusal: object | undefined;
  readonly notice: CheckoutNews | undefined;
  readonly sending: boolean;
  /** Called with the discount code as it is typed: it counts at Checkout, applied or not. */
  readonly changeCode: (code: string) => void;
  readonly applyCode: () => void;
  readonly submit: () => void;
  /** Submit although the same items were ordered before. */
  readonly insist: () => void;
  readonly retry: () => void;
}

/** What the last submission found; valid only for the cart it was made with. */
interface Result {
  readonly key: string;
  readonly notice?: CheckoutNews | undefined;
  readonly faults: PlacedFaults;
}

/** `lookUp` looks up this browser's orders, which may take their items out of the cart. */
export function useCheckout(
  cart: Cart,
  products: ReadonlyMap<string, Product>,
  lookUp: () => Promise<boolean>,
  goTo: (url: string) => void,
): Checkout {
  const { locale } = useTexts();
  const to = useShippingChoice(locale);
  const { pricing, stale, totals, correctedFrom, ensure, accept, reload } = usePricing(cart, products, to);
  const contact = useContact();
  const draft = useRef(cart.code); // the discount code as typed
  const [result, setResult] = useState<Result>();
  const [refusal, setRefusal] = useState<object>();
  const { busy: sending, begin, end, leave } = useBusy();

  useEffect(prepareAttempt, []);
  useEffect(() => {
    draft.current = cart.code; // another tab may have changed it
  }, [cart.code]);

  const current = result?.key === keyOf(cart, to) ? result : undefined;
  const holdsByNow = stale && totals?.code !== undefined; // the refusal may be out of date: a larger cart, say
  const codeRefused = current?.faults.fields.discount ?? (holdsByNow ? undefined : pricing?.faults.fields.discount);

  function applyCode() {
    if (draft.current.trim() === cart.code) reload();
    else withDraft();
  }

  function withDraft(): Cart {
    const code = draft.current.trim();
    return code === cart.code ? cart : cartStore.update((current) => ({ ...current, code }));
  }

  function showFields(fields: FieldErrors) {
    contact.show(fields);
    setRefusal({});
  }

  /** Check and price the cart with the code as typed, applied or not: nobody should pay more for not pressing Apply. */
  async function check(wanted: Cart): Promise<CheckoutRequest | undefined> {
    await phoneLibrary.load().catch(() => undefined); // without it the daemon reads the number
    const found = contact.check();
    const key = keyOf(wanted, to);
    const price = await ensure(wanted);
    const sent = price.quote?.needs_shipping ? checkDestination(destinationStore.get(), price.quote) : {};
    showFields({ ...found, ...sent, ...price.faults.fields });
    setResult({ key, faults: price.faults, notice: noticeOf(price) });
    if (!price.quote || [found, sent, price.faults.fields].some(hasFields)) return undefined;
    return {
      items: wanted.items,
      customer: normalizeContact(contactStore.get()),
      ...(wanted.code ? { discount_code: wanted.code } : {}),
      expected_total: price.quote.amount_total,
      ...(price.quote.needs_shipping ? shippingPart() : {}),
    };
  }

  function show(key: string, outcome: Exclude<Outcome, { kind: 'leave' }>, before: number) {
    switch (outcome.kind) {
      case 'price_changed': {
        const { amount_total: after, currency } = outcome.quote;
        accept(outcome.quote);
        return setResult({ key, faults: NO_FAULTS, notice: { kind: 'price_changed', before, after, currency } });
      }
      case 'faults':
        showFields(outcome.faults.fields);
        return setResult({ key, faults: outcome.faults, notice: noticeOf(outcome) });
      default:
        return setResult({ key, faults: NO_FAULTS, notice: outcome });
    }
  }

  async function submit(insist: boolean) {
    if (!begin()) return;
    setResult(undefined);
    try {
      if (await lookUp()) return end(); // an order took its items: the cart shows that
      const wanted = withDraft();
      const request = await check(wanted);
      const outcome = request && (await order(request, insist));
      if (outcome?.kind === 'leave') {
        goTo(outcome.url);
        return leave();
      }
      if (outcome) show(keyOf(wanted, to), outcome, request.expected_total ?? 0);
      end();
    } catch (error) {
      end();
      throw error;
    }
  }

  async function order(request: CheckoutRequest, insist: boolean): Promise<Outcome> {
    if (insist) return placeOrder({ ...request, insist }, locale);
    const placed = placedAlike(request.items);
    return placed ? { kind: 'placed', order: placed } : placeOrder(request, locale);
  }

  function correction(): CheckoutNews | undefined {
    if (correctedFrom === undefined || !totals) return undefined;
    return { kind: 'corrected', before: correctedFrom, after: totals.amount_total, currency: totals.currency };
  }

  return {
    pricing,
    stale,
    totals,
    contact,
    errors: { ...contact.errors, discount: codeRefused },
    lineFaults: current?.faults.lines ?? pricing?.faults.lines ?? {},
    refusal,
    notice: current?.notice ?? (stale || !pricing ? undefined : (noticeOf(pricing) ?? correction())),
    sending,
    changeCode: (code) => {
      draft.current = code;
    },
    applyCode,
    submit: () => void submit(false),
    insist: () => void submit(true),
    retry: () => void (current?.notice ? submit(false) : reload()),
  };
}

/** What quotes depend on if the shop sends goods. Typing in the address must not price the cart anew. */
function useShippingChoice(language: string | undefined): ShippingOptions | undefined {
  const { country, rate } = useStored(destinationStore);
  return useMemo(() => (shop.shipping ? { country, rate, language } : undefined), [country, rate, language]);
}

function shippingPart(): Pick<CheckoutRequest, 'shipping' | 'shipping_rate'> {
  const to = destinationStore.get();
  return { shipping: shippingOf(to), shipping_rate: to.rate };
}

function hasFields(errors: FieldErrors): boolean {
  return FIELDS.some((field) => errors[field]);
}

function noticeOf({
  faults,
  error,
}: {
  readonly faults: PlacedFaults;
  readonly error?: ApiError;
}): CheckoutNews | undefined {
  if (error) return { kind: 'try_again', reason: whyLater(error) };
  return faults.rest.length > 0 ? { kind: 'faults', faults: faults.rest } : undefined;
}
