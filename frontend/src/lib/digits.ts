/** Convert full-width, Arabic-Indic and all other decimal digits to ASCII. */

export function asciiDigits(text: string): string {
  return text.normalize('NFKC').replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code; // digits come in runs of ten
    while (isDigit(zero - 1)) zero -= 1;
    return String((code - zero) % 10);
  });
}

function isDigit(code: number): boolean {
  return /\p{Nd}/u.test(String.fromCodePoint(code));
}
