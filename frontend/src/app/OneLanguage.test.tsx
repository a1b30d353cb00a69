import { screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { contactStore } from '@/features/checkout/contact';
import type { Shop } from '@/lib/api';
import { fakeDaemon } from '@/test/daemon';
import { button, visit } from '@/test/shopper';
import { App } from './App';

vi.mock('@/lib/shop', async (original) => {
  const known = await original<typeof import('@/lib/shop')>();
  const shop: Shop = { ...known.shop, locale: 'de-AT', languages: ['de'] };
  return { ...known, shop };
});

test('a shop with one language has it for every browser: texts, prices, the payment page and the mails', async () => {
  const daemon = fakeDaemon();
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-US']);
  contactStore.set({ name: 'Ana Berg', email: 'ana@example.com', phone: '+43 660 1234567' });
  const shopper = visit((location, goTo) => <App location={location} goTo={goTo} />, '/');
  const [notebook] = await screen.findAllByRole('button', { name: 'In den Warenkorb' });
  if (notebook) await shopper.click(notebook);
  await shopper.click(button('Warenkorb öffnen'));
  expect(await screen.findByTestId('total')).toHaveTextContent(/^€.14,50$/);
  await shopper.click(button('Zur Kasse'));

  await waitFor(() => expect(daemon.to('POST /api/stripe-checkout')).toMatchObject([{ language: 'de-AT' }]));
});
