/** Renders views/stripe-simulator inside its layout, with the few words all pages need. */
import { join } from 'node:path';
import ejs from 'ejs';
import { type Response } from 'express';
import { formatMoney } from '../lib/money';

export const VIEWS = join(
  __dirname.replace(/([\\/])dist([\\/]src[\\/]stripe-simulator)$/, '$2'),
  '../../views/stripe-simulator',
);

export function money(amount: number | null, currency: string | null): string {
  return formatMoney(BigInt(amount ?? 0), currency ?? 'usd');
}

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const helpers = { money, dateTime: (seconds: number) => `${dates.format(seconds * 1000)} UTC` };

export async function sendPage(
  res: Response,
  view: string,
  page: { title: string; status?: number } & Record<string, unknown>,
): Promise<void> {
  const render = (name: string, locals: object): Promise<string> =>
    ejs.renderFile(join(VIEWS, `${name}.ejs`), { ...locals, ...helpers }, { cache: true });
  const body = await render(view, page);
  res.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': "frame-ancestors 'none'" });
  res
    .status(page.status ?? 200)
    .type('html')
    .send(await render('layout', { title: page.title, body }));
}
