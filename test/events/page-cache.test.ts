/** Ready pages: the same answers as without them, and never an old one. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Knex } from 'knex';
import { createDatabase } from '../../src/db/connection';

import { bestEncoding } from '../../src/http/ready-answer';
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

/** The bytes of an answer: what stands on the wire, not what a client makes of it. Several requests on one connection. */
function wire(requests: string[]): Promise<string[]> {
  return new Promise((done, fail) => {
    const answers: string[] = [];
    const socket = connect(Number(new URL(testApp.url).port), '127.0.0.1');
    const next = () =>
      answers.length < requests.length ? socket.write(requests[answers.length]!) : finish();
    const finish = () => {
      socket.destroy();
      done(answers);
    };
    let read = '';
    socket.setEncoding('latin1').on('error', fail).on('connect', next);
    socket.on('data', (chunk: string) => {
      read += chunk;
      const head = read.indexOf('\r\n\r\n') + 4;
      const isBodiless = /^HEAD/.test(requests[answers.length]!) || read.startsWith('HTTP/1.1 304');
      const length = isBodiless ? 0 : Number(/content-length: (\d+)/i.exec(read)?.[1]);
      if (head < 4 || read.length < head + length) return;
      answers.push(read);
      read = '';
      next();
    });
    socket.on('close', finish);
  });
}

test('an answer that is sent once more is the same to the byte, whoever asked before', async () => {
  const { slug } = await publishedEvent();
  const line = (method: string, headers = '', version = '1.1') =>
    `${method} /events/${slug} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`;
  const etag = String((await ask(`/events/${slug}`)).headers['etag']);
  const known = `If-None-Match: ${etag}\r\n`;
  const zipped = 'Accept-Encoding: gzip\r\n';
  const asked = ['', zipped, known, zipped + known].flatMap((headers) => [
    line('GET', headers),
    line('HEAD', headers),
    line('GET', headers),
    line('GET', headers),
  ]);
  const answers = (await wire(asked)).map((answer) => answer.replace(/Date: .*/, 'Date'));
  for (let n = 0; n < asked.length; n += 4) {
    const [first, head, again, third] = answers.slice(n, n + 4);
    expect([again, third]).toEqual([first, first]);
    expect(head).toBe(first!.slice(0, first!.indexOf('\r\n\r\n') + 4));
    expect(first).toContain('Connection: keep-alive');
  }
  expect(answers.map((answer) => answer.slice(9, 12)).join()).toMatch(/^(200,){8}(304,){7}304$/);

  // who wants to go is let go, and who speaks an older language is answered in it
  for (const asker of [line('GET', 'Connection: close\r\n'), line('GET', '', '1.0')]) {
    const [last] = await wire([asker]);
    expect(last).toContain('Connection: close');
    expect(last!.slice(last!.indexOf('\r\n\r\n'))).toBe(answers[0]!.slice(answers[0]!.indexOf('\r\n\r\n')));
  }
});

test('the Date of an answer is the second it is sent in', async () => {
  const { slug } = await publishedEvent();
  const dateOf = async () => Date.parse(String((await ask(`/events/${slug}`)).headers['date']));
  const end = Date.now() + 1200;
  while (Date.now() < end) {
    const [before, date, after] = [Date.now(), await dateOf(), Date.now()];
    expect(date).toBeGreaterThanOrEqual(before - 1100);
    expect(date).toBeLessThanOrEqual(after);
    await pause(20);
  }
});
