/** For an address that leads nowhere. */

export function LostPage() {
  return (
    <section className="order">
      <h1>There is no such page</h1>
      <p className="lede">The address may be mistyped, or the page has moved.</p>
      <div className="order-actions">
        <a className="button" href="/">
          Back to the shop
        </a>
      </div>
    </section>
  );
}
