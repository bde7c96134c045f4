/**
 * Public event pages as ready buffers, answered in front of Express: the page is the same for everybody, with or without
 * a session. Nothing in it is older than a second. A commit that changes the page's words throws it away at once, from
 * other processes too; that is a kindness, and the age is the promise.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Knex } from 'knex';
import { type Config } from '../config';
import { listenTo } from '../db/notifications';
import { prepareAnswer, type ReadyAnswer, sendReady } from '../http/ready-answer';
import { securityHeadersOf } from '../http/security-headers';
import { renderPublicPage } from '../http/views';
import { eventPageView, type EventPageOptions, isConnectionReady } from './event-page';
import { createPageViews } from './page-views';
import { createPublicEventsStore, type PublicEvent } from './public-events-store';

const OLDEST_MS = 1000;
/** From this age on the next page is made while this one is still answered. */
const RENEW_AFTER_MS = 700;
const MOST_PAGES = 500;
const MOST_REFUSALS = 100;
const LONGEST_REFUSAL_KEY = 2000;
/** Holds of this process show at once as long as they are few: so many at once, and so many each second. */
const FRESH_AT_ONCE = 6;
const FRESH_PER_SECOND = 2;

const ADDRESS = /^\/events\/([a-z0-9-]{1,80})(?:\?.*)?$/;
/** With a code, or with what was chosen already, the page is made for whoever asks. */
const OWN_PAGE = /[?&](?:code=[^&]|(?:quantity|amount)\.)/;

interface ReadyPage {
  found: PublicEvent;
  connectionReady: boolean;
  readAt: number;
  answer: ReadyAnswer;
  /** the same page with what was wrong with an order, by what was chosen and why it was refused */
  refusals: Map<string, string>;
}

interface KnownEvent {
  id: string;
  currency: string;
}

interface Entry {
  known: { event: KnownEvent; readAt: number } | null;
  page: ReadyPage | null;
  /** something was committed since the page was read */
  changed: boolean;
  making: Promise<ReadyPage | null> | null;
  fresh: { left: number; at: number };
}

export interface EventPages {
  /** Answers the request if it asks for an event's page; `next` where there is none. False: something else was asked for. */
  answer(req: IncomingMessage, res: ServerResponse, next: () => void): boolean;
  /** Which event an address means, at most a second old; without its page, which a hold does not need. */
  find(slug: string): Promise<KnownEvent | null>;
  /** The page with a refused order's choice in it, its bytes as latin1; null without such an event. */
  renderRefusal(slug: string, options: EventPageOptions): Promise<string | null>;
  /** Tickets of this event were held or given back by this process. */
  countersChanged(slug: string): void;
  /** Writes how often pages were looked at. It happens by itself, some seconds later. */
  writeViews(): Promise<void>;
  close(): Promise<void>;
}

export function createEventPages(dependencies: {
  config: Config & { databaseUrl: string };
  db: Knex;
}): EventPages {
  const { config, db } = dependencies;
  const entries = new Map<string, Entry>();
  const common = securityHeadersOf({
    production: config.production,
    connectUrl: config.stripe.connectUrl,
  }).flat();
  const views = createPageViews(db);
  let listener: ReturnType<typeof listenTo> | null = null;
  let closed = false;

  function answer(req: IncomingMessage, res: ServerResponse, next: () => void): boolean {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    const slug = ADDRESS.exec(req.url ?? '')?.[1];
    if (slug === undefined || !config.viewCache || OWN_PAGE.test(req.url!)) return false;
    const entry = entryOf(slug);
    const page = usable(slug, entry);
    if (page) show(req, res, page);
    else
      make(slug, entry).then(
        (made) => (made ? show(req, res, made) : next()),
        // Express comes to the same error, and has words for it
        () => next(),
      );
    return true;
  }

  function show(req: IncomingMessage, res: ServerResponse, page: ReadyPage): void {
    sendReady(req, res, page.answer);
    views.count(page.found.event.id, req);
  }

  async function get(slug: string): Promise<ReadyPage | null> {
    const entry = entryOf(slug);
    return usable(slug, entry) ?? make(slug, entry);
  }

  async function find(slug: string): Promise<KnownEvent | null> {
    if (!ADDRESS.test(`/events/${slug}`)) return null;
    const entry = entryOf(slug);
    const readAt = performance.now();
    if (entry.known && readAt - entry.known.readAt < OLDEST_MS) return entry.known.event;
    const event: KnownEvent | undefined = await db('events')
      .where({ slug })
      .whereIn('status', ['published', 'cancelled'])
      .whereNotNull('published_at')
      .first('id', 'currency');
    if (event) entry.known = { event, readAt };
    else entries.delete(slug);
    return event ?? null;
  }

  function entryOf(slug: string): Entry {
    listener ??= listenTo(config.databaseDirectUrl ?? config.databaseUrl, 'foyer_event_pages', onCommit);
    let entry = entries.get(slug);
    if (!entry) {
      entry = {
        known: null,
        page: null,
        changed: false,
        making: null,
        fresh: { left: FRESH_AT_ONCE, at: Date.now() },
      };
      entries.set(slug, entry);
      if (entries.size > MOST_PAGES) entries.delete(entries.keys().next().value!);
    }
    return entry;
  }

  /** The page as it stands, if it may still be shown. */
  function usable(slug: string, entry: Entry): ReadyPage | null {
    if (!entry.page) return null;
    const age = performance.now() - entry.page.readAt;
    if (age >= OLDEST_MS || (entry.changed && mayShowAtOnce(entry))) return null;
    if (age >= RENEW_AFTER_MS && !entry.making && !closed) make(slug, entry).catch(() => {});
    return entry.page;
  }

  function mayShowAtOnce({ fresh }: Entry): boolean {
    const now = Date.now();
    fresh.left = Math.min(FRESH_AT_ONCE, fresh.left + ((now - fresh.at) / 1000) * FRESH_PER_SECOND);
    fresh.at = now;
    if (fresh.left < 1) return false;
    fresh.left -= 1;
    return true;
  }

  /** Makes the page once for all who wait for it. What was committed after it was begun needs another. */
  function make(slug: string, entry: Entry): Promise<ReadyPage | null> {
    if (entry.making && !entry.changed) return entry.making;
    entry.changed = false;
    const making = render(slug).then(
      (page) => {
        if (entry.making === making) [entry.page, entry.making] = [page, null];
        if (!page) entries.delete(slug);
        return page;
      },
      (error: unknown) => {
        if (entry.making === making) entry.making = null;
        throw error;
      },
    );
    entry.making = making;
    return making;
  }

  async function render(slug: string): Promise<ReadyPage | null> {
    const readAt = performance.now();
    const found = await createPublicEventsStore(db).findBySlug(slug);
    if (!found) return null;
    const connectionReady = await isConnectionReady({ db }, found);
    const body = await renderBody(found, connectionReady, {});
    const etag = `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    const headers = [...common, 'Cache-Control', 'public, max-age=0, must-revalidate'];
    const answer = await prepareAnswer(body, etag, headers);
    return { found, connectionReady, readAt, answer, refusals: new Map() };
  }

  async function renderBody(
    found: PublicEvent,
    connectionReady: boolean,
    options: EventPageOptions,
  ): Promise<Buffer> {
    const { view, page, locals } = eventPageView(config, found, connectionReady, options);
    const settings = { simulated: config.stripe.simulated, cache: config.viewCache };
    return Buffer.from(await renderPublicPage(view, page, locals, settings));
  }

  function onCommit(payload: string | null): void {
    const [kind, id] = payload?.split(':') ?? [];
    for (const entry of entries.values()) {
      const event = entry.page?.found.event;
      // of a page that is just being made nobody knows yet whose it is
      const concerned =
        !event || payload === null || id === (kind === 'organizer' ? event.organizerId : event.id);
      if (concerned) [entry.known, entry.page, entry.changed] = [null, null, true];
    }
  }

  return {
    answer,
    find,
    writeViews: views.write,
    async renderRefusal(slug, options) {
      const page = ADDRESS.test(`/events/${slug}`) ? await get(slug) : null;
      if (!page) return null;
      const key = JSON.stringify([options.form, options.problem]);
      // what a code does may have changed since the page was read
      const known = options.code ? undefined : page.refusals.get(key);
      if (known) return known;
      const body = (await renderBody(page.found, page.connectionReady, options)).toString('latin1');
      if (!options.code && key.length <= LONGEST_REFUSAL_KEY && page.refusals.size < MOST_REFUSALS)
        page.refusals.set(key, body);
      return body;
    },
    countersChanged(slug) {
      const entry = entries.get(slug);
      if (entry) entry.changed = true;
    },
    async close() {
      closed = true;
      await listener?.close();
      await Promise.allSettled([...entries.values()].map(({ making }) => making));
      await views.write().catch(() => {});
    },
  };
}
