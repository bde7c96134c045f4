/**
 * A line of CSV (RFC 4180) that a spreadsheet shows as text: what would begin a formula there gets an apostrophe in
 * front, since names and reasons are typed by strangers. Every field is quoted; lines end with CRLF.
 */
export function csvLine(fields: (string | number | bigint | null)[]): string {
  return fields.map((field) => `"${safeCell(String(field ?? '')).replaceAll('"', '""')}"`).join(',') + '\r\n';
}

/**
 * A field that no spreadsheet runs. `= + - @` begin a formula, also after spaces and in their wide forms; tab and line
 * breaks can begin a cell anew.
 */
export function safeCell(text: string): string {
  return /^[\s\u0000]*[=+\-@\uff1d\uff0b\uff0d\uff20|]|^[\t\r\n]/.test(text) ? `'${text}` : text;
}
