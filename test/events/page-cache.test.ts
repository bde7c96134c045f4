/** Ready pages: the same answers as without them, and never an old one. */
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Knex } from 'knex';
import { createDatabase } from '../../src/db/connection';
import { bestEncoding } from '../../src/events/page-cache';
import { newId } from '../../src/lib/ids';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;
let elsewhere: Knex;
let organizerId: string;
beforeAll(async () => {
  testApp = await createTestApp();
  // what another process does: its commits are not known here by themselves
  elsewhere = createDatabase({ url: testApp.databaseUrl, poolSize: 2 });
  organizerId = newId();
  await elsewhere('organizers').insert({
    id: organizerId,
    slug: 'house',
    name: 'House',
    contact_email: 'house@example.com',
  });
});
afterAll(async () => {
  await elsewhere.destroy();
  await testApp.close();
});

let number = 0;
async function publishedEvent(capacity = 15): Promise<{ id: string; slug: string; typeId: string }> {
  const [id, typeId] = [newId(), newId()];
  const slug = `page-${(number += 1)}`;
  await elsewhere('events').insert({
    id,
    organizer_id: organizerId,
    slug,
    title: 'Full House',
    starts_at: new Date('2030-01-01'),
    ends_at: new Date('2030-01-02'),
    time_zone: 'UTC',
    location_kind: 'venue',
    venue_name: 'Hall',
    currency: 'eur',
    livemode: false,
    status: 'published',
    published_at: new Date(),
  });
  await elsewhere('ticket_types').insert({
    id: typeId,
    event_id: id,
    position: 0,
    name: 'Seat',
    kind: 'free',
    price: 0,
    capacity,
  });
  return { id, slug, typeId };
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** Without the help of a client that unpacks by itself. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((done, fail) => {
    const asked = request(testApp.url + path, { method, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () =>
        done({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on('error', fail).end();
  });
}

const left = async (slug: string) => /(\d+) left/.exec((await ask(`/events/${slug}`)).body.toString())?.[1];

const hold = ({ slug, typeId }: { slug: string; typeId: string }) =>
  fetch(`${testApp.url}/events/${slug}/orders`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: `quantity.${typeId}=1`,
  });

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

test('compressed variants are the same page, under one weak ETag', async () => {
  const { slug } = await publishedEvent();
  const plain = await ask(`/events/${slug}`);
  const zipped = await ask(`/events/${slug}`, { 'Accept-Encoding': 'gzip' });
  const br = await ask(`/events/${slug}`, { 'Accept-Encoding': 'gzip, deflate, br' });
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(zipped.headers['content-encoding']).toBe('gzip');
  expect(br.headers['content-encoding']).toBe('br');
  expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
  expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
  for (const { headers, body } of [plain, zipped, br]) {
    expect(headers['etag']).toBe(plain.headers['etag']);
    expect(headers['vary']).toBe('Accept-Encoding');
    expect(headers['content-length']).toBe(String(body.length));
  }
  expect(plain.body.toString()).toContain('Full House');
});

test.each([
  [undefined, 'identity'],
  ['', 'identity'],
  ['br', 'br'],
  ['gzip, br', 'br'],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['gzip;q=0', 'identity'],
  ['*', 'br'],
  ['*;q=0', 'identity'],
  ['identity, gzip;q=0.5', 'identity'],
  ['deflate', 'identity'],
  ['gzip;q=nonsense', 'identity'],
])('who accepts %p gets %s', (accepted, encoding) => {
  expect(bestEncoding(accepted)).toBe(encoding);
});

test('the headers are those of every other page', async () => {
  const { slug } = await publishedEvent();
  const page = await ask(`/events/${slug}`);
  const other = await ask('/');
  for (const [name, value] of Object.entries(other.headers)) {
    if (!['etag', 'content-length', 'date'].includes(name))
      expect([name, page.headers[name]]).toEqual([name, value]);
  }
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
});

test('304, HEAD, and what else an address can be asked', async () => {
  const { slug } = await publishedEvent();
  const page = await ask(`/events/${slug}`);
  const etag = String(page.headers['etag']);
  for (const known of [etag, `"other", ${etag}`, etag.replace('W/', ''), '*']) {
    const again = await ask(`/events/${slug}`, { 'If-None-Match': known });
    expect([again.status, again.body.length, again.headers['etag']]).toEqual([304, 0, etag]);
    expect(again.headers['content-type']).toBeUndefined();
  }
  expect((await ask(`/events/${slug}`, { 'If-None-Match': '"other"' })).status).toBe(200);
  expect((await ask(`/events/${slug}`, { 'If-None-Match': etag, 'Cache-Control': 'no-cache' })).status).toBe(
    200,
  );
  const head = await ask(`/events/${slug}`, {}, 'HEAD');
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect(head.headers['content-length']).toBe(page.headers['content-length']);
  expect((await ask(`/events/${slug}?utm_source=poster`)).body.equals(page.body)).toBe(true);
  expect((await ask('/events/nothing-here')).status).toBe(404);
  expect((await ask(`/events/${'x'.repeat(300)}`)).status).toBe(404);
  expect((await ask('/events/%00')).status).toBe(404);
});

test('a change that another process commits is shown at once', async () => {
  const { id, slug, typeId } = await publishedEvent();
  await ask(`/events/${slug}`);
  const shown = async (words: string) => {
    const end = Date.now() + 500;
    while (!(await ask(`/events/${slug}`)).body.toString().includes(words)) {
      if (Date.now() > end) return false;
      await pause(5);
    }
    return true;
  };
  await elsewhere('events').where({ id }).update({ title: 'Fuller House' });
  expect(await shown('Fuller House')).toBe(true);
  await elsewhere('ticket_types').where({ id: typeId }).update({ name: 'Balcony' });
  expect(await shown('Balcony')).toBe(true);
  await elsewhere('organizers').where({ id: organizerId }).update({ name: 'Another House' });
  expect(await shown('Another House')).toBe(true);
  await elsewhere('events').where({ id }).update({ status: 'draft' });
  await pause(50);
  expect((await ask(`/events/${slug}`)).status).toBe(404);
});

test('what is left is never older than a second, even if nobody tells', async () => {
  const { slug, typeId } = await publishedEvent();
  expect(await left(slug)).toBe('15');
  await elsewhere('ticket_types').where({ id: typeId }).update({ held: 4 });
  // asked all the time, so that a page that lives from its visits would be found out
  const end = Date.now() + 1050;
  while (Date.now() < end) {
    await ask(`/events/${slug}`);
    await pause(20);
  }
  expect(await left(slug)).toBe('11');
});

test('a hold shows at once; of many, each second’s page is enough', async () => {
  const event = await publishedEvent(20);
  const queries = jest.spyOn(testApp.db.client, 'query');
  expect(await left(event.slug)).toBe('20');
  for (const expected of ['19', '18', '17']) {
    expect((await hold(event)).status).toBe(303);
    expect(await left(event.slug)).toBe(expected);
  }
  queries.mockClear();
  const began = Date.now();
  for (let round = 0; round < 15; round += 1) {
    await hold(event);
    await ask(`/events/${event.slug}`);
  }
  const pagesRead = queries.mock.calls.filter(([, query]) =>
    /from "events" inner join/.test((query as { sql: string }).sql),
  );
  const seconds = (Date.now() - began) / 1000;
  expect(pagesRead.length).toBeLessThanOrEqual(6 + Math.ceil(4 * seconds));
  queries.mockRestore();
  await pause(1000);
  expect(await left(event.slug)).toBe('2');
});

test('a page that can’t be read is said to be, and comes back', async () => {
  const { slug } = await publishedEvent();
  const failing = jest
    .spyOn(testApp.db.client, 'query')
    .mockRejectedValue(Object.assign(new Error('gone'), { code: '57P01' }));
  expect((await ask(`/events/${slug}`)).status).toBe(503);
  failing.mockRestore();
  expect((await ask(`/events/${slug}`)).status).toBe(200);
});
