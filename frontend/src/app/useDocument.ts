/** Keep the document's title and language attributes in the shopper's language. */

import { useEffect } from 'react';
import { useTexts } from '@/texts/language';

export function useDocumentLanguage(): void {
  const { language, texts } = useTexts();
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = texts.language.direction;
  }, [language, texts]);
}
