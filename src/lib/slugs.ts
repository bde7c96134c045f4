import { randomBytes } from 'node:crypto';

/** Latin letters that no Unicode normalization takes apart. */
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

/** "Ada's Lecture – Künste" → "adas-lecture-kunste"; a text without Latin letters or digits gives "event". */
export function slugFrom(text: string): string {
  const slug = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter]!)
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return slug || 'event';
}

/** The slug with a short random tail, for when the plain one is taken. */
export function slugWithTail(text: string): string {
  return `${slugFrom(text)}-${randomBytes(3).toString('hex')}`;
}

/** What an address can carry that we made. Everything else (NUL bytes too, which Postgres refuses) is simply not there. */
export function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,80}$/.test(text);
}
