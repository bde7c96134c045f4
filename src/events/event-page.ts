import { type Request, type Response } from 'express';
import { canTakeCharges } from '../connect/connection';
import { connectionForEvent } from '../connect/connection-for-event';
import { policyWords, readPolicy } from '../cancellations/policy';
import { type Config } from '../config';
import { type Dependencies } from '../dependencies';
import { type DiscountCode, readCode, UNKNOWN_CODE, whyUnusable } from '../discounts/discount-code';
import { recognizeCode } from '../discounts/recognize-code';
import { NotFound } from '../errors';
import { emptyForm, type Form } from '../http/forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { type AskedGroup, longestAnswer } from '../questions/question';
import { type EventDetails } from './event';
import { isOffered, needsPayment } from './event-availability';
import { type TicketBox, ticketBox } from './event-page-model';
import { eventJsonLd } from './event-structured-data';
import { descriptionHtml, descriptionText } from './event-text';
import { isInTestMode, markedTitle } from './event-mode';
import { createPublicEventsStore, type PublicEvent } from './public-events-store';

export interface EventPageOptions {
  status?: number;
  /** what a buyer chose: `quantity.<ticket type>`, `amount.<ticket type>`, and errors by the same names */
  form?: Form;
  /** on top of the ticket box: why the order was not placed */
  problem?: { title: string; text: string };
  /** the code that the form names, if the event has it; it shows only where it can be used */
  code?: DiscountCode | null;
}

/** Shows a published event; the checkout shows the same page again with what was chosen and what was wrong with it. */
export async function renderEventPage(
  req: Request,
  res: Response,
  dependencies: Pick<Dependencies, 'db' | 'config' | 'rateLimits'>,
  slug: string,
  options?: EventPageOptions,
): Promise<void> {
  const { db, config } = dependencies;
  const found = await createPublicEventsStore(db).findBySlug(slug);
  if (!found) throw new NotFound('event');
  const own = options ?? (await readCodeAsked(req, dependencies, found));
  // One page for all who only look; what somebody typed, or has a code for, is theirs.
  res.set('Cache-Control', own ? 'no-store' : 'public, max-age=0, must-revalidate');
  if (own) res.set('X-Robots-Tag', 'noindex');
  const connectionReady = await isConnectionReady(dependencies, found);
  const { view, page, locals, wrong } = eventPageView(config, found, connectionReady, own ?? {});
  const status = own?.status ?? (wrong ? 422 : 200);
  renderPage(req, res, view, { title: page.title, status, page }, locals);
}

/** A link that carries a code, or its field sent with what was chosen so far: `?code=…&quantity.<id>=2`. */
async function readCodeAsked(
  req: Request,
  dependencies: Pick<Dependencies, 'db' | 'config' | 'rateLimits'>,
  { event }: Pick<PublicEvent, 'event'>,
): Promise<EventPageOptions | null> {
  const asked = readCode(req.query['code']);
  const chosen = Object.entries(req.query).flatMap(([name, value]) =>
    typeof value === 'string' && /^(quantity|amount)\./.test(name) ? [[name, value] as const] : [],
  );
  const form: Form = { values: Object.fromEntries(chosen), errors: {} };
  // an empty field takes a code away again, and nothing of what was chosen
  if (asked === null) return chosen.length > 0 ? { form } : null;
  const code = await recognizeCode(dependencies, { eventId: event.id, code: asked, address: req.ip });
  return { form: formWithCode(form, asked, code), code };
}

/** The form with the code in capital letters, and told where the event does not have it. */
export function formWithCode(form: Form, asked: string, code: DiscountCode | null): Form {
  return {
    values: { ...form.values, code: asked },
    errors: { ...form.errors, ...(code ? {} : { code: UNKNOWN_CODE }) },
  };
}

/** The view of a public event, what the page says of itself, and what the view is given. */
export function eventPageView(
  config: Pick<Config, 'baseUrl' | 'stripe'>,
  found: PublicEvent,
  connectionReady: boolean,
  options: EventPageOptions,
) {
  const { event, organizer } = found;
  const inTestMode = isInTestMode(config, event);
  const now = new Date();
  const whyNot = options.code ? whyUnusable(options.code, event, now) : null;
  const form = options.form ?? emptyForm;
  const shown = {
    ...options,
    form: whyNot ? { ...form, errors: { code: whyNot, ...form.errors } } : form,
  };
  const box = ticketBox(event, found.ticketTypes, {
    connectionReady,
    now,
    form: shown.form,
    organizerName: organizer.name,
    takesCodes: found.takesCodes,
    code: whyNot ? null : options.code,
  });
  const url = config.baseUrl + paths.event(event.slug);
  const shared =
    config.baseUrl +
    (event.coverHash ? paths.cover(`${event.coverHash}-share.jpg`) : paths.eventShare(event.slug));
  const description = descriptionText(event.description) || `${event.title}, by ${organizer.name}`;
  return {
    view: 'events/event',
    page: {
      title: markedTitle(config, event),
      description,
      canonical: url,
      meta: [
        ...(inTestMode ? [{ name: 'robots', content: 'noindex' }] : []),
        { property: 'og:type', content: 'website' },
        { property: 'og:site_name', content: 'Foyer' },
        { property: 'og:title', content: event.title },
        { property: 'og:description', content: description },
        { property: 'og:url', content: url },
        { property: 'og:image', content: shared },
        { property: 'og:image:width', content: '1200' },
        { property: 'og:image:height', content: '630' },
        { name: 'twitter:card', content: 'summary_large_image' },
      ],
      // nothing that a search engine should offer: an offer to those who have a code is none to everybody
      jsonLd:
        inTestMode || options.code
          ? null
          : eventJsonLd(event, box, {
              page: url,
              poster: shared,
              organizer: { name: organizer.name, url: config.baseUrl + paths.organizerPage(organizer.slug) },
            }),
    },
    locals: eventPageLocals(found, box, {
      ...shown,
      poster: posterOf(event),
      inTestMode,
    }),
    wrong: Object.keys(shown.form.errors).length > 0,
  };
}

/** What a page shows of an event in small and large: its cover, or the poster that is made from its title. */
export function posterOf(event: Pick<EventDetails, 'slug' | 'coverHash'>): string {
  return event.coverHash ? paths.cover(`${event.coverHash}-wide.webp`) : paths.eventPoster(event.slug);
}

/** On top of a preview: that it is one, and the way back. */
export interface PreviewNotice {
  text: string;
  back: { href: string; label: string };
}

/** What `events/event` is given, for the public page and for the organizer's preview of it. */
export function eventPageLocals(
  { event, organizer, legal }: Pick<PublicEvent, 'event' | 'organizer' | 'legal'>,
  box: TicketBox,
  options: EventPageOptions & {
    poster: string;
    previewOf?: PreviewNotice;
    inTestMode?: boolean;
    /** what buyers will be asked, in a preview */
    asked?: AskedGroup[];
  },
): Record<string, unknown> {
  return {
    event,
    organizer,
    legal,
    cancellation: policyWords(readPolicy(event.selfCancellation)),
    box,
    story: descriptionHtml(event.description),
    form: options.form ?? emptyForm,
    problem: options.problem ?? null,
    poster: options.poster,
    previewOf: options.previewOf ?? null,
    inTestMode: options.inTestMode ?? false,
    asked: options.asked ?? [],
    longest: longestAnswer,
  };
}

/** Asked only where something costs money. */
export async function isConnectionReady(
  { db }: Pick<Dependencies, 'db'>,
  { event, ticketTypes }: Pick<PublicEvent, 'event' | 'ticketTypes'>,
): Promise<boolean> {
  if (!ticketTypes.some((type) => isOffered(type) && needsPayment(type))) return false;
  return canTakeCharges(await connectionForEvent(db, event));
}
