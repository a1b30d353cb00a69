/** Every text of the shop in German. */

import type { Texts } from './en';

const NOTHING_LOST = 'Es wurde nichts abgebucht; Warenkorb und Angaben bleiben erhalten.';

export const de: Texts = {
  language: { name: 'Deutsch', tag: 'de', direction: 'ltr' },

  shop: {
    title: 'Folio – Papier und Schreibwaren',
    footer: 'Folio – Papier und Schreibwaren. Bezahlung über Stripe Checkout.',
    skip: 'Zum Inhalt springen',
    languages: 'Sprache',
    back: 'Zurück zum Laden',
    dismiss: 'Ausblenden',
  },

  catalog: {
    heading: 'Schönes zum Schreiben',
    lede: 'Papier, Tinte und Dinge für den Schreibtisch, die mit der Zeit besser werden.',
    loading: 'Die Waren werden geladen',
    failed: 'Die Waren konnten nicht geladen werden. Ihr Warenkorb ist sicher.',
    retry: 'Noch einmal laden',
    empty: 'Im Moment ist nichts zu verkaufen.',
    emptyHint: 'Bitte schauen Sie bald wieder vorbei.',
    add: 'In den Korb',
    unavailable: 'Nicht lieferbar',
    fullLines: (most) => `Ihr Warenkorb ist voll: Er fasst höchstens ${most} verschiedene Artikel.`,
    fullQuantity: (name, most) =>
      `Von ${name} können Sie höchstens ${most} bestellen; so viele liegen schon im Warenkorb.`,
    added: (name, count) => `${name} liegt im Warenkorb. Artikel im Warenkorb: ${count}.`,
  },

  cart: {
    open: 'Warenkorb öffnen',
    label: 'Warenkorb',
    heading: 'Ihr Warenkorb',
    close: 'Schließen',
    count: (count) => `${count} Artikel`,
    empty: 'Ihr Warenkorb ist leer.',
    emptyHint: 'Was Sie aussuchen, wartet hier auf Sie.',
    lookAround: 'Umsehen',
    items: 'Artikel',
    fewer: (name) => `Einmal weniger: ${name}`,
    more: (name) => `Einmal mehr: ${name}`,
    quantity: (name) => `Anzahl: ${name}`,
    quantityRefused: (typed, most) =>
      `„${typed}“ wurde nicht übernommen: Bitte geben Sie eine ganze Zahl von 1 bis ${most} ein.`,
    remove: 'Entfernen',
    removeItem: (name) => `Entfernen: ${name}`,
    removed: (name) => `Entfernt: ${name}`,
    undo: 'Rückgängig',
    each: (price) => `je ${price}`,
    cheaper: (before) => `Der Preis ist gesunken: Als Sie es auswählten, waren es ${before}.`,
    dearer: (before) => `Der Preis ist gestiegen: Als Sie es auswählten, waren es ${before}.`,
    apply: 'Einlösen',
    applied: (code, amount) => `Der Rabatt ${code} bringt ${amount}.`,
  },

  amounts: {
    subtotal: 'Zwischensumme',
    discount: 'Rabatt',
    discountWith: (code) => `Rabatt (${code})`,
    total: 'Gesamt',
    refunded: 'Erstattet',
    totalIs: (total) => `Gesamt: ${total}.`,
  },

  fields: { discount: 'Rabattcode', name: 'Name', email: 'E-Mail', phone: 'Telefon' },

  checkout: {
    details: 'Ihre Angaben',
    phoneHint: 'Mit Ländervorwahl: +43',
    submit: 'Zur Kasse',
    sending: 'Die Bezahlseite wird vorbereitet.',
    slow: 'Das dauert länger als sonst. Bitte warten Sie.',
    finePrint: 'Sie bezahlen auf der nächsten Seite, bei Stripe.',
    priceChanged: (before, after) =>
      `Ein Preis hat sich inzwischen geändert: Der Gesamtbetrag war ${before} und ist jetzt ${after}.`,
    confirmPrice: 'Wenn Sie einverstanden sind, drücken Sie noch einmal auf „Zur Kasse“.',
    tryAgain: 'Erneut versuchen',
    notPayable: 'Diese Bestellung kann nicht mehr bezahlt werden. Mit „Zur Kasse“ geben Sie eine neue auf.',
    placedOwn: (number) => `Genau diese Artikel haben Sie schon bestellt, mit der Bestellung ${number}.`,
    placedSame:
      'Diese Artikel wurden vor Kurzem mit dieser E-Mail-Adresse bestellt. Bitte sehen Sie in Ihre E-Mails, bevor Sie noch einmal bestellen.',
    insist: 'Noch einmal bestellen',
    rejected:
      'Der Zahlungsdienst hat diese Bestellung abgelehnt. Es wurde nichts abgebucht; bitte melden Sie sich bei uns.',
  },

  later: {
    stripe: `Der Zahlungsdienst ist im Moment nicht erreichbar. ${NOTHING_LOST}`,
    network: `Der Laden ist nicht erreichbar: Bitte prüfen Sie Ihre Verbindung. ${NOTHING_LOST}`,
    busy: `Das war etwas zu oft: Bitte warten Sie eine Minute. ${NOTHING_LOST}`,
    shop: `Der Laden hat gerade ein Problem. ${NOTHING_LOST}`,
  },

  order: {
    number: (number) => `Bestellung ${number}`,
    summary: 'Ihre Bestellung',
    thanks: 'Vielen Dank',
    processing: 'Zahlung in Bearbeitung',
    notCompleted: 'Zahlung nicht abgeschlossen',
    lookup: 'Einen Moment',
    lookingUp: 'Ihre Bestellung wird gesucht.',
    confirming: 'Wir warten auf die Bestätigung des Zahlungsdienstes. Diese Seite verfolgt sie von selbst.',
    offline: 'Der Laden ist im Moment nicht erreichbar. Wir versuchen es weiter.',
    unknown: 'Diese Bestellung kennen wir nicht',
    unknownText:
      'Vielleicht ist die Adresse unvollständig, oder die Bestellung wurde gelöscht. Falls Sie bezahlt haben, ist die Zahlung beim Zahlungsdienst sicher: Bitte melden Sie sich mit dem Beleg bei uns.',
    gone: 'Diese Bestellung kann nicht mehr bezahlt werden: Sie ist bezahlt, wird gerade bezahlt oder wurde storniert.',
    print: 'Drucken',
    next: 'Wie es weitergeht',
    nextPaid: [
      'Wir packen Ihre Bestellung und schicken sie auf den Weg.',
      'Diese Seite behält ihre Adresse: Sie zeigt jederzeit den Stand Ihrer Bestellung.',
    ],
    nextProcessing: [
      'Ihre Bank führt die Zahlung aus. Bei einer Lastschrift kann das einige Tage dauern.',
      'Wir melden uns per E-Mail, sobald sie eingegangen ist oder falls sie scheitert.',
      'Sie müssen nichts weiter tun. Sie können diese Seite verlassen und jederzeit zu ihrer Adresse zurückkommen.',
    ],
    choices: 'Was Sie tun können',
    choicesUnpaid: [
      'Bei einem neuen Versuch öffnet sich die Bezahlseite noch einmal, für diese Bestellung.',
      'Wurde eine Karte abgelehnt, hilft dort vielleicht eine andere Karte oder Zahlungsart.',
      'Oder Sie gehen zurück in den Laden und ändern den Warenkorb: Es ist noch alles da.',
    ],
    completed: 'Ihre Zahlung ist eingegangen, und Ihre Bestellung ist bestätigt. Eine E-Mail dazu folgt.',
    free: 'Es war nichts zu bezahlen, und Ihre Bestellung ist bestätigt. Eine E-Mail dazu folgt.',
    partiallyRefunded:
      'Ihre Bestellung wurde bezahlt. Ein Teil wird erstattet: Das Geld ist unterwegs oder schon bei Ihnen.',
    refunded:
      'Ihre Bestellung wurde bezahlt, und der ganze Betrag wird erstattet: Das Geld ist unterwegs oder schon bei Ihnen.',
    refundedHeading: 'Erstattet',
    disputed: 'Ihre Bestellung wurde bezahlt, aber die Zahlung ist bei der Bank angefochten.',
    disputedHeading: 'Zahlung angefochten',
    leftCart: (number) => `Die Bestellung ${number} ist aufgegeben: Ihre Artikel liegen nicht mehr im Warenkorb.`,
    backInCart: (number) =>
      `Die Zahlung der Bestellung ${number} ist gescheitert: Ihre Artikel liegen wieder im Warenkorb.`,
    see: (number) => `Bestellung ${number} ansehen`,
    bankWorks: 'Ihre Bestellung ist aufgegeben, und Ihre Bank bearbeitet die Zahlung. Bezahlt ist sie noch nicht.',
    canceled: 'Diese Bestellung wurde storniert. Es wird nichts mehr dafür abgebucht.',
    failed:
      'Die Zahlung ist gescheitert: Ihre Bank konnte sie nicht ausführen. Es wurde nichts bezahlt; Ihr Warenkorb ist unverändert.',
    expired: 'Die Zeit zum Bezahlen ist abgelaufen. Es wurde nichts abgebucht; Ihr Warenkorb ist unverändert.',
    left: 'Sie haben die Bezahlseite vor dem Abschluss verlassen. Es wurde nichts abgebucht; Ihr Warenkorb ist unverändert.',
  },

  broken: {
    heading: 'Diese Seite konnte nicht angezeigt werden',
    text: 'Der Fehler liegt bei uns. Ihr Warenkorb bleibt erhalten, und eine geleistete Zahlung gilt.',
    reload: 'Neu laden',
  },

  lost: {
    heading: 'Diese Seite gibt es nicht',
    text: 'Vielleicht ist die Adresse vertippt, oder die Seite ist umgezogen.',
  },

  faults: {
    name_missing: 'Bitte geben Sie Ihren Namen an.',
    name_long: 'Bitte verwenden Sie höchstens 200 Zeichen.',
    email_long: 'Bitte verwenden Sie höchstens 254 Zeichen.',
    phone_long: 'Das ist zu lang für eine Telefonnummer.',
    email_missing: 'Bitte geben Sie eine Adresse an, unter der wir Sie erreichen.',
    email_shape: 'Bitte geben Sie eine Adresse an wie ana@example.com.',
    phone_missing: 'Bitte geben Sie eine Nummer an wie +43 660 1234567.',
    phone_shape: 'Bitte beginnen Sie mit + und der Ländervorwahl.',
    invalid_name:
      'Bitte geben Sie Ihren Namen an, ohne Webadresse und unsichtbare Zeichen und mit höchstens 200 Zeichen.',
    invalid_email: 'Bitte geben Sie eine Adresse an wie name@example.com.',
    invalid_phone: 'Bitte geben Sie eine gültige Nummer an, mit + und Ländervorwahl, wie +43 664 1234567.',
    unknown_sku: 'Das wird nicht mehr verkauft. Bitte entfernen Sie es.',
    unavailable_sku: 'Das ist im Moment nicht lieferbar. Bitte entfernen Sie es.',
    invalid_quantity: 'Von einem Artikel können höchstens 999 bestellt werden.',
    empty_cart: 'Ihr Warenkorb ist leer.',
    too_many_lines: 'So viele verschiedene Artikel können nicht auf einmal bestellt werden.',
    amount_too_small: 'Der Gesamtbetrag ist zu klein, um bezahlt zu werden.',
    amount_too_large: 'Der Gesamtbetrag ist zu groß für eine einzelne Bestellung.',
    discount_unknown: 'Diesen Rabattcode gibt es nicht.',
    discount_exhausted: 'Dieser Rabattcode ist aufgebraucht.',
    discount_not_started: 'Dieser Rabattcode gilt noch nicht.',
    discount_expired: 'Dieser Rabattcode ist abgelaufen.',
    discount_currency: 'Dieser Rabattcode gilt nicht in dieser Währung.',
    discount_minimum: 'Dieser Rabattcode gilt erst ab einem höheren Bestellwert.',
  },
};
