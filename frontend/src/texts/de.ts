/** Every text of the shop in German. */

import type { Texts } from './en';

const NOTHING_LOST = 'Es wurde nichts abgebucht. Ihr Warenkorb und Ihre Angaben bleiben gespeichert.';
const CART_UNCHANGED = 'Es wurde nichts abgebucht, und Ihr Warenkorb ist unverändert.';
const MAIL_FOLLOWS = 'Sie erhalten eine Bestätigung per E-Mail.';
const MONEY_ON_ITS_WAY = 'Das Geld ist unterwegs oder bereits bei Ihnen eingegangen.';

export const de: Texts = {
  language: { name: 'Deutsch', tag: 'de', direction: 'ltr' },

  shop: {
    payment: 'Zahlung über Stripe Checkout.',
    links: {
      imprint: 'Impressum',
      terms: 'AGB',
      privacy: 'Datenschutz',
      returns: 'Widerruf und Rückgabe',
      contact: 'Kontakt',
    },
    skip: 'Zum Inhalt springen',
    languages: 'Sprache',
    back: 'Zurück zum Shop',
    dismiss: 'Ausblenden',
  },

  catalog: {
    heading: 'Produkte',
    loading: 'Artikel werden geladen',
    failed: 'Die Artikel konnten nicht geladen werden. Ihr Warenkorb bleibt erhalten.',
    retry: 'Erneut laden',
    empty: 'Zurzeit bieten wir keine Artikel an.',
    emptyHint: 'Bitte schauen Sie bald wieder vorbei.',
    add: 'In den Warenkorb',
    unavailable: 'Nicht lieferbar',
    fullLines: (most) => `Ihr Warenkorb ist voll: Er kann höchstens ${most} verschiedene Artikel enthalten.`,
    fullQuantity: (name, most) => `Von ${name} liegt bereits die Höchstmenge von ${most} Stück in Ihrem Warenkorb.`,
    added: (name, count) => `${name} wurde in den Warenkorb gelegt. Artikel im Warenkorb: ${count}.`,
  },

  cart: {
    open: 'Warenkorb öffnen',
    label: 'Warenkorb',
    heading: 'Ihr Warenkorb',
    close: 'Schließen',
    count: (count) => `${count} Artikel`,
    empty: 'Ihr Warenkorb ist leer.',
    emptyHint: 'Hier erscheinen die Artikel, die Sie auswählen.',
    lookAround: 'Weiter einkaufen',
    items: 'Artikel',
    fewer: (name) => `Eins weniger: ${name}`,
    more: (name) => `Eins mehr: ${name}`,
    quantity: (name) => `Menge: ${name}`,
    quantityRefused: (typed, most) =>
      `„${typed}“ ist keine gültige Menge. Bitte geben Sie eine ganze Zahl von 1 bis ${most} ein.`,
    remove: 'Entfernen',
    removeItem: (name) => `Entfernen: ${name}`,
    removed: (name) => `Entfernt: ${name}`,
    undo: 'Rückgängig',
    each: (price) => `je ${price}`,
    cheaper: (before) => `Der Preis ist inzwischen gesunken. Vorher: ${before}.`,
    dearer: (before) => `Der Preis ist inzwischen gestiegen. Vorher: ${before}.`,
    apply: 'Einlösen',
    applied: (code, amount) => `Rabattcode ${code} eingelöst: Sie sparen ${amount}.`,
  },

  amounts: {
    subtotal: 'Zwischensumme',
    discount: 'Rabatt',
    discountWith: (code) => `Rabatt (${code})`,
    total: 'Gesamtsumme',
    refunded: 'Erstattet',
    totalIs: (total) => `Gesamtsumme: ${total}.`,
  },

  fields: { discount: 'Rabattcode', name: 'Name', email: 'E-Mail', phone: 'Telefon' },

  checkout: {
    details: 'Ihre Angaben',
    phoneHint: 'Mit Ländervorwahl: +43',
    submit: 'Zur Kasse',
    sending: 'Die Zahlungsseite wird vorbereitet …',
    slow: 'Das dauert länger als gewöhnlich. Bitte bleiben Sie auf dieser Seite.',
    finePrint: 'Sie bezahlen auf der nächsten Seite bei Stripe.',
    priceChanged: (before, after) =>
      `Ein Preis hat sich geändert: Die Gesamtsumme betrug ${before} und beträgt jetzt ${after}.`,
    confirmPrice: 'Wenn Sie damit einverstanden sind, wählen Sie erneut „Zur Kasse“.',
    tryAgain: 'Erneut versuchen',
    notPayable: 'Diese Bestellung kann nicht mehr bezahlt werden. Über „Zur Kasse“ geben Sie eine neue Bestellung auf.',
    placedOwn: (number) => `Genau diese Artikel haben Sie bereits bestellt: Bestellung ${number}.`,
    placedSame:
      'Diese Artikel wurden vor Kurzem mit dieser E-Mail-Adresse bestellt. Bitte prüfen Sie Ihren Posteingang, bevor Sie erneut bestellen.',
    insist: 'Trotzdem bestellen',
    rejected:
      'Der Zahlungsdienst hat diese Bestellung abgelehnt. Es wurde nichts abgebucht. Bitte kontaktieren Sie uns.',
  },

  later: {
    stripe: `Der Zahlungsdienst ist zurzeit nicht erreichbar. ${NOTHING_LOST}`,
    network: `Der Shop ist nicht erreichbar. Bitte prüfen Sie Ihre Internetverbindung. ${NOTHING_LOST}`,
    busy: `Zu viele Versuche. Bitte warten Sie eine Minute. ${NOTHING_LOST}`,
    shop: `Bei uns ist ein Fehler aufgetreten. ${NOTHING_LOST}`,
  },

  order: {
    number: (number) => `Bestellung ${number}`,
    summary: 'Ihre Bestellung',
    thanks: 'Vielen Dank',
    processing: 'Zahlung in Bearbeitung',
    notCompleted: 'Zahlung nicht abgeschlossen',
    lookup: 'Einen Moment bitte',
    lookingUp: 'Wir suchen Ihre Bestellung.',
    confirming: 'Wir warten auf die Bestätigung des Zahlungsdienstes. Diese Seite aktualisiert sich automatisch.',
    offline: 'Der Shop ist zurzeit nicht erreichbar. Wir versuchen es weiter.',
    unknown: 'Bestellung nicht gefunden',
    unknownText:
      'Möglicherweise ist die Adresse unvollständig, oder die Bestellung wurde gelöscht. Falls Sie bereits bezahlt haben, ist Ihre Zahlung beim Zahlungsdienst sicher: Bitte senden Sie uns Ihren Zahlungsbeleg.',
    gone: 'Diese Bestellung kann nicht mehr bezahlt werden: Sie wurde bereits bezahlt oder storniert, oder die Zahlung läuft gerade.',
    print: 'Drucken',
    next: 'Wie es weitergeht',
    nextPaid: ['Speichern Sie diese Seite als Lesezeichen: Hier sehen Sie jederzeit den Stand Ihrer Bestellung.'],
    nextProcessing: [
      'Ihre Bank führt die Zahlung aus. Bei Lastschriften kann das einige Tage dauern.',
      'Wir informieren Sie per E-Mail, sobald die Zahlung eingegangen ist oder falls sie fehlschlägt.',
      'Sie müssen nichts weiter tun. Sie können diese Seite verlassen und jederzeit wieder aufrufen.',
    ],
    choices: 'Was Sie jetzt tun können',
    choicesUnpaid: [
      'Versuchen Sie es erneut: Die Zahlungsseite für diese Bestellung öffnet sich noch einmal.',
      'Falls Ihre Karte abgelehnt wurde, wählen Sie eine andere Karte oder Zahlungsart.',
      'Oder gehen Sie zurück zum Shop und ändern Sie Ihren Warenkorb: Alle Artikel sind noch da.',
    ],
    completed: `Ihre Zahlung ist eingegangen, und Ihre Bestellung ist bestätigt. ${MAIL_FOLLOWS}`,
    free: `Es war nichts zu bezahlen, und Ihre Bestellung ist bestätigt. ${MAIL_FOLLOWS}`,
    partiallyRefunded: `Ihre Bestellung wurde bezahlt. Ein Teil des Betrags wird erstattet: ${MONEY_ON_ITS_WAY}`,
    refunded: `Ihre Bestellung wurde bezahlt, und der gesamte Betrag wird erstattet: ${MONEY_ON_ITS_WAY}`,
    refundedHeading: 'Erstattet',
    disputed: 'Ihre Bestellung wurde bezahlt, die Zahlung wurde jedoch bei der Bank angefochten.',
    disputedHeading: 'Zahlung angefochten',
    leftCart: (number) => `Ihre Bestellung ${number} ist eingegangen. Die Artikel liegen nicht mehr im Warenkorb.`,
    backInCart: (number) =>
      `Die Zahlung für Bestellung ${number} ist fehlgeschlagen. Die Artikel liegen wieder im Warenkorb.`,
    see: (number) => `Bestellung ${number} ansehen`,
    bankWorks:
      'Ihre Bestellung ist eingegangen, und Ihre Bank bearbeitet die Zahlung. Sie ist noch nicht abgeschlossen.',
    canceled: 'Diese Bestellung wurde storniert. Es wird nichts mehr abgebucht.',
    failed: `Die Zahlung ist fehlgeschlagen: Ihre Bank konnte sie nicht ausführen. ${CART_UNCHANGED}`,
    expired: `Die Zeit für die Zahlung ist abgelaufen. ${CART_UNCHANGED}`,
    left: `Sie haben die Zahlungsseite verlassen, bevor die Zahlung abgeschlossen war. ${CART_UNCHANGED}`,
  },

  broken: {
    heading: 'Diese Seite konnte nicht angezeigt werden',
    text: 'Bei uns ist ein Fehler aufgetreten. Ihr Warenkorb bleibt erhalten, und geleistete Zahlungen sind gültig.',
    reload: 'Seite neu laden',
  },

  lost: {
    heading: 'Seite nicht gefunden',
    text: 'Möglicherweise enthält die Adresse einen Tippfehler, oder die Seite wurde verschoben.',
  },

  faults: {
    name_missing: 'Bitte geben Sie Ihren Namen ein.',
    name_long: 'Bitte geben Sie höchstens 200 Zeichen ein.',
    email_long: 'Bitte geben Sie höchstens 254 Zeichen ein.',
    phone_long: 'Diese Telefonnummer ist zu lang.',
    email_missing: 'Bitte geben Sie Ihre E-Mail-Adresse ein.',
    email_shape: 'Bitte geben Sie eine gültige E-Mail-Adresse ein, zum Beispiel ana@example.com.',
    phone_missing: 'Bitte geben Sie Ihre Telefonnummer ein, zum Beispiel +43 660 1234567.',
    phone_shape: 'Bitte beginnen Sie mit + und der Ländervorwahl.',
    invalid_name:
      'Bitte geben Sie Ihren Namen ein: höchstens 200 Zeichen, keine Webadressen, keine unsichtbaren Zeichen.',
    invalid_email: 'Bitte geben Sie eine gültige E-Mail-Adresse ein, zum Beispiel name@example.com.',
    invalid_phone:
      'Bitte geben Sie eine gültige Telefonnummer mit + und Ländervorwahl ein, zum Beispiel +43 664 1234567.',
    unknown_sku: 'Dieser Artikel wird nicht mehr verkauft. Bitte entfernen Sie ihn.',
    unavailable_sku: 'Dieser Artikel ist zurzeit nicht lieferbar. Bitte entfernen Sie ihn.',
    invalid_quantity: 'Sie können höchstens 999 Stück eines Artikels bestellen.',
    empty_cart: 'Ihr Warenkorb ist leer.',
    too_many_lines: 'Ihre Bestellung enthält zu viele verschiedene Artikel.',
    amount_too_small: 'Die Gesamtsumme liegt unter dem Mindestbetrag für eine Zahlung.',
    amount_too_large: 'Die Gesamtsumme ist zu hoch für eine einzelne Bestellung.',
    discount_unknown: 'Diesen Rabattcode gibt es nicht.',
    discount_exhausted: 'Dieser Rabattcode wurde bereits aufgebraucht.',
    discount_not_started: 'Dieser Rabattcode gilt noch nicht.',
    discount_expired: 'Dieser Rabattcode ist abgelaufen.',
    discount_currency: 'Dieser Rabattcode gilt nicht für diese Währung.',
    discount_minimum: 'Dieser Rabattcode gilt erst ab einem höheren Bestellwert.',
  },
};
