/** Merge a cart's lines by sku and check their bounds, as the daemon does (checkout_daemon/catalog/cart.py). */

export const MAXIMUM_LINES = 100;
export const MAXIMUM_QUANTITY = 999;

const SKU = /^[A-Za-z0-9._-]{1,64}$/;

/** A reason why a cart cannot be bought as it is, as the daemon reports it. */
export interface PriceFault {
  /** JSON pointer into the request, such as /items/0/sku. */
  readonly pointer: string;
  /** The daemon's stable code. */
  readonly code: string;
}

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

/** `position` is the first index of the sku in the request, so that a fault can point there. */
export interface MergedLine extends Line {
  readonly position: number;
}

export type MergedLines =
  | { readonly lines: readonly MergedLine[]; readonly faults?: never }
  | { readonly lines?: never; readonly faults: readonly PriceFault[] };

export function mergeLines(items: readonly Line[]): MergedLines {
  if (items.length === 0) return { faults: [{ pointer: '/items', code: 'empty_cart' }] };
  if (items.length > MAXIMUM_LINES) return { faults: [{ pointer: '/items', code: 'too_many_lines' }] };
  const faults: PriceFault[] = [];
  const lines = new Map<string, MergedLine>();
  for (const [position, { sku, quantity }] of items.entries()) {
    if (!SKU.test(sku)) {
      faults.push({ pointer: `/items/${position}/sku`, code: 'unknown_sku' });
      continue;
    }
    const held = lines.get(sku);
    const before = held?.quantity ?? 0;
    lines.set(sku, { sku, quantity: before + quantity, position: held?.position ?? position });
    const outside = quantity < 1 || quantity > MAXIMUM_QUANTITY;
    // Only the line that first exceeds the maximum is at fault, as for the daemon.
    const overflows = before <= MAXIMUM_QUANTITY && before + quantity > MAXIMUM_QUANTITY;
    if (outside || overflows) faults.push({ pointer: `/items/${position}/quantity`, code: 'invalid_quantity' });
  }
  return faults.length > 0 ? { faults } : { lines: [...lines.values()] };
}
