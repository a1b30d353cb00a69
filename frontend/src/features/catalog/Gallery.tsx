/** A product's pictures: one large, and all of them small below it to choose from if there are several. */

import { useState } from 'react';
import { ProductPicture } from '@/components/ProductPicture';
import type { Product } from '@/lib/api';
import { useTexts } from '@/texts/language';

export function Gallery({ product: { image_url, images = [] } }: { readonly product: Product }) {
  const { texts, say } = useTexts();
  const [chosen, setChosen] = useState(0);
  if (images.length === 0) return <ProductPicture url={image_url} eager />;
  return (
    <div className="gallery">
      <ProductPicture url={images[chosen]} eager />
      <ul>
        {images.map((url, place) => (
          <li key={url}>
            <button
              type="button"
              aria-pressed={place === chosen}
              aria-label={say(texts.catalog.picture, { number: place + 1, count: images.length })}
              onClick={() => setChosen(place)}
            >
              <ProductPicture url={url} />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
