/** Every text of the shop in English. `Texts` is what every language must provide. */

const NOTHING_LOST = 'You have not been charged, and your cart and details are saved.';
const CART_UNCHANGED = 'You have not been charged, and your cart is unchanged.';
const MAIL_FOLLOWS = 'You will receive a confirmation by email.';
const MONEY_ON_ITS_WAY = 'the money is on its way or has already arrived.';

/** By code: the form's own, and those of the daemon's `errors[].code`. Null stands for the daemon's text, in English. */
const FAULTS = {
  name_missing: 'Please enter your name.',
  name_long: 'Please use at most 200 characters.',
  email_long: 'Please use at most 254 characters.',
  phone_long: 'This phone number is too long.',
  email_missing: 'Please enter your email address.',
  email_shape: 'Please enter an email address such as ana@example.com.',
  phone_missing: 'Please enter your phone number, such as +43 660 1234567.',
  phone_shape: 'Please start with + and the country code.',
  invalid_name: null,
  invalid_email: null,
  invalid_phone: null,
  unknown_sku: 'This product is no longer sold. Please remove it.',
  unavailable_sku: 'This product is not available at the moment. Please remove it.',
  invalid_quantity: null,
  empty_cart: null,
  too_many_lines: null,
  amount_too_small: null,
  amount_too_large: null,
  discount_unknown: 'This discount code does not exist.',
  discount_exhausted: null,
  discount_not_started: null,
  discount_expired: null,
  discount_currency: null,
  discount_minimum: null,
};

export type FaultCode = keyof typeof FAULTS;

export const en = {
  language: { name: 'English', tag: 'en', direction: 'ltr' as 'ltr' | 'rtl' },

  shop: {
    payment: 'Payment through Stripe Checkout.',
    links: {
      imprint: 'Legal notice',
      terms: 'Terms and conditions',
      privacy: 'Privacy policy',
      returns: 'Returns',
      contact: 'Contact',
    },
    skip: 'Skip to content',
    languages: 'Language',
    back: 'Back to the shop',
    dismiss: 'Dismiss',
  },

  catalog: {
    heading: 'Products',
    loading: 'Loading products',
    failed: 'We could not load the products. Your cart is safe.',
    retry: 'Retry',
    empty: 'There are no products at the moment.',
    emptyHint: 'Please check back soon.',
    add: 'Add to cart',
    unavailable: 'Not available',
    fullLines: (most: number) => `Your cart is full: it can hold up to ${most} different products.`,
    fullQuantity: (name: string, most: number) => `Your cart already has ${most} of ${name}, the most you can order.`,
    added: (name: string, count: number) => `${name} was added to your cart. Items in your cart: ${count}.`,
  },

  cart: {
    open: 'Open cart',
    label: 'Cart',
    heading: 'Your cart',
    close: 'Close',
    count: (count: number) => (count === 1 ? '1 item' : `${count} items`),
    empty: 'Your cart is empty.',
    emptyHint: 'Items you add will appear here.',
    lookAround: 'Continue shopping',
    items: 'Items',
    fewer: (name: string) => `One fewer: ${name}`,
    more: (name: string) => `One more: ${name}`,
    quantity: (name: string) => `Quantity: ${name}`,
    quantityRefused: (typed: string, most: number) =>
      `“${typed}” is not a valid quantity. Please enter a whole number from 1 to ${most}.`,
    remove: 'Remove',
    removeItem: (name: string) => `Remove: ${name}`,
    removed: (name: string) => `Removed: ${name}`,
    undo: 'Undo',
    each: (price: string) => `${price} each`,
    cheaper: (before: string) => `The price has gone down since you added this. It was ${before}.`,
    dearer: (before: string) => `The price has gone up since you added this. It was ${before}.`,
    apply: 'Apply',
    applied: (code: string, amount: string) => `Discount ${code} applied: you save ${amount}.`,
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
    sending: 'Preparing the payment page…',
    slow: 'This is taking longer than usual. Please stay on this page.',
    finePrint: 'You will pay on the next page, with Stripe.',
    priceChanged: (before: string, after: string) =>
      `A price has changed: the total was ${before} and is now ${after}.`,
    confirmPrice: 'To accept the new total, press Checkout again.',
    tryAgain: 'Try again',
    notPayable: 'That order can no longer be paid. Press Checkout again to place a new one.',
    placedOwn: (number: number) => `You have already ordered exactly these items, in order ${number}.`,
    placedSame:
      'These items were recently ordered with this email address. Please check your inbox before you order again.',
    insist: 'Order anyway',
    rejected: 'The payment service declined this order. You have not been charged. Please contact us.',
  },

  /** Why a request failed that may succeed later. */
  later: {
    stripe: `The payment service is unavailable at the moment. ${NOTHING_LOST}`,
    network: `We cannot reach the shop. Please check your connection. ${NOTHING_LOST}`,
    busy: `Too many attempts. Please wait a minute. ${NOTHING_LOST}`,
    shop: `Something went wrong on our side. ${NOTHING_LOST}`,
  },

  order: {
    number: (number: number) => `Order ${number}`,
    summary: 'Your order',
    thanks: 'Thank you',
    processing: 'Payment processing',
    notCompleted: 'Payment not completed',
    lookup: 'One moment',
    lookingUp: 'We are looking up your order.',
    confirming: 'We are waiting for the payment service to confirm your payment. This page updates automatically.',
    offline: 'We cannot reach the shop at the moment. We will keep trying.',
    unknown: 'Order not found',
    unknownText:
      'The address may be incomplete, or the order may have been deleted. If you have paid, your payment is safe with the payment service: please contact us and include your receipt.',
    gone: 'This order can no longer be paid: it has been paid or canceled, or a payment is in progress.',
    print: 'Print',
    next: 'What happens next',
    nextPaid: ['Bookmark this page to see the status of your order at any time.'] as readonly string[],
    nextProcessing: [
      'Your bank is processing the payment. Bank debits can take a few days.',
      'We will email you when the payment arrives, or if it fails.',
      'There is nothing more for you to do. You can leave this page and come back at any time.',
    ] as readonly string[],
    choices: 'What you can do',
    choicesUnpaid: [
      'Try again to reopen the payment page for this order.',
      'If your card was declined, another card or payment method may work.',
      'Or go back to the shop and change your cart: everything is still there.',
    ] as readonly string[],
    completed: `We have received your payment, and your order is confirmed. ${MAIL_FOLLOWS}`,
    free: `There was nothing to pay, and your order is confirmed. ${MAIL_FOLLOWS}`,
    partiallyRefunded: `Your order was paid. Part of it is being refunded: ${MONEY_ON_ITS_WAY}`,
    refunded: `Your order was paid and is being refunded in full: ${MONEY_ON_ITS_WAY}`,
    refundedHeading: 'Refunded',
    disputed: 'Your order was paid, but the payment has been disputed with the bank.',
    disputedHeading: 'Payment disputed',
    leftCart: (number: number) => `Order ${number} has been placed. Its items are no longer in your cart.`,
    backInCart: (number: number) => `The payment for order ${number} failed. Its items are back in your cart.`,
    see: (number: number) => `View order ${number}`,
    bankWorks: 'Your order has been placed, and your bank is processing the payment. It is not paid yet.',
    canceled: 'This order was canceled. Nothing more will be charged.',
    failed: `The payment failed: your bank could not complete it. ${CART_UNCHANGED}`,
    expired: `The time to pay has expired. ${CART_UNCHANGED}`,
    left: `You left the payment page before the payment was complete. ${CART_UNCHANGED}`,
  },

  broken: {
    heading: 'This page could not be displayed',
    text: 'Something went wrong on our side. Your cart is saved, and any payment you made is valid.',
    reload: 'Reload',
  },

  lost: {
    heading: 'Page not found',
    text: 'The address may be mistyped, or the page may have moved.',
  },

  faults: FAULTS as Readonly<Record<FaultCode, string | null>>,
};

export type Texts = typeof en;
