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
import { App } from './App';
import { Guard } from './Guard';
import { leaveFor } from './useCartView';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element with id root');
createRoot(root).render(
  <StrictMode>
    <Guard>
      <App location={window.location} goTo={leaveFor} />
    </Guard>
  </StrictMode>,
);
