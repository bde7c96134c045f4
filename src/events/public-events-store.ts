/**
 * The reads of public pages: published events with their organizer and ticket types. Drafts, and what an admin has
 * suspended, do not exist here.
 */
import { type Knex } from 'knex';
import { isSlug } from '../lib/slugs';
import { termsLinks } from '../organizers/organizer-terms';
import { type TicketType } from '../ticket-types/ticket-type';
import { createTicketTypesStore, toTicketType, type TicketTypeRow } from '../ticket-types/ticket-types-store';
import { type EventDetails } from './event';
import { type EventRow, toEvent } from './events-store';

export interface PublicEvent {
  event: EventDetails;
  organizer: { name: string; slug: string };
  /** the texts of the organizer that everybody can read */
  legal: { href: string; label: string }[];
  ticketTypes: TicketType[];
  /** there are codes that may be entered */
  takesCodes: boolean;
}

type JoinedRow = EventRow & { organizer_name: string; organizer_slug: string };

interface HasTexts {
  has_terms: boolean | null;
  has_refund_policy: boolean | null;
  has_imprint: boolean | null;
}

export interface PublicOrganizer {
  id: string;
  name: string;
  slug: string;
  website: string | null;
  legal: PublicEvent['legal'];
}

export interface ProgrammeQuery {
  /** words to look for in title, place and organizer; '' = everything */
  search: string;
  /** by the days of the event's own zone; default: any time */
  when?: ProgrammeWhen;
  /** part of a venue's name or address, '' or left out = anywhere */
  place?: string;
  online?: boolean;
  price?: 'free' | 'paid';
  organizerId?: string;
  livemode: boolean;
  period: 'upcoming' | 'past';
  limit: number;
  offset: number;
}

export interface SitemapEntry {
  slug: string;
  changedAt: Date;
}

/** A sitemap holds at most 50,000 addresses (sitemaps.org). */
const MOST_IN_SITEMAP = 20_000;

export type ProgrammeWhen = 'today' | 'weekend' | 'week' | 'month';

/** The days from today on; the weekend is the coming one, or what is left of this one. */
const DAYS: Record<ProgrammeWhen, string> = {
  today: 'begins <= today',
  week: 'begins < today + 7',
  month: 'begins < today + 30',
  weekend:
    'begins <= today + (7 - extract(isodow FROM today)::int) AND ends >= today + (6 - least(extract(isodow FROM today)::int, 6))',
};

export function createPublicEventsStore(db: Knex) {
  const published = () =>
    db<JoinedRow>('events')
      .join('organizers', 'organizers.id', 'events.organizer_id')
      .where({ 'events.suspended_at': null, 'events.organizer_suspended': false })
      .where({ 'organizers.suspended_at': null })
      .clone();

  function programme(query: Omit<ProgrammeQuery, 'limit' | 'offset'>) {
    const rows = published()
      .where({ 'events.status': 'published', 'events.livemode': query.livemode })
      .where('events.ends_at', query.period === 'upcoming' ? '>' : '<=', db.fn.now());
    if (query.organizerId) void rows.where({ 'events.organizer_id': query.organizerId });
    if (query.search !== '')
      void rows.whereRaw(
        "concat_ws(' ', events.title, events.venue_name, events.venue_address, organizers.name) ILIKE ?",
        [containing(query.search)],
      );
    if (query.when)
      void rows.whereExists(
        db
          .select(db.raw('1'))
          .fromRaw(
            `(SELECT (now() AT TIME ZONE events.time_zone)::date AS today,
                     (events.starts_at AT TIME ZONE events.time_zone)::date AS begins,
                     (events.ends_at AT TIME ZONE events.time_zone)::date AS ends) AS days`,
          )
          .whereRaw(DAYS[query.when]),
      );
    if (query.place)
      void rows.whereRaw("concat_ws(' ', events.venue_name, events.venue_address) ILIKE ?", [
        containing(query.place),
      ]);
    if (query.online) void rows.where({ 'events.location_kind': 'online' });
    if (query.price)
      void rows.whereExists(
        db('ticket_types')
          .select(db.raw('1'))
          .whereRaw('ticket_types.event_id = events.id')
          .where({ removed_at: null, visibility: 'public' })
          .where('price', query.price === 'free' ? '=' : '>', 0),
      );
    return rows;
  }

  return {
    /** A published event by the name in its address, or one that was cancelled after it had been. */
    async findBySlug(slug: string): Promise<PublicEvent | null> {
      if (!isSlug(slug)) return null;
      const row = await published()
        .where({ 'events.slug': slug })
        .whereIn('events.status', ['published', 'cancelled'])
        .whereNotNull('events.published_at')
        .leftJoin('organizer_terms', 'organizer_terms.id', 'organizers.current_terms_id')
        .first<(JoinedRow & HasTexts & { takes_codes: boolean }) | undefined>(
          ...COLUMNS,
          ...[...WHICH_TEXTS, TAKES_CODES].map((sql) => db.raw(sql)),
        );
      if (!row) return null;
      const ticketTypes = await createTicketTypesStore(db).listOfEvent(row.id);
      return {
        ...withOrganizer(row),
        legal: legalLinks(row.organizer_slug, row),
        ticketTypes,
        takesCodes: row.takes_codes,
      };
    },

    async countProgramme(query: Omit<ProgrammeQuery, 'limit' | 'offset'>): Promise<number> {
      const row = await programme(query).count<{ count: bigint }[]>('* as count');
      return Number(row[0]!.count);
    },

    /** Events in the order of their beginning (the past ones backwards), with the ticket types that prices come from. */
    async listProgramme(query: ProgrammeQuery): Promise<PublicEvent[]> {
      const direction = query.period === 'upcoming' ? 'asc' : 'desc';
      const rows = await programme(query)
        .orderBy([
          { column: 'events.starts_at', order: direction },
          { column: 'events.id', order: direction },
        ])
        .limit(query.limit)
        .offset(query.offset)
        .select<JoinedRow[]>(...COLUMNS);
      const types = await db<TicketTypeRow>('ticket_types')
        .whereIn(
          'event_id',
          rows.map((row) => row.id),
        )
        .where({ removed_at: null });
      return rows.map((row) => ({
        ...withOrganizer(row),
        legal: [],
        takesCodes: false,
        ticketTypes: types.filter((type) => type.event_id === row.id).map(toTicketType),
      }));
    },

    /** What search engines should know of: published events that are not over, and who makes them. */
    async listForSitemap(livemode: boolean): Promise<{ events: SitemapEntry[]; organizers: SitemapEntry[] }> {
      const rows = await programme({ search: '', livemode, period: 'upcoming' })
        .orderBy('events.starts_at')
        .limit(MOST_IN_SITEMAP)
        .select('events.slug', 'events.updated_at', 'organizers.slug as organizer_slug');
      const organizers = new Map<string, Date>();
      for (const row of rows) {
        const known = organizers.get(row.organizer_slug);
        if (!known || known < row.updated_at) organizers.set(row.organizer_slug, row.updated_at);
      }
      return {
        events: rows.map((row) => ({ slug: row.slug, changedAt: row.updated_at })),
        organizers: [...organizers].map(([slug, changedAt]) => ({ slug, changedAt })),
      };
    },

    async findOrganizer(slug: string): Promise<PublicOrganizer | null> {
      if (!isSlug(slug)) return null;
      const row: (Omit<PublicOrganizer, 'legal'> & HasTexts) | undefined = await db('organizers')
        .leftJoin('organizer_terms', 'organizer_terms.id', 'organizers.current_terms_id')
        .where({ slug, suspended_at: null })
        .first(
          'organizers.id',
          'organizers.name',
          'organizers.slug',
          'organizers.website',
          ...WHICH_TEXTS.map((sql) => db.raw(sql)),
        );
      return row ? { ...row, legal: legalLinks(row.slug, row) } : null;
    },
  };
}

function containing(words: string): string {
  return `%${words.replace(/[\\%_]/g, (character) => `\\${character}`)}%`;
}

const COLUMNS = ['events.*', 'organizers.name as organizer_name', 'organizers.slug as organizer_slug'];

const WHICH_TEXTS = [
  "organizer_terms.terms <> '' AS has_terms",
  "organizer_terms.refund_policy <> '' AS has_refund_policy",
  "organizer_terms.imprint <> '' AS has_imprint",
];

const TAKES_CODES =
  'EXISTS (SELECT 1 FROM discount_codes WHERE event_id = events.id AND switched_off_at IS NULL) AS takes_codes';

function legalLinks(slug: string, row: HasTexts): PublicEvent['legal'] {
  return termsLinks(slug, {
    terms: row.has_terms === true,
    refundPolicy: row.has_refund_policy === true,
    imprint: row.has_imprint === true,
  });
}

function withOrganizer(row: JoinedRow): Omit<PublicEvent, 'ticketTypes' | 'legal' | 'takesCodes'> {
  return {
    event: toEvent(row),
    organizer: { name: row.organizer_name, slug: row.organizer_slug },
  };
}
