/** Covers: what strangers upload is drawn anew or refused, and pages show it (docs/security.md, B19). */
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { createBrowser } from '../support/browser';
import { formsOf } from '../support/html';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterAll(() => market.close());

const page = () => market.at(`/organizer/events/${sale.id}/cover`);
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#8e1c4a' } });

async function upload(
  file: Buffer | null,
  options: {
    name?: string;
    type?: string;
    alt?: string;
    token?: string | null;
    browser?: typeof sale.browser;
  } = {},
) {
  const browser = options.browser ?? sale.browser;
  const shown = await browser.open(options.browser ? market.at('/organizer/events/new') : page());
  const token = formsOf(shown.html).find((form) => form.values['_csrf'])?.values['_csrf'];
  const cookie = [...browser.cookies(new URL(market.baseUrl).host)].map(
    ([name, value]) => `${name}=${value}`,
  );
  const body = new FormData();
  if (options.token !== null) body.set('_csrf', options.token ?? token ?? 'none');
  body.set('alt', options.alt ?? '');
  if (file)
    body.set(
      'picture',
      new Blob([new Uint8Array(file)], { type: options.type ?? 'image/jpeg' }),
      options.name ?? 'cover.jpg',
    );
  const answer = await fetch(page(), {
    method: 'POST',
    body,
    redirect: 'manual',
    headers: { Cookie: cookie.join('; '), 'Sec-Fetch-Site': 'same-origin' },
  });
  return { status: answer.status, html: await answer.text() };
}

const covers = () => market.db('event_covers').where({ event_id: sale.id });

test('a picture is drawn anew in three sizes without what else was in the file, and stands on the public pages', async () => {
  const original = await picture(2000, 1500)
    .jpeg()
    .withExif({ IFD0: { Copyright: 'canary-of-the-camera' } })
    .toBuffer();
  const hidden = Buffer.concat([original, Buffer.from('<script>canary</script>')]);
  expect((await upload(hidden, { alt: 'Wheels & "cards"' })).status).toBe(303);
  const [row] = await covers();
  for (const [size, width, height, format] of [
    ['wide', 1200, 675, 'webp'],
    ['small', 480, 270, 'webp'],
    ['share', 1200, 630, 'jpeg'],
  ] as const) {
    expect(await sharp(row[size]).metadata()).toMatchObject({ width, height, format });
    expect(row[size].toString('latin1')).not.toContain('canary');
  }

  const event = await createBrowser().open(market.at(`/events/${sale.slug}`));
  expect(event.html).toContain(`src="/covers/${row.content_hash}-wide.webp"`);
  expect(event.html).toContain('alt="Wheels &amp; &#34;cards&#34;"');
  expect(event.html).toContain(
    `property="og:image" content="${market.baseUrl}/covers/${row.content_hash}-share.jpg"`,
  );
  expect((await createBrowser().open(market.at('/'))).html).toContain(
    `/covers/${row.content_hash}-small.webp`,
  );

  const served = await fetch(market.at(`/covers/${row.content_hash}-wide.webp`));
  expect(served.headers.get('content-type')).toBe('image/webp');
  expect(served.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(served.headers.get('x-content-type-options')).toBe('nosniff');
  expect(served.headers.get('set-cookie')).toBeNull();
  expect(Buffer.from(await served.arrayBuffer()).equals(row.wide)).toBe(true);
});

test.each([
  ['no file', async () => null, {}, /Choose a picture from your device/],
  [
    'a drawing with a script',
    async () =>
      Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"><script>alert(1)</script></svg>',
      ),
    { type: 'image/svg+xml', name: 'a.svg' },
    /This file is none, or it is damaged/,
  ],
  [
    'a page under a picture’s name',
    async () => Buffer.from('<html><script>alert(1)</script>'),
    {},
    /This file is none/,
  ],
  [
    'half of a picture',
    async () => (await picture(1200, 800).png().toBuffer()).subarray(0, 200),
    {},
    /damaged/,
  ],
  ['a moving picture', async () => picture(900, 600).gif().toBuffer(), {}, /This file is none/],
  ['a thumbnail', async () => picture(200, 100).png().toBuffer(), {}, /Choose a larger picture/],
  ['20,000 × 20,000 pixels', async () => hugePng(), {}, /at most 40 megapixels/],
  ['nine megabytes', async () => Buffer.alloc(9 * 1024 * 1024, 1), {}, /at most 8 MB/],
])('%s is refused with words, and nothing changes', async (_what, file, options, words) => {
  await market.db('event_covers').delete();
  await market.db('events').update({ cover_hash: null });
  const answer = await upload(await file(), { alt: 'Kept words', ...options });
  expect([answer.status, answer.html]).toEqual([422, expect.stringMatching(words)]);
  expect(answer.html).toContain('value="Kept words"');
  expect(await covers()).toEqual([]);
});

test('a name that climbs out of its folder names nothing', async () => {
  expect((await upload(await picture(900, 600).png().toBuffer(), { name: '../../server.js' })).status).toBe(
    303,
  );
  expect(await covers()).toHaveLength(1);
  for (const name of ['..%2f..%2fserver.js', `${'0'.repeat(32)}-wide.webp`, 'x-share.jpg'])
    expect((await fetch(market.at(`/covers/${name}`))).status).toBe(404);
});

test('without the token of the session, signed out, or as somebody else, nothing is kept', async () => {
  await market.db('event_covers').delete();
  const file = await picture(900, 600).png().toBuffer();
  expect((await upload(file, { token: null })).status).toBe(403);
  expect((await upload(file, { token: 'wrong' })).status).toBe(403);
  expect((await upload(file, { browser: createBrowser() })).status).toBeGreaterThanOrEqual(303);
  const other = await market.organizer('Difference Club');
  expect((await upload(file, { browser: other.browser })).status).toBe(404);
  expect(await covers()).toEqual([]);
});

test('the picture is taken away, and the poster is back, also as a card for other sites', async () => {
  await upload(await picture(900, 600).webp().toBuffer());
  const removed = await sale.browser.submit(await sale.browser.open(page()), {}, { action: /removal$/ });
  expect(removed.text).toMatch(/The picture is gone/);
  const event = await createBrowser().open(market.at(`/events/${sale.slug}`));
  expect(event.html).toContain(`src="/events/${sale.slug}/poster.svg"`);
  expect(event.html).toContain(`content="${market.baseUrl}/events/${sale.slug}/share.png"`);
  const card = await fetch(market.at(`/events/${sale.slug}/share.png`));
  expect(await sharp(Buffer.from(await card.arrayBuffer())).metadata()).toMatchObject({
    format: 'png',
    width: 1200,
    height: 630,
  });
});

/** A picture that says of itself that it has four hundred million pixels. */
function hugePng(): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(kind), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(20_000, 0);
  head.writeUInt32BE(20_000, 4);
  head.set([8, 2], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
