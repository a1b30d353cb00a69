/** Start the storefront. */

import '@/styles/theme.css';
import '@/styles/base.css';
import '@/styles/controls.css';
import '@/styles/parts.css';
import '@/styles/catalog.css';
import '@/styles/drawer.css';
import '@/styles/cart.css';
import '@/styles/order.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { prepareTexts } from '@/texts/language';
import { App } from './App';
import { Guard } from './Guard';
import { leaveFor } from './useCartView';

// Until the texts are there the page shows its header's frame: nothing flickers in another language. A top-level await
// would do the same, but makes the bundler cut the first chunk into many.
void prepareTexts().then(show);

function show(): void {
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no element with id root');
  createRoot(root).render(
    <StrictMode>
      <Guard>
        <App location={window.location} goTo={leaveFor} />
      </Guard>
    </StrictMode>,
  );
}
