/** Every text of the shop in English; `Texts` is what each language has to bring. */

import type { FaultCode } from './faultCodes';

const NOTHING_LOST = 'Nothing was charged; your cart and details are kept.';

export const en = {
  language: { name: 'English', tag: 'en', direction: 'ltr' as 'ltr' | 'rtl' },

  shop: {
    title: 'Folio – paper and desk goods',
    footer: 'Folio – paper and desk goods. Payment through Stripe Checkout.',
    skip: 'Skip to the content',
    languages: 'Language',
    back: 'Back to the shop',
    dismiss: 'Dismiss',
  },

  catalog: {
    heading: 'Good things for writing',
    lede: 'Paper, ink and desk goods that get better with use.',
    loading: 'Loading the products',
    failed: 'The products could not be loaded. Your cart is safe.',
    retry: 'Retry',
    empty: 'There is nothing for sale at the moment.',
    emptyHint: 'Please look in again soon.',
    add: 'Add to cart',
    unavailable: 'Not available',
    fullLines: (most: number) => `Your cart is full: it holds at most ${most} different products.`,
    fullQuantity: (name: string, most: number) =>
      `You can order at most ${most} of ${name}; they are all in your cart.`,
    added: (name: string, count: number) => `${name} is in your cart. Items in the cart: ${count}.`,
  },

  cart: {
    open: 'Open cart',
    label: 'Cart',
    heading: 'Your cart',
    close: 'Close',
    count: (count: number) => (count === 1 ? '1 item' : `${count} items`),
    empty: 'Your cart is empty.',
    emptyHint: 'What you pick waits for you here.',
    lookAround: 'Look around',
    items: 'Items',
    fewer: (name: string) => `One fewer: ${name}`,
    more: (name: string) => `One more: ${name}`,
    quantity: (name: string) => `Quantity: ${name}`,
    quantityRefused: (typed: string, most: number) =>
      `“${typed}” was not taken: please enter a whole number from 1 to ${most}.`,
    remove: 'Remove',
    removeItem: (name: string) => `Remove: ${name}`,
    removed: (name: string) => `Removed: ${name}`,
    undo: 'Undo',
    each: (price: string) => `${price} each`,
    cheaper: (before: string) => `The price fell: it was ${before} when you picked it.`,
    dearer: (before: string) => `The price rose: it was ${before} when you picked it.`,
    apply: 'Apply',
    applied: (code: string, amount: string) => `Discount ${code} takes off ${amount}.`,
  },

  amounts: {
    subtotal: 'Subtotal',
    discount: 'Discount',
    discountWith: (code: string) => `Discount (${code})`,
    total: 'Total',
    refunded: 'Refunded',
    totalIs: (total: string) => `Total: ${total}.`,
  },

  fields: { discount: 'Discount code', name: 'Name', email: 'Email', phone: 'Phone' },

  checkout: {
    details: 'Your details',
    phoneHint: 'With country code: +43',
    submit: 'Checkout',
    sending: 'One moment: preparing the payment page.',
    slow: 'This takes longer than usual. Please stay here.',
    finePrint: 'You pay on the next page, with Stripe.',
    priceChanged: (before: string, after: string) =>
      `A price changed while you were here: the total was ${before} and is now ${after}.`,
    confirmPrice: 'If that is fine, press Checkout once more.',
    tryAgain: 'Try again',
    notPayable: 'That order can no longer be paid. Press Checkout again to place a new one.',
    placedOwn: (number: number) => `You have ordered exactly these items already, as order ${number}.`,
    placedSame:
      'These items were ordered a short while ago with this email. Please check your mail before you order again.',
    insist: 'Order them once more',
    rejected: 'The payment service refused this order. Nothing was charged; please contact us.',
  },

  /** Why a request may succeed later. */
  later: {
    stripe: `The payment service cannot be reached at the moment. ${NOTHING_LOST}`,
    network: `The shop cannot be reached: please check your connection. ${NOTHING_LOST}`,
    busy: `That was a little too often: please wait a minute. ${NOTHING_LOST}`,
    shop: `The shop has a problem at the moment. ${NOTHING_LOST}`,
  },

  order: {
    number: (number: number) => `Order ${number}`,
    summary: 'Your order',
    thanks: 'Thank you',
    processing: 'Payment processing',
    notCompleted: 'Payment not completed',
    lookup: 'One moment',
    lookingUp: 'Looking up your order.',
    confirming: 'We are waiting for the payment service to confirm your payment. This page follows it by itself.',
    offline: 'The shop cannot be reached at the moment. We keep trying.',
    unknown: 'We do not know this order',
    unknownText:
      'The address may be incomplete, or the order was removed. If you have paid, the payment is safe with the payment service: please contact us with the receipt.',
    gone: 'This order can no longer be paid: it was paid, is being paid, or was canceled.',
    print: 'Print',
    next: 'What happens next',
    nextPaid: [
      'We pack your order and send it on its way.',
      'This page keeps its address: it shows the state of your order at any time.',
    ] as readonly string[],
    nextProcessing: [
      'Your bank carries out the payment. With a bank debit that can take a few days.',
      'We tell you by email once it has arrived, or if it fails.',
      'There is nothing more to do. You can leave this page and come back to its address at any time.',
    ] as readonly string[],
    choices: 'What you can do',
    choicesUnpaid: [
      'With another try, the payment page opens once more, for this same order.',
      'If a card was declined, another card or another way to pay may work there.',
      'Or go back to the shop and change your cart: it is all still there.',
    ] as readonly string[],
    completed: 'Your payment has arrived and your order is confirmed. You get a confirmation by email.',
    free: 'There was nothing to pay, and your order is confirmed. You get a confirmation by email.',
    partiallyRefunded: 'Your order was paid. A part is refunded: it is on its way to you or has arrived.',
    refunded: 'Your order was paid, and the whole amount is refunded: it is on its way to you or has arrived.',
    refundedHeading: 'Refunded',
    disputed: 'Your order was paid, but the payment is disputed with the bank.',
    disputedHeading: 'Payment disputed',
    leftCart: (number: number) => `Order ${number} is placed: its items have left your cart.`,
    backInCart: (number: number) => `The payment of order ${number} failed: its items are back in your cart.`,
    see: (number: number) => `See order ${number}`,
    bankWorks: 'Your order is placed and your bank is working on the payment. It is not paid yet.',
    canceled: 'This order was canceled. Nothing more will be charged for it.',
    failed: 'The payment failed: your bank could not carry it out. Nothing was paid; your cart is as it was.',
    expired: 'The time to pay ran out. Nothing was charged, and your cart is as it was.',
    left: 'You left the payment page before the payment was complete. Nothing was charged; your cart is as it was.',
  },

  broken: {
    heading: 'This page could not be shown',
    text: 'The fault is ours. Your cart is kept, and a payment that was made stays made.',
    reload: 'Load it again',
  },

  lost: {
    heading: 'There is no such page',
    text: 'The address may be mistyped, or the page has moved.',
  },

  /** By code; null says it in the daemon's own words, which are English. */
  faults: {
    name_missing: 'Please enter your name.',
    name_long: 'Please use at most 200 characters.',
    email_long: 'Please use at most 254 characters.',
    phone_long: 'This is too long for a phone number.',
    email_missing: 'Please enter an address to reach you at.',
    email_shape: 'Please enter an address such as ana@example.com.',
    phone_missing: 'Please enter a number, such as +43 660 1234567.',
    phone_shape: 'Please start with + and the country code.',
    invalid_name: null,
    invalid_email: null,
    invalid_phone: null,
    unknown_sku: 'This is no longer sold. Please remove it.',
    unavailable_sku: 'This is not available at the moment. Please remove it.',
    invalid_quantity: null,
    empty_cart: null,
    too_many_lines: null,
    amount_too_small: null,
    amount_too_large: null,
    discount_unknown: 'There is no such discount code.',
    discount_exhausted: null,
    discount_not_started: null,
    discount_expired: null,
    discount_currency: null,
    discount_minimum: null,
  } as Readonly<Record<FaultCode, string | null>>,
};

export type Texts = typeof en;
