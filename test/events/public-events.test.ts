import { type Knex } from 'knex';
import { type Request, type Response as ExpressResponse } from 'express';
import express from 'express';
import supertest from 'supertest';
import { errorHandler } from '../../src/http/error-pages';
import { renderEventPage } from '../../src/events/event-page';
import { useViews } from '../../src/http/views';
import { newId } from '../../src/lib/ids';
import { createTestApp, type TestApp } from '../support/test-app';
import { type OrganizerPerson, readForm, signUpOrganizer, textOf } from '../support/people';

let testApp: TestApp;
let db: Knex;
let ada: OrganizerPerson;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
  ada = await signUpOrganizer(testApp, { organizerName: 'Analytical Society' });
});
afterAll(() => testApp.close());

const guest = () => testApp.agent();
const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR);

interface Ticket {
  name?: string;
  kind?: string;
  price?: bigint;
  [column: string]: unknown;
}

/** A published event as rows; the desk's way of making one is tested elsewhere. */
async function publishedEvent(
  slug: string,
  changes: Record<string, unknown> = {},
  tickets: Ticket[] = [{}],
): Promise<{ id: string; typeIds: string[] }> {
  const id = newId();
  await db('events').insert({
    id,
    organizer_id: ada.organizer.id,
    slug,
    title: `Title of ${slug}`,
    starts_at: inHours(48),
    ends_at: inHours(50),
    time_zone: 'Europe/Berlin',
    location_kind: 'venue',
    venue_name: 'Mint Hall',
    venue_address: 'Münzgasse 4\nLeipzig',
    currency: 'eur',
    livemode: false,
    status: 'published',
    published_at: new Date(),
    ...changes,
  });
  const typeIds: string[] = [];
  for (const [position, ticket] of tickets.entries()) {
    const typeId = newId();
    typeIds.push(typeId);
    await db('ticket_types').insert({
      id: typeId,
      event_id: id,
      position,
      name: 'Standard',
      kind: 'free',
      price: 0n,
      capacity: 100,
      ...ticket,
    });
  }
  return { id, typeIds };
}

async function withConnection(work: () => Promise<void>): Promise<void> {
  const id = newId();
  await db.transaction(async (trx) => {
    await trx('stripe_connections').insert({
      id,
      organizer_id: ada.organizer.id,
      stripe_user_id: 'acct_society',
      livemode: false,
      scope: 'read_write',
      charges_enabled: true,
    });
    await trx('organizers').where({ id: ada.organizer.id }).update({ default_connection_id: id });
  });
  try {
    await work();
  } finally {
    await db('organizers').where({ id: ada.organizer.id }).update({ default_connection_id: null });
    await db('stripe_connections').where({ id }).delete();
  }
}

const paid = { name: 'Standard', kind: 'paid', price: 2000n };

describe('the event page', () => {
  test('is one page for all: no cookie, no token, to be kept and asked for again', async () => {
    await publishedEvent('for-all');
    const page = await guest().get('/events/for-all');
    expect(page.status).toBe(200);
    expect(page.headers['set-cookie']).toBeUndefined();
    expect(page.text).not.toContain('_csrf');
    expect(page.headers['cache-control']).toBe('public, max-age=0, must-revalidate');
    const again = await guest().get('/events/for-all').set('If-None-Match', page.headers['etag']!);
    expect(again.status).toBe(304);
    // who is signed in sees the same bytes
    expect((await ada.agent.get('/events/for-all')).text).toBe(page.text);
  });

  test('offers what the order form needs: quantities, and the prices that were shown', async () => {
    const { typeIds } = await publishedEvent('offers', {}, [
      { ...paid, max_per_order: 4 },
      { name: 'Supporter', kind: 'donation', price: 500n },
    ]);
    await withConnection(async () => {
      const page = await guest().get('/events/offers');
      const form = readForm(page);
      expect(form.action).toBe('/events/offers/orders');
      expect(form.values).toEqual({
        [`quantity.${typeIds[0]}`]: '0',
        [`price.${typeIds[0]}`]: '2000',
        [`quantity.${typeIds[1]}`]: '0',
        [`price.${typeIds[1]}`]: '500',
        [`amount.${typeIds[1]}`]: '',
      });
      expect(page.text.match(/<option value="4"/g)).toHaveLength(2);
      expect(textOf(page)).toContain('Paid to Analytical Society, through Stripe.');
      expect(textOf(page)).toContain('from €5.00');
    });
  });

  test('one ticket type alone is chosen once already', async () => {
    const { typeIds } = await publishedEvent('only-one');
    expect(readForm(await guest().get('/events/only-one')).values[`quantity.${typeIds[0]}`]).toBe('1');
  });

  test('without a connection paid tickets get the plain sentence, free ones go on', async () => {
    const { typeIds } = await publishedEvent('mixed', {}, [paid, { name: 'Guest' }]);
    const page = await guest().get('/events/mixed');
    expect(textOf(page)).toContain(
      'Paid tickets are not on sale right now. The organizer is fixing their payment account. Free tickets are still available.',
    );
    expect(Object.keys(readForm(page).values)).toEqual([`quantity.${typeIds[1]}`, `price.${typeIds[1]}`]);
    await withConnection(async () => {
      expect(textOf(await guest().get('/events/mixed'))).not.toContain('not on sale right now');
    });
  });

  test.each<[string, Record<string, unknown>, Ticket, string]>([
    ['few', { capacity: 12 }, {}, '12 left'],
    ['all-sold', { sold: 100 }, { sold: 100 }, 'Sold out'],
    ['all-held', { held: 100 }, { held: 100 }, 'held by other buyers'],
    ['ended', {}, { sales_end: inHours(-1) }, 'Sales have ended'],
    ['over', { starts_at: inHours(-3), ends_at: inHours(-1) }, {}, 'This event is over'],
  ])('%s is said in words', async (slug, event, ticket, words) => {
    await publishedEvent(slug, event, [ticket]);
    const page = await guest().get(`/events/${slug}`);
    expect(textOf(page)).toContain(words);
    expect(page.text.includes('<form')).toBe(slug === 'few');
  });

  test('sales that begin later say when, in the zone of the event', async () => {
    await publishedEvent('later', {}, [{ sales_start: inHours(24) }]);
    expect(textOf(await guest().get('/events/later'))).toMatch(
      /On sale from \w{3} \d+ \w{3} \d{4}, \d\d:\d\d, Berlin time/,
    );
  });

  test('an event that is running can still be bought', async () => {
    await publishedEvent('running', { starts_at: inHours(-1), ends_at: inHours(1) });
    expect((await guest().get('/events/running')).text).toContain('Get tickets');
  });

  test('a cancelled event says why and sells nothing', async () => {
    await publishedEvent('cancelled', {
      status: 'cancelled',
      cancelled_at: new Date(),
      cancellation_reason: 'Flood',
    });
    const page = await guest().get('/events/cancelled');
    expect(textOf(page)).toContain('This event is cancelled Flood');
    expect(page.text).not.toContain('<form');
  });

  test('hidden and removed ticket types are nowhere on the page', async () => {
    await publishedEvent('with-hidden', {}, [
      { name: 'Open to all' },
      { name: 'Friends of the house', visibility: 'hidden' },
      { name: 'Abolished', removed_at: new Date() },
    ]);
    const { text } = await guest().get('/events/with-hidden');
    expect(text).toContain('Open to all');
    expect(text).not.toMatch(/Friends of the house|Abolished/);
  });

  test('the address of an online event is for the people who have tickets', async () => {
    await publishedEvent('online', {
      location_kind: 'online',
      venue_name: null,
      venue_address: null,
      online_url: 'https://secret-room.example/x',
    });
    const page = await guest().get('/events/online');
    expect(textOf(page)).toContain('The link comes with your ticket.');
    const calendar = await guest().get('/events/online/calendar.ics');
    expect(page.text + calendar.text).not.toContain('secret-room');
  });

  test.each(['no-such-event', 'a-draft', '%00', '%27%3B--', '..%2F..', 'UPPER', 'x'.repeat(300)])(
    '%s is not found, as page, calendar and poster',
    async (slug) => {
      await publishedEvent('a-draft', { status: 'draft', published_at: null }).catch(() => {});
      for (const path of ['', '/calendar.ics', '/poster.svg'])
        expect((await guest().get(`/events/${slug}${path}`)).status).toBe(404);
    },
  );

  test('a draft that was cancelled unseen stays unseen', async () => {
    await publishedEvent('never-public', {
      status: 'cancelled',
      published_at: null,
      cancelled_at: new Date(),
    });
    expect((await guest().get('/events/never-public')).status).toBe(404);
  });
});

describe('text by people we do not know', () => {
  const canary = `</script><script>alert('x')</script><img src=x onerror=alert(1)>"'&\u2028`;

  test('is shown as text, on the page, in its data and in its calendar', async () => {
    await db('organizers').where({ id: ada.organizer.id }).update({ name: canary });
    await publishedEvent(
      'canaries',
      {
        title: canary,
        description: `${canary}\n\n[click](javascript:alert(1)) <b>x</b>`,
        venue_name: canary,
        venue_address: canary,
      },
      [{ name: canary, description: canary }],
    );
    for (const path of ['/events/canaries', '/', `/organizers/${ada.organizer.slug}`, '/?q=%3Cscript%3E']) {
      const { text } = await guest().get(path);
      expect(text).not.toMatch(/<script>alert|<img src=x|javascript:alert\(1\)"|<b>x/);
    }
    const page = await guest().get('/events/canaries');
    const data = /<script type="application\/ld\+json">(.*?)<\/script>/s.exec(page.text)![1]!;
    expect(JSON.parse(data)).toMatchObject({ name: canary, offers: [{ name: canary }] });

    await db('organizers').where({ id: ada.organizer.id }).update({ name: 'Analytical Society' });
    const poster = await guest().get('/events/canaries/poster.svg').buffer(true).parse(asText);
    expect(poster.body).not.toMatch(/<script>|<img/);
  });

  test('cannot add lines to a calendar', async () => {
    await publishedEvent('line-breaks', {
      title: 'One\r\nATTENDEE:mailto:x@evil.example',
      venue_name: 'Hall\nEND:VEVENT\nBEGIN:VALARM',
    });
    const { text } = await guest().get('/events/line-breaks/calendar.ics');
    expect(text).not.toMatch(/^ATTENDEE|^BEGIN:VALARM/m);
    expect(text.match(/^END:VEVENT/gm)).toHaveLength(1);
  });
});

describe('the calendar and the poster', () => {
  test('a calendar entry keeps its name for ever and stands in UTC', async () => {
    const { id } = await publishedEvent('calendar', {
      starts_at: new Date('2199-06-12T17:30:00Z'),
      ends_at: new Date('2199-06-12T20:00:00Z'),
    });
    const calendar = await guest().get('/events/calendar/calendar.ics');
    expect(calendar.headers['content-type']).toMatch(/^text\/calendar/);
    const lines = calendar.text.replaceAll('\r\n ', '').split('\r\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        `UID:${id}@foyer`,
        'DTSTART:21990612T173000Z',
        'DTEND:21990612T200000Z',
        expect.stringContaining('LOCATION:Mint Hall'),
        expect.stringContaining('http://127.0.0.1/events/calendar'),
      ]),
    );
  });

  test('the poster is a picture that caches may keep', async () => {
    await publishedEvent('poster');
    const poster = await guest().get('/events/poster/poster.svg').buffer(true).parse(asText);
    expect(poster.headers['content-type']).toMatch(/^image\/svg\+xml/);
    expect(poster.headers['cache-control']).toMatch(/public, max-age=\d+/);
    expect(poster.body).toMatch(/^<svg[^>]+xmlns=/);
  });
});

describe('the programme', () => {
  beforeAll(async () => {
    await db('ticket_types').delete();
    await db('events').delete();
  });

  test('says so when nothing is on', async () => {
    expect(textOf(await guest().get('/'))).toContain('Nothing is on yet');
  });

  test('lists what is published and not over, by its beginning', async () => {
    await publishedEvent('second', { starts_at: inHours(72), ends_at: inHours(73), title: 'Second <i>' });
    await publishedEvent(
      'first',
      { starts_at: inHours(24), ends_at: inHours(25), title: 'First 100%_sure' },
      [paid],
    );
    await publishedEvent('gone', { starts_at: inHours(-3), ends_at: inHours(-1), title: 'Gone' });
    await publishedEvent('draft', { status: 'draft', published_at: null, title: 'Draft' });
    await publishedEvent('called-off', {
      status: 'cancelled',
      cancelled_at: new Date(),
      title: 'Called off',
    });
    await publishedEvent('other-mode', { livemode: true, title: 'Other mode' });
    const text = textOf(await guest().get('/'));
    expect(text.indexOf('First 100%_sure')).toBeGreaterThan(0);
    expect(text.indexOf('First 100%_sure')).toBeLessThan(text.indexOf('Second <i>'));
    expect(text).toContain('€20.00');
    expect(text).not.toMatch(/Gone|Draft|Called off|Other mode/);
  });

  test.each<[string, number]>([
    ['first', 1],
    ['SECOND', 1],
    ['mint hall', 2],
    ['leipzig', 2],
    ['analytical', 2],
    ['%', 1],
    ['_', 1],
    ['%_s', 1],
    ['\\', 0],
    ['nothing of the kind', 0],
    ["'; DROP TABLE events; --", 0],
    ['', 2],
    ['   ', 2],
  ])('a search for %j finds %i', async (words, count) => {
    const page = await guest().get('/').query({ q: words });
    expect(page.status).toBe(200);
    expect(page.text.match(/class="programme-row"/g) ?? []).toHaveLength(count);
    if (count === 0) expect(textOf(page)).toContain('Nothing found');
  });

  test.each([
    '?q=%00',
    '?q=a&q=b',
    '?q[]=x',
    '?q[__proto__]=x',
    `?q=${'x'.repeat(5000)}`,
    '?q=%ed%a0%80',
    '?page=-1',
    '?page=0',
    '?page=1e9',
    '?page=99999999999999999999',
    '?page=%00',
    '?page[]=2',
  ])('%s is no trouble', async (query) => {
    expect((await guest().get(`/${query}`)).status).toBe(200);
  });

  test('goes over pages that keep the search, each event once', async () => {
    for (let event = 0; event < 25; event += 1)
      await publishedEvent(`many-${event}`, {
        title: `Many ${event}`,
        starts_at: inHours(100),
        ends_at: inHours(101),
      });
    const first = await guest().get('/?q=many');
    const second = await guest().get('/?q=many&page=2');
    const beyond = await guest().get('/?q=many&page=9');
    const titles = (page: { text: string }) => page.text.match(/Many \d+/g)!;
    expect(titles(first)).toHaveLength(20);
    expect(new Set([...titles(first), ...titles(second)]).size).toBe(25);
    expect(titles(beyond)).toEqual(titles(second));
    expect(first.text).toMatch(/href="\/\?q=many&amp;page=2"/);
  });

  test('an organizer has a page with their events, coming and past', async () => {
    const page = await guest().get(`/organizers/${ada.organizer.slug}`);
    expect(textOf(page)).toContain('First 100%_sure');
    expect(textOf(page)).toContain('Past events Gone');
    expect(page.headers['set-cookie']).toBeUndefined();
    expect((await guest().get('/organizers/nobody')).status).toBe(404);
    expect((await guest().get('/organizers/%00')).status).toBe(404);
  });
});

test('the checkout can show the page again, with what was chosen and what was wrong with it', async () => {
  const { typeIds } = await publishedEvent('again', {}, [
    { name: 'Guest' },
    { name: 'Supporter', kind: 'donation', price: 500n },
  ]);
  const app = express();
  useViews(app, { cache: true, simulated: true });
  app.get('/', (req: Request, res: ExpressResponse) =>
    renderEventPage(req, res, testApp.dependencies, 'again', {
      status: 422,
      form: {
        values: { [`quantity.${typeIds[0]}`]: '3', [`amount.${typeIds[1]}`]: '4 <b>' },
        errors: {
          [`quantity.${typeIds[0]}`]: 'Choose at most 2',
          [`amount.${typeIds[1]}`]: 'Enter at least €5.00',
        },
      },
      problem: { title: 'No tickets were held', text: 'You were not charged.' },
    }),
  );
  app.use(errorHandler(testApp.dependencies.logger));
  await withConnection(async () => {
    const page = await supertest(app).get('/');
    expect(page.status).toBe(422);
    expect(page.headers['cache-control']).toBe('no-store');
    expect(textOf(page)).toContain('No tickets were held You were not charged.');
    expect(textOf(page)).toContain('Choose at most 2');
    expect(textOf(page)).toContain('Enter at least €5.00');
    expect(readForm(page).values).toMatchObject({
      [`quantity.${typeIds[0]}`]: '3',
      [`amount.${typeIds[1]}`]: '4 <b>',
    });
  });
});

function asText(response: supertest.Response, done: (error: Error | null, text: string) => void): void {
  let text = '';
  response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  response.on('end', () => done(null, text));
}
