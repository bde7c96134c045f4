/**
 * The layout engine: a page is a view inside a layout. `renderPage` names every local that a view sees; a view gets
 * `page` (who is looking, the title, the notice), `paths` and `format`, and what the handler passes by name.
 */
import { join } from 'node:path';
import ejs from 'ejs';
import { type Express, type Request, type Response } from 'express';
import {
  formatDate,
  formatDateTime,
  formatDuration,
  formatTime,
  formatTimeRange,
  offsetWords,
  zoneName,
} from '../lib/dates';
import { mapLink } from '../lib/map-link';
import { formatMoney, moneyToText } from '../lib/money';
import { paths } from '../paths';
import { icon } from './icons';

export const VIEWS_FOLDER = join(
  __dirname.replace(/([\\/])dist([\\/])src([\\/])http$/, '$1src$3http'),
  '../../views',
);

export type Layout = 'site' | 'desk' | 'admin' | 'checkout' | 'door';

export interface Notice {
  kind: 'success' | 'info' | 'warning' | 'error';
  text: string;
}

/** What every page knows of itself and of who is looking. Public pages have no user, no token and no session. */
export interface Page {
  title: string;
  layout: Layout;
  /** the address of this page, for the navigation's current entry */
  path: string;
  user: { name: string; email: string; isAdmin: boolean } | null;
  /** the organizer whose desk this is, and the others the person may switch to */
  organizer: { id: string; name: string } | null;
  csrfToken: string | null;
  notice: Notice | null;
  /** meta refresh, for pages that wait */
  refresh: { seconds: number; url: string } | null;
  description: string | null;
  canonical: string | null;
  /** true while Stripe is the bundled simulator: the footer says that no money moves */
  simulated: boolean;
  /** extra link and meta elements, made by the handler from values that it has escaped by type */
  meta: { property?: string; name?: string; content: string }[];
  jsonLd: string | null;
  /** a stylesheet of this page alone, beside the one of all */
  stylesheet: string | null;
}

const format = {
  money: formatMoney,
  moneyText: moneyToText,
  date: formatDate,
  dateTime: formatDateTime,
  time: formatTime,
  timeRange: formatTimeRange,
  duration: formatDuration,
  zoneName,
  offset: offsetWords,
  mapLink,
};

export function useViews(app: Express, settings: { cache: boolean; simulated: boolean }): void {
  app.set('views', VIEWS_FOLDER);
  app.set('view engine', 'ejs');
  app.set('view cache', settings.cache);
  app.locals['settingsForViews'] = settings;
  app.engine('ejs', (file, locals, done) => {
    renderInLayout(file, locals as unknown as { page: Page }, settings.cache).then(
      (html) => done(null, html),
      (error: unknown) => done(error),
    );
  });
}

const emptyPage: Page = {
  title: '',
  layout: 'site',
  path: '',
  user: null,
  organizer: null,
  csrfToken: null,
  notice: null,
  refresh: null,
  description: null,
  canonical: null,
  simulated: false,
  meta: [],
  jsonLd: null,
  stylesheet: null,
};

/** Renders a view as a whole page. `options.page` overrides what is known of the page; `locals` go to the view by name. */
export function renderPage(
  req: Request,
  res: Response,
  view: string,
  options: { title: string; layout?: Layout; status?: number; page?: Partial<Page> },
  locals: Record<string, unknown> = {},
): void {
  const simulated = (req.app.locals['settingsForViews'] as { simulated: boolean }).simulated;
  const page: Page = {
    ...emptyPage,
    title: options.title,
    layout: options.layout ?? 'site',
    path: req.path,
    user: req.currentUser
      ? { name: req.currentUser.name, email: req.currentUser.email, isAdmin: req.currentUser.isAdmin }
      : null,
    // asked for only where it is wanted: making a token makes a session
    csrfToken:
      options.page?.csrfToken === undefined && typeof req.csrfToken === 'function' ? req.csrfToken() : null,
    notice: options.page?.notice === undefined ? (req.takeNotice?.() ?? null) : null,
    simulated,
    ...options.page,
  };
  res.status(options.status ?? res.statusCode);
  res.render(view, { ...locals, page });
}

/** A whole page that is the same for everybody, as text: made once, answered often. */
export async function renderPublicPage(
  view: string,
  page: Partial<Page> & { title: string },
  locals: Record<string, unknown>,
  settings: { simulated: boolean; cache: boolean },
): Promise<string> {
  const whole = { ...emptyPage, simulated: settings.simulated, ...page };
  return renderInLayout(join(VIEWS_FOLDER, `${view}.ejs`), { ...locals, page: whole }, settings.cache);
}

/** Renders a view file without request or layout: mails. */
export async function renderView(
  view: string,
  locals: Record<string, unknown>,
  cache = true,
): Promise<string> {
  return renderFile(join(VIEWS_FOLDER, `${view}.ejs`), locals, cache);
}

async function renderInLayout(file: string, locals: { page: Page }, cache: boolean): Promise<string> {
  const body = await renderFile(file, locals as unknown as Record<string, unknown>, cache);
  return renderFile(
    join(VIEWS_FOLDER, 'layouts', `${locals.page.layout}.ejs`),
    { page: locals.page, body },
    cache,
  );
}

async function renderFile(file: string, locals: Record<string, unknown>, cache: boolean): Promise<string> {
  return ejs.renderFile(
    file,
    { ...locals, paths, format, icon },
    { cache, root: VIEWS_FOLDER, views: [VIEWS_FOLDER] },
  );
}
