/** What is sent small, and what never is. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { get } from 'node:http';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterAll(() => market.close());

/** As it goes over the wire. */
function ask(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      get(market.at(path), { headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      }).on('error', reject);
    },
  );
}

test.each(['/', '/assets/foyer.css', '/organizers/analytical-society', '/find-my-tickets'])(
  '%s says the same in every form, and is unchanged in each',
  async (path) => {
    const plain = await ask(path);
    const zipped = await ask(path, { 'Accept-Encoding': 'gzip' });
    const br = await ask(path, { 'Accept-Encoding': 'gzip, br' });
    expect([plain, zipped, br].map(({ headers }) => headers['content-encoding'])).toEqual([
      undefined,
      'gzip',
      'br',
    ]);
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
    for (const { headers, body } of [plain, zipped, br]) {
      expect(headers['vary']).toContain('Accept-Encoding');
      expect(headers['content-type']).toMatch(/^text\/(html|css); charset=utf-8$/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(Number(headers['content-length'])).toBe(body.length);
    }
    const again = await ask(path, { 'Accept-Encoding': 'br', 'If-None-Match': String(br.headers['etag']) });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  },
);

test('a page with the token of a session is never compressed', async () => {
  const cookie = [...sale.browser.cookies(new URL(market.baseUrl).host)]
    .map((pair) => pair.join('='))
    .join('; ');
  for (const path of ['/sign-in', '/organizer/events/new', `/organizer/events/${sale.id}/questions`]) {
    const page = await ask(path, { 'Accept-Encoding': 'gzip, br', Cookie: cookie });
    expect([path, page.headers['content-encoding']]).toEqual([path, undefined]);
  }
});

test('names of no file, and of files elsewhere, are not found', async () => {
  for (const name of ['nothing.css', '..%2f..%2fpackage.json', '%00.css'])
    expect((await ask(`/assets/${name}`, { 'Accept-Encoding': 'br' })).status).toBeGreaterThanOrEqual(400);
});
