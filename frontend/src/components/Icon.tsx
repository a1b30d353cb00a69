/** The few icons the shop uses, drawn in the text's colour. */

const PATHS = {
  /** An exclamation mark. */
  alert: 'M12 5v8.5M12 18v.5',
  bag: 'M5 8.5h14l-.9 11.2H5.9L5 8.5Z M8.8 8.5V7a3.2 3.2 0 0 1 6.4 0v1.5',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  clock: 'M12 5.5V12l4 3M20.5 12a8.5 8.5 0 1 1-17 0 8.5 8.5 0 0 1 17 0Z',
  close: 'm6 6 12 12M18 6 6 18',
  minus: 'M6 12h12',
  /** A frame with a hill. */
  picture: 'M4 5.5h16v13H4z M4 15.5l4.5-4.5 4 4 2.5-2.5 5 5',
  plus: 'M6 12h12M12 6v12',
  /** An arrow that turns back. */
  return: 'M8.5 5 4.5 9l4 4M5 9h9a5 5 0 0 1 0 10H9',
} as const;

export function Icon({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
