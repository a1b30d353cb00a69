/** Take a picture of every page in every state, and let axe check each of them. */

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { overflow } from './overflow';
import { expect, test } from './shop';
import { STATES } from './states';

const PHONE = { width: 375, height: 812 };
const DESKTOP = { width: 1280, height: 800 };
/** The narrowest width of WCAG 1.4.10, and a desktop zoomed to 200 %. */
const TIGHT = { narrow: { width: 320, height: 640 }, zoomed: { width: 640, height: 400 } };

// A trace would cost more than the pictures and show the same.
test.use({ trace: 'off', contextOptions: { reducedMotion: 'reduce' } });

for (const { name, reach } of STATES) {
  test(`${name} is well set and accessible`, async ({ page }, info) => {
    const picture = (kind: string) => page.screenshot({ path: `${info.project.outputDir}/looks/${name}-${kind}.png` });
    await page.setViewportSize(DESKTOP);
    await reach(page);
    await picture('desktop-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture('desktop-dark');
    expect(await faults(page)).toEqual([]);

    await page.setViewportSize(PHONE);
    await picture('phone-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await picture('phone-light');
    expect(await faults(page)).toEqual([]);

    for (const [kind, size] of Object.entries(TIGHT)) {
      await page.setViewportSize(size);
      await picture(kind);
      expect(await overflow(page), `nothing sticks out sideways when ${kind}`).toBeLessThanOrEqual(1); // rounding
    }
    await page.setViewportSize(PHONE);
    await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
    await picture('right-to-left');
    expect(await overflow(page), 'nothing sticks out sideways from right to left').toBeLessThanOrEqual(1);
  });
}

async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
