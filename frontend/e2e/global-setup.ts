/**
 * Start `checkout dev` in a folder of its own for the tests, and the other shop that it allows. Start nothing if
 * CHECKOUT_E2E_URL names a running shop, which is enough for the bench.
 */

import { startShop } from './devShop';
import { openOtherShop } from './elsewhere';

export default async function globalSetup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['CHECKOUT_E2E_URL']) return undefined;
  const otherShop = await openOtherShop();
  try {
    const shop = await startShop({ CHECKOUT_CORS_ORIGINS: otherShop.origin });
    process.env['CHECKOUT_E2E_URL'] = shop.url;
    process.env['CHECKOUT_E2E_STATE'] = shop.state;
    process.env['CHECKOUT_E2E_OTHER_ORIGIN'] = otherShop.origin;
    return async () => {
      otherShop.server.close();
      await shop.stop();
    };
  } catch (error) {
    otherShop.server.close();
    throw error;
  }
}
