/** A product's picture. Screen readers skip it, since the name next to it describes the product. */

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
