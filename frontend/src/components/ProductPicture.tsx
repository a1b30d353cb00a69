/** A product's picture, or a stand-in. Screen readers skip it, since the name next to it describes the product. */

import { useState } from 'react';
import { Icon } from './Icon';

interface ProductPictureProps {
  readonly url: string | null | undefined;
  readonly eager?: boolean;
}

export function ProductPicture({ url, eager = false }: ProductPictureProps) {
  const [broken, setBroken] = useState<string>();
  return (
    <div className="picture">
      {url && url !== broken ? (
        <img
          src={url}
          alt=""
          width="400"
          height="300"
          loading={eager ? 'eager' : 'lazy'}
          onError={() => setBroken(url)}
        />
      ) : (
        <Icon name="picture" />
      )}
    </div>
  );
}
