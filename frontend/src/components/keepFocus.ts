/** Where the focus goes when the button that has it disappears: without that, to the top of the page. */

/** A ref for such a button. The focus moves to Checkout if the button is in the foot of the cart, else to the page unless that is hidden. */
export function keepFocus(button: HTMLElement | null): () => void {
  return () => {
    if (!button || button !== document.activeElement) return;
    const submit = button.closest('.cart-foot')?.querySelector<HTMLElement>('[type=submit]');
    const target = submit ?? document.getElementById('main');
    if (!target?.closest('[aria-hidden="true"]')) target?.focus({ preventScroll: true });
  };
}
