/** Days as the shopper writes them. */

/** Return the day of a time, where the shopper is. */
export function formatDay(time: string, locale: string | undefined): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(new Date(time));
}
