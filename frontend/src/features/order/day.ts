/** Days as the shopper writes them. */

/** Return the day of a time, where the shopper is, or undefined without a time: a previous release may not send it. */
export function formatDay(time: string | null | undefined, locale: string | undefined): string | undefined {
  return time ? new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(new Date(time)) : undefined;
}
