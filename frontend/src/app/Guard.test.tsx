import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { fakeDaemon, order } from '@/test/daemon';
import { visit } from '@/test/shopper';
import '@/features/order/OrderPage'; // loaded on demand: no test should wait for that
import { App } from './App';
import { Guard } from './Guard';

test('an answer that cannot be displayed leads to an apology and a way forward', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined); // React logs what was caught
  fakeDaemon({ 'GET /api/stripe-checkout/cs_test_1': () => [200, { ...order, items: 'none' }] });
  visit(
    (location, goTo) => (
      <Guard>
        <App location={location} goTo={goTo} />
      </Guard>
    ),
    '/success?session_id=cs_test_1',
  );

  expect(await screen.findByRole('alert')).toHaveTextContent('This page could not be displayed');
  expect(screen.getByRole('button', { name: 'Reload' })).toBeVisible();
  expect(screen.getByRole('link', { name: 'Back to the shop' })).toHaveAttribute('href', '/');
  expect(logged).toHaveBeenCalled();
});
