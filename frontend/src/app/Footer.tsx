/** The line under every page. */

export function Footer() {
  return (
    <footer className="footer">
      <p>Folio – paper and desk goods. Payment through Stripe Checkout.</p>
    </footer>
  );
}
