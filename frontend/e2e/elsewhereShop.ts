/** The other shop's script: the example of docs/API.md with a button and a field. */

import { ApiError, createClient } from '../src/lib/api';

const shop = createClient({ base: new URLSearchParams(location.search).get('daemon') ?? '' });
document.body.insertAdjacentHTML(
  'beforeend',
  '<label>Email <input></label> <button type="button">Buy</button> <p role="status"></p>',
);
document.querySelector('button')?.addEventListener('click', () => void buy());

async function buy(): Promise<void> {
  try {
    const { products } = await shop.fetchProducts();
    const items = products.slice(0, 1).map(({ sku }) => ({ sku, quantity: 2 }));
    const { amount_total } = await shop.fetchQuote(items, 'WELCOME10');
    const email = document.querySelector('input')?.value ?? '';
    const customer = { name: 'Ana Berg', email, phone: '+43 660 1234567' };
    const request = { items, customer, discount_code: 'WELCOME10', expected_total: amount_total };
    location.assign((await shop.startCheckout(request, crypto.randomUUID())).url);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say([error.code, ...error.faults.map(({ pointer }) => pointer)].join(' '));
  }
}

function say(text: string): void {
  const status = document.querySelector('[role="status"]');
  if (status) status.textContent = text;
}
