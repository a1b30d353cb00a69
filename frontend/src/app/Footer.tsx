/** The footer of every page, with the choice of languages. */

import { chooseLanguage, LANGUAGE_CODES, textsOf, useTexts } from '@/texts/language';

export function Footer() {
  const { language, texts } = useTexts();
  return (
    <footer className="footer">
      <p>{texts.shop.footer}</p>
      <nav className="languages" aria-label={texts.shop.languages}>
        {LANGUAGE_CODES.map((code) => (
          <button
            key={code}
            type="button"
            className="text-button"
            lang={code}
            aria-current={code === language ? 'true' : undefined}
            onClick={() => chooseLanguage(code)}
          >
            {textsOf(code).language.name}
          </button>
        ))}
      </nav>
    </footer>
  );
}
