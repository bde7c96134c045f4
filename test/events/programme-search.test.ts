/** The front page as a programme: by words, day, place and price, all in the address. */
import { createBrowser } from '../support/browser';
import { createTestApp, type TestApp } from '../support/test-app';
import { newId } from '../../src/lib/ids';

let testApp: TestApp;
const organizerId = newId();

beforeAll(async () => {
  testApp = await createTestApp();
  await testApp
    .db('organizers')
    .insert({ id: organizerId, slug: 'house', name: 'House', contact_email: 'house@example.com' });
  await addEvent('Today free', {
    startsIn: '0 hours',
    price: 0,
    venue: 'Harbour Hall',
    address: 'Pier 4, Bergen',
  });
  await addEvent('In five days', { startsIn: '5 days', price: 1000, venue: 'Old Mint', address: 'Leipzig' });
  await addEvent('In twenty days', {
    startsIn: '20 days',
    price: 1000,
    venue: 'Old Mint',
    address: 'Leipzig',
  });
  await addEvent('In fifty days', { startsIn: '50 days', price: 0, venue: null, address: null });
});
afterAll(() => testApp.close());

async function addEvent(
  title: string,
  event: { startsIn: string; price: number; venue: string | null; address: string | null },
): Promise<void> {
  const id = newId();
  await testApp.db('events').insert({
    id,
    organizer_id: organizerId,
    slug: title.toLowerCase().replaceAll(' ', '-'),
    title,
    starts_at: testApp.db.raw('now() + ?::interval', [event.startsIn]),
    ends_at: testApp.db.raw("now() + ?::interval + interval '1 minute'", [event.startsIn]),
    time_zone: 'UTC',
    location_kind: event.venue ? 'venue' : 'online',
    venue_name: event.venue,
    venue_address: event.address,
    online_url: event.venue ? null : 'https://example.com/room',
    currency: 'eur',
    livemode: false,
    status: 'published',
    published_at: new Date(),
  });
  await testApp.db('ticket_types').insert({
    id: newId(),
    event_id: id,
    position: 0,
    name: 'Standard',
    kind: event.price > 0 ? 'paid' : 'free',
    price: event.price,
    capacity: 10,
  });
}

const titles = async (query: string) => {
  const page = await createBrowser().open(`${testApp.url}/?${query}`);
  return [...page.html.matchAll(/<h3><a href="[^"]+">([^<]+)/g)].map((match) => match[1]);
};

test.each([
  ['', ['Today free', 'In five days', 'In twenty days', 'In fifty days']],
  ['when=today', ['Today free']],
  ['when=week', ['Today free', 'In five days']],
  ['when=month', ['Today free', 'In five days', 'In twenty days']],
  ['price=free', ['Today free', 'In fifty days']],
  ['price=paid', ['In five days', 'In twenty days']],
  ['place=leipzig', ['In five days', 'In twenty days']],
  ['place=Online', ['In fifty days']],
  ['place=100%25', []],
  ['q=twenty&place=mint&price=paid&when=month', ['In twenty days']],
  ['q=twenty&price=free', []],
  // nonsense narrows nothing
  ['when=never&price=cheap&when=x', ['Today free', 'In five days', 'In twenty days', 'In fifty days']],
])('?%s', async (query, expected) => {
  expect(await titles(query)).toEqual(expected);
});

test('the weekend is Saturday and Sunday of the event’s own zone, this week', async () => {
  const { rows } = await testApp.db.raw(
    `SELECT (date_trunc('day', now() AT TIME ZONE 'UTC') + make_interval(days => (6 - least(extract(isodow FROM now() AT TIME ZONE 'UTC'), 6))::int, hours => 23, mins => 58)) AT TIME ZONE 'UTC' AS evening`,
  );
  const evening: Date = rows[0].evening;
  await addEvent('On the weekend', { startsIn: '0 hours', price: 0, venue: 'Hall', address: '' });
  const move = (to: Date) =>
    testApp
      .db('events')
      .where({ title: 'On the weekend' })
      .update({ starts_at: to, ends_at: new Date(to.getTime() + 60_000) });
  await move(evening);
  expect(await titles('when=weekend')).toContain('On the weekend');
  await move(new Date(evening.getTime() + 3 * 86_400_000));
  expect(await titles('when=weekend')).not.toContain('On the weekend');
});

test('a narrowed programme keeps its fields, has a way back, and says so when nothing fits', async () => {
  const page = await createBrowser().open(`${testApp.url}/?q=zither&place=Oslo&when=week&price=paid`);
  expect(page.text).toMatch(/Nothing found/);
  expect(page.html).toContain('value="zither"');
  expect(page.html).toContain('value="Oslo"');
  expect(page.html).toMatch(/value="week" selected/);
  expect(page.html).not.toContain('rel="canonical"');
});

test('the sitemap names what is on and who makes it, robots.txt names the sitemap and closes what is private', async () => {
  await testApp.db('events').where({ title: 'In five days' }).update({ status: 'draft' });
  const map = await createBrowser().open(`${testApp.url}/sitemap.xml`);
  expect(map.headers.get('content-type')).toMatch(/application\/xml/);
  const { baseUrl } = testApp.dependencies.config;
  expect(map.html).toContain(`<loc>${baseUrl}/events/in-twenty-days</loc>`);
  expect(map.html).toContain(`<loc>${baseUrl}/organizers/house</loc>`);
  expect(map.html).not.toContain('in-five-days');
  const robots = await createBrowser().open(`${testApp.url}/robots.txt`);
  expect(robots.html).toMatch(/Disallow: \/orders\//);
  expect(robots.html).toContain(`Sitemap: ${baseUrl}/sitemap.xml`);
});
