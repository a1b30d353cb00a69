/** Combine cart and contact into one checkout: check, price, send, and show the outcome. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { type Cart, cartStore, isCurrent } from '@/features/cart/cart';
import type { Totals } from '@/features/cart/estimate';
import type { Pricing } from '@/features/cart/quoteCart';
import { keyOf, usePricing } from '@/features/cart/usePricing';
import { type Outcome, placeOrder } from '@/features/checkout/placeOrder';
import { prepareAttempt } from '@/features/checkout/attempt';
import { contactStore, normalizeContact } from '@/features/checkout/contact';
import { phoneLibrary } from '@/features/checkout/phone';
import { heldBy, type OpenOrder, ordersStore, placedAlike } from '@/features/checkout/orders';
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
import { orderPage } from './route';
import { unseenFaults } from './unseenFaults';

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

/** A checkout that can be sent. */
interface Ready {
  readonly request: CheckoutRequest;
  /** The shopper's own order, if only its reservation is in the way. */
  readonly held: OpenOrder | undefined;
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
  useStored(ordersStore); // an order that expires holds nothing any more
  const draft = useRef(cart.code); // the discount code as typed
  const [result, setResult] = useState<Result>();
  const [refusal, setRefusal] = useState<object>();
  const { busy: sending, begin, end, leave } = useBusy();

  useEffect(prepareAttempt, []);
  useEffect(() => {
    draft.current = cart.code; // another tab may have changed it
  }, [cart.code]);

  const held = stale || !pricing ? undefined : heldBy(cart.items, cart.code, pricing.faults);
  const current = result?.key === keyOf(cart, to) ? result : undefined;
  const holdsByNow = stale && totals?.code !== undefined; // the refusal may be out of date: a larger cart, say
  const codeRefused = current?.faults.fields.discount ?? (holdsByNow ? undefined : pricing?.faults.fields.discount);
  const errors = { ...contact.errors, discount: held ? undefined : codeRefused };

  function applyCode() {
    setResult(undefined);
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
  async function check(wanted: Cart): Promise<Ready | undefined> {
    await phoneLibrary.load().catch(() => undefined); // without it the daemon reads the number
    const found = contact.check();
    const key = keyOf(wanted, to);
    const price = await ensure(wanted);
    const held = heldBy(wanted.items, wanted.code, price.faults);
    const faults = held ? NO_FAULTS : price.faults; // the same request again leads to the order that holds the items
    const sent = price.quote?.needs_shipping ? checkDestination(destinationStore.get(), price.quote) : {};
    showFields({ ...found, ...sent, ...faults.fields });
    setResult({ key, faults, notice: noticeOf({ ...price, faults }) });
    const total = held ? held.total : price.quote?.amount_total;
    if (total === undefined || [found, sent, faults.fields].some(hasFields)) return undefined;
    const shipped = held ? held.shipped : price.quote?.needs_shipping;
    const request: CheckoutRequest = {
      items: wanted.items,
      customer: normalizeContact(contactStore.get()),
      ...(wanted.code ? { discount_code: wanted.code } : {}),
      expected_total: total,
      ...(shipped ? shippingPart() : {}),
    };
    return { request, held };
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
        if (outcome.faults.fields.discount) reload(); // what the cart costs without the code
        return setResult({ key, faults: outcome.faults, notice: noticeOf(outcome) });
      default:
        return setResult({ key, faults: NO_FAULTS, notice: outcome });
    }
  }

  async function submit(insist: boolean) {
    if (!begin()) return;
    setResult(undefined);
    try {
      // An order took its items, or another tab changed it: the cart shows that.
      if ((await lookUp()) || !isCurrent(cart)) return end();
      const wanted = withDraft();
      const ready = await check(wanted);
      const outcome = ready && isCurrent(wanted) ? await order(ready, insist) : undefined;
      if (outcome?.kind === 'leave') {
        goTo(outcome.url);
        return leave();
      }
      if (outcome) show(keyOf(wanted, to), outcome, ready?.request.expected_total ?? 0);
      end();
    } catch (error) {
      end();
      throw error;
    }
  }

  async function order({ request, held }: Ready, insist: boolean): Promise<Outcome> {
    const placed = insist ? undefined : placedAlike(request.items);
    if (placed) return { kind: 'placed', order: placed };
    const outcome = await placeOrder(insist ? { ...request, insist } : request, locale);
    const own = inTheWay(request, held, outcome); // placed with other details, say: it can be paid on its page
    return own ? { kind: 'leave', url: orderPage(own.id) } : outcome;
  }

  function correction(): CheckoutNews | undefined {
    if (correctedFrom === undefined || !totals) return undefined;
    return { kind: 'corrected', before: correctedFrom, after: totals.amount_total, currency: totals.currency };
  }

  function notice(): CheckoutNews | undefined {
    const fresh = stale || !pricing ? undefined : (noticeOf(pricing) ?? correction());
    const known: CheckoutNews | undefined = current?.notice ?? (held ? { kind: 'unpaid', order: held } : fresh);
    const unseen = unseenFaults(errors, pricing?.quote);
    if (unseen.length === 0) return known;
    return { kind: 'faults', faults: [...(known?.kind === 'faults' ? known.faults : []), ...unseen] };
  }

  return {
    pricing,
    stale,
    totals,
    contact,
    errors,
    lineFaults: held ? {} : (current?.faults.lines ?? pricing?.faults.lines ?? {}),
    refusal,
    notice: notice(),
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

/** Return the shopper's own order that a refused request leads to. Quotes of its used-up code count as wrong tries. */
function inTheWay(
  { items, discount_code }: CheckoutRequest,
  held: OpenOrder | undefined,
  outcome: Outcome,
): OpenOrder | undefined {
  if (outcome.kind === 'faults') return held ?? heldBy(items, discount_code ?? '', outcome.faults);
  return outcome.kind === 'try_again' && outcome.reason === 'busy' ? held : undefined;
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
  if (error) return { kind: 'try_again', ...whyLater(error) };
  return faults.rest.length > 0 ? { kind: 'faults', faults: faults.rest } : undefined;
}
