import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { renderPage } from '../http/views';
import { eventCalendar } from '../lib/calendar';
import { posterSvg } from '../lib/poster';
import { termsSections } from '../organizers/organizer-terms';
import { createTermsStore } from '../organizers/terms-store';
import { paths } from '../paths';
import { renderEventPage } from './event-page';
import { pageOfList, programmeByMonth } from './programme';
import { PROGRAMME_CHOICES, programmeAddress, readProgrammeSearch } from './programme-search';
import { robots, sitemap } from './sitemap';
import { createPublicEventsStore, type PublicEvent } from './public-events-store';

const PAST_EVENTS_SHOWN = 12;
const ONE_HOUR_SECONDS = 3600;

/** What everybody may see, signed in or not: the same page for all, without cookie or session. */
export function publicEventsRouter(dependencies: Pick<Dependencies, 'db' | 'config' | 'rateLimits'>): Router {
  const { db, config } = dependencies;
  const publicEvents = createPublicEventsStore(db);
  const livemode = config.stripe.primary.livemode;
  const router = Router();

  router.get(paths.home(), async (req: Request, res: Response) => {
    const asked = readProgrammeSearch(req.query);
    const query = { ...asked.query, livemode, period: 'upcoming' as const };
    const page = pageOfList(req.query['page'], await publicEvents.countProgramme(query));
    const events = await publicEvents.listProgramme({ ...query, ...page });
    allowSharedCopies(res);
    renderPage(
      req,
      res,
      'events/programme',
      {
        title: asked.query.search ? `Events for “${asked.query.search}”` : 'What is on',
        page: {
          description: 'Events to go to, with tickets from the people who make them.',
          canonical: asked.narrowed ? null : config.baseUrl + paths.home(),
        },
      },
      {
        search: asked.query.search,
        form: { values: asked.values, errors: {} },
        narrowed: asked.narrowed,
        choices: PROGRAMME_CHOICES,
        months: programmeByMonth(events, new Date()),
        pages: page,
        hrefFor: (number: number) => programmeAddress(asked.values, number),
      },
    );
  });

  router.get(paths.sitemap(), async (_req: Request, res: Response) => {
    allowSharedCopies(res);
    res.type('application/xml').send(sitemap(config.baseUrl, await publicEvents.listForSitemap(livemode)));
  });

  router.get(paths.robots(), (_req: Request, res: Response) => {
    res.set('Cache-Control', `public, max-age=${ONE_HOUR_SECONDS}`);
    res.type('text/plain').send(robots(config.baseUrl));
  });

  router.get('/events/:slug', async (req: Request, res: Response) => {
    await renderEventPage(req, res, dependencies, slugOf(req));
  });

  router.get('/events/:slug/calendar.ics', async (req: Request, res: Response) => {
    const { event, organizer } = await getEvent(slugOf(req));
    const calendar = eventCalendar({
      id: event.id,
      title: event.title,
      starts_at: event.startsAt,
      ends_at: event.endsAt,
      location_kind: event.locationKind,
      venue_name: event.venueName,
      venue_address: event.venueAddress,
      // the address of an online event is for the people who have tickets
      online_url: null,
      status: event.status,
      url: config.baseUrl + paths.event(event.slug),
      organizerName: organizer.name,
    });
    allowSharedCopies(res);
    res
      .type('text/calendar')
      .set('Content-Disposition', `attachment; filename="${event.slug}.ics"`)
      .send(calendar);
  });

  router.get('/events/:slug/poster.svg', async (req: Request, res: Response) => {
    const { event } = await getEvent(slugOf(req));
    res.set('Cache-Control', `public, max-age=${ONE_HOUR_SECONDS}`);
    res.type('image/svg+xml').send(posterSvg({ id: event.id, title: event.title }));
  });

  router.get('/organizers/:slug', async (req: Request, res: Response) => {
    const organizer = await publicEvents.findOrganizer(slugOf(req));
    if (!organizer) throw new NotFound('organizer');
    const query = { search: '', livemode, organizerId: organizer.id };
    const upcoming = { ...query, period: 'upcoming' as const };
    const page = pageOfList(req.query['page'], await publicEvents.countProgramme(upcoming));
    const now = new Date();
    allowSharedCopies(res);
    renderPage(
      req,
      res,
      'events/organizer-page',
      {
        title: organizer.name,
        page: {
          description: `Events by ${organizer.name}, and tickets for them.`,
          canonical: config.baseUrl + paths.organizerPage(organizer.slug),
        },
      },
      {
        organizer,
        months: programmeByMonth(await publicEvents.listProgramme({ ...upcoming, ...page }), now),
        past: programmeByMonth(
          await publicEvents.listProgramme({ ...query, period: 'past', limit: PAST_EVENTS_SHOWN, offset: 0 }),
          now,
        ),
        pages: page,
        hrefFor: (number: number) =>
          paths.organizerPage(organizer.slug) + (number > 1 ? `?page=${number}` : ''),
      },
    );
  });

  router.get('/organizers/:slug/terms', async (req: Request, res: Response) => {
    const organizer = await publicEvents.findOrganizer(slugOf(req));
    const texts = organizer && (await createTermsStore(db).findCurrent(organizer.id));
    if (!texts) throw new NotFound();
    allowSharedCopies(res);
    renderPage(
      req,
      res,
      'events/organizer-terms',
      {
        title: `Terms of ${organizer.name}`,
        page: { canonical: config.baseUrl + paths.organizerTerms(organizer.slug) },
      },
      { organizer, sections: termsSections(texts), since: texts.createdAt },
    );
  });

  async function getEvent(slug: string): Promise<PublicEvent> {
    const found = await publicEvents.findBySlug(slug);
    if (!found) throw new NotFound('event');
    return found;
  }

  return router;
}

/** A cache may keep the page and must ask whether it is still the same (Express answers by ETag). */
function allowSharedCopies(res: Response): void {
  res.set('Cache-Control', 'public, max-age=0, must-revalidate');
}

function slugOf(req: Request): string {
  return String(req.params['slug']);
}
