/** A product's picture; it says nothing that the name beside it does not, so screen readers skip it. */

interface ProductPictureProps {
  readonly url: string | null | undefined;
  readonly eager?: boolean;
}

export function ProductPicture({ url, eager = false }: ProductPictureProps) {
  return (
    <div className="picture">
      {url ? <img src={url} alt="" width="400" height="300" loading={eager ? 'eager' : 'lazy'} /> : null}
    </div>
  );
}
