/** The search that stands in the front page's address. What makes no sense there is left out, never an error. */
import { cleanText } from '../http/forms';
import { paths } from '../paths';
import { type ProgrammeQuery, type ProgrammeWhen } from './public-events-store';

const LONGEST_TEXT = 100;

const WHEN: Record<ProgrammeWhen, string> = {
  today: 'Today',
  weekend: 'This weekend',
  week: 'The next 7 days',
  month: 'The next 30 days',
};
const PRICE = { free: 'Free', paid: 'With a price' };

const asOptions = (words: Record<string, string>) =>
  Object.entries(words).map(([value, label]) => ({ value, label }));

export const PROGRAMME_CHOICES = {
  when: [{ value: '', label: 'Any time' }, ...asOptions(WHEN)],
  price: [{ value: '', label: 'Any price' }, ...asOptions(PRICE)],
};

export interface ProgrammeSearch {
  query: Pick<ProgrammeQuery, 'search' | 'when' | 'place' | 'online' | 'price'>;
  /** the fields of the form, as they are understood */
  values: { q: string; when: string; place: string; price: string };
  narrowed: boolean;
}

export function readProgrammeSearch(asked: Record<string, unknown>): ProgrammeSearch {
  const q = words(asked['q']);
  const place = words(asked['place']);
  const when = chosen(asked['when'], WHEN);
  const price = chosen(asked['price'], PRICE);
  // "online" is a place, too
  const online = place.toLowerCase() === 'online';
  return {
    query: {
      search: q,
      ...(when ? { when } : {}),
      ...(online ? { online } : place ? { place } : {}),
      ...(price ? { price } : {}),
    },
    values: { q, when: when ?? '', place, price: price ?? '' },
    narrowed: [q, when, place, price].some(Boolean),
  };
}

export function programmeAddress(values: ProgrammeSearch['values'], page: number): string {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ''));
  if (page > 1) query.set('page', String(page));
  return query.size > 0 ? `${paths.home()}?${query.toString()}` : paths.home();
}

function words(asked: unknown): string {
  return typeof asked === 'string' ? [...cleanText(asked)].slice(0, LONGEST_TEXT).join('') : '';
}

function chosen<Key extends string>(asked: unknown, choices: Record<Key, string>): Key | null {
  return typeof asked === 'string' && Object.hasOwn(choices, asked) ? (asked as Key) : null;
}
