/**
 * How often events' pages are looked at: a number for each event and day, and nothing of who looked (no cookie, no address).
 * Counted in memory, since the page is answered in front of everything else, and written a few times a minute for all
 * events together. What a process that is killed has not written yet is not counted.
 */
import { type IncomingMessage } from 'node:http';
import { type Knex } from 'knex';

const WRITE_AFTER_MS = 10_000;
/** What programs call themselves, as far as they say so. */
const PROGRAMS =
  /bot|crawl|spider|slurp|preview|fetch|curl|wget|python|java\/|go-http|okhttp|headless|monitor|node|http/i;
const MOST_NAMES = 500;

export function createPageViews(db: Knex) {
  const counts = new Map<string, number>();
  /** whether what calls itself so is a program: asked for each page, and few of them make most of the requests */
  const programs = new Map<string, boolean>();
  let timer: NodeJS.Timeout | null = null;

  /** Adds one, unless a program asked, or a browser that only prepares itself. */
  function count(eventId: string, req: IncomingMessage): void {
    if (req.method !== 'GET' || isAhead(req) || isProgram(req.headers['user-agent'])) return;
    counts.set(eventId, (counts.get(eventId) ?? 0) + 1);
    timer ??= setTimeout(() => void write().catch(() => {}), WRITE_AFTER_MS).unref();
  }

  function isProgram(name: string | undefined): boolean {
    if (!name) return true;
    let known = programs.get(name);
    if (known === undefined) {
      known = PROGRAMS.test(name);
      if (programs.size >= MOST_NAMES) programs.clear();
      programs.set(name, known);
    }
    return known;
  }

  /** Writes what was counted. What can't be written now is written the next time. */
  async function write(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    const counted = [...counts];
    counts.clear();
    if (counted.length === 0) return;
    try {
      await db.raw(ADD_VIEWS, [counted.map(([id]) => id), counted.map(([, views]) => views)]);
    } catch (error) {
      for (const [id, views] of counted) counts.set(id, (counts.get(id) ?? 0) + views);
      throw error;
    }
  }

  return { count, write };
}

/** Fetched before anybody has asked to see it, or as a part of another page. */
function isAhead({ headers }: IncomingMessage): boolean {
  const purpose = headers['sec-purpose'] ?? headers['purpose'] ?? headers['x-moz'];
  const asWhat = headers['sec-fetch-dest'];
  return (
    (purpose !== undefined && String(purpose).includes('prefetch')) ||
    (asWhat !== undefined && asWhat !== 'document')
  );
}

/** In the order of the events, so that processes never wait for each other in a ring. */
const ADD_VIEWS = `
  INSERT INTO event_page_views (event_id, day, views)
  SELECT events.id, (now() AT TIME ZONE events.time_zone)::date, counted.views
    FROM unnest(?::uuid[], ?::integer[]) AS counted (id, views)
    JOIN events ON events.id = counted.id
   ORDER BY events.id
      ON CONFLICT (event_id, day) DO UPDATE SET views = event_page_views.views + excluded.views`;
