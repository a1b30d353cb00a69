/** The footer of every page, with the choice of languages. */

import { useState } from 'react';
import { shop } from '@/lib/shop';
import { loadTexts } from '@/texts/load';
import { chooseLanguage, LANGUAGE_CODES, nameOf, useTexts } from '@/texts/language';

export function Footer() {
  const { language, texts, words } = useTexts();
  return (
    <footer className="footer">
      <p>
        {words.footer ?? `${shop.name}.`} {texts.shop.payment}
      </p>
      {shop.links ? (
        <nav className="links">
          {shop.links.map(({ name, url }) => (
            <a key={name} href={url}>
              {texts.shop.links[name]}
            </a>
          ))}
        </nav>
      ) : null}
      {LANGUAGE_CODES.length > 1 ? <Languages current={language} /> : null}
    </footer>
  );
}

function Languages({ current }: { readonly current: string }) {
  const { texts } = useTexts();
  const [failed, setFailed] = useState(false);

  function choose(code: string) {
    setFailed(false);
    chooseLanguage(code).catch(() => setFailed(true));
  }

  return (
    <nav className="languages" aria-label={texts.shop.languages}>
      {LANGUAGE_CODES.map((code) => (
        <button
          key={code}
          type="button"
          className="text-button"
          lang={code}
          aria-current={code === current ? 'true' : undefined}
          onPointerEnter={() => void loadTexts(code).catch(() => undefined)}
          onClick={() => choose(code)}
        >
          {nameOf(code)}
        </button>
      ))}
      <span role="status">{failed ? texts.shop.languageFailed : ''}</span>
    </nav>
  );
}
