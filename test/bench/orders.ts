/** R6: the organizer's list and search, with ever more orders of one event. */
import { createHmac, randomBytes } from 'node:crypto';
import { createSessionStore } from '../../src/http/session';
import { newId } from '../../src/lib/ids';
import { type LoadResult } from './load';
import { median, type Row } from './rows';
import { type BenchEvent, load, type World } from './world';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const ROUNDS = 3;
const ASKED = 300;
const LISTS = ['status=paid', 'status=ended', 'status=attention', 'status=refunded'];
/** Everybody, one of six, one of a hundred by two words, an address, nobody, a reference. */
const SEARCHES = [
  'q=example',
  'q=ada',
  'q=charles+c',
  'q=buyer77%40example.com',
  'q=buyer77',
  'q=nobody',
  'q=nobody+example',
  'q=ABCD2345',
  'q=grace&status=paid',
];
export const SECRET = 'the-session-secret-of-the-bench-only';

export async function orderList(world: World): Promise<Row[]> {
  const cookie = await signIn(world);
  const app = await world.startApp({ SESSION_SECRETS: SECRET });
  const events: { size: number; event: BenchEvent; after: string }[] = [];
  for (const size of SIZES) {
    const event = await world.market.addEvent({ capacity: 1000 });
    await world.market.addOrders(event, size);
    events.push({ size, event, after: await someCursor(world, event) });
  }
  await world.db.raw('CHECKPOINT');

  const figures = SIZES.map(() => ({ list: [] as LoadResult[], search: [] as LoadResult[] }));
  // all sizes in each round, so that none has the quiet minutes for itself
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const [index, { event, after }] of events.entries()) {
      const ask = (queries: string[]) =>
        load({
          ports: [app.port],
          connections: 1,
          seconds: 30,
          total: ASKED,
          requests: queries.map((query) => ({
            method: 'GET',
            path: `/organizer/events/${event.id}/orders?${query}`,
            headers: { Cookie: cookie },
          })),
        });
      const list = await ask(['', `after=${after}`, ...LISTS]);
      const search = await ask(SEARCHES);
      if (round === 0) continue; // to warm up
      figures[index]!.list.push(list);
      figures[index]!.search.push(search);
    }
  await app.stop();

  return (['list', 'search'] as const).flatMap((kind): Row[] => {
    const measured = figures.map(({ [kind]: rounds }, index) => ({
      size: SIZES[index]!,
      p50: median(rounds.map(({ p50 }) => p50)),
      p99: median(rounds.map(({ p99 }) => p99)),
      wrong: rounds.some(({ byStatus }) => byStatus['200'] !== ASKED),
    }));
    const [least, most] = [measured[0]!, measured.at(-1)!];
    const growth = measured.map(
      ({ size, p50, p99, wrong }) => `${size / 1000}k: ${p50}/${p99}${wrong ? ' (not all answered)' : ''}`,
    );
    return [
      {
        id: `R6 ${kind}`,
        value: most.p99,
        goal: 50,
        direction: 'max',
        unit: 'ms p99 at 1,000,000',
        detail: `p50/p99 ms by orders: ${growth.join(', ')}`,
      },
      {
        id: `R6 ${kind} ÷`,
        value: most.p99 / least.p99,
        goal: 1.3,
        direction: 'max',
        unit: '× the same at 1,000',
        detail: `of medians ${(most.p50 / least.p50).toFixed(2)}`,
      },
    ];
  });
}

/** A session as signing in makes it; the password is not what is measured. */
export async function signIn({ db, market }: World): Promise<string> {
  const [userId, sid] = [newId(), randomBytes(24).toString('base64url')];
  await db('users').insert({ id: userId, email: 'owner@example.com', name: 'Owner', password_hash: 'none' });
  await db('memberships').insert({ user_id: userId, organizer_id: market.organizerId });
  const data = { userId, cookie: { originalMaxAge: 86_400_000, httpOnly: true, path: '/', sameSite: 'lax' } };
  await new Promise<void>((done, fail) => {
    createSessionStore(db).set(sid, data as never, (error) => (error ? fail(error as Error) : done()));
  });
  const signature = createHmac('sha256', SECRET).update(sid).digest('base64').replace(/=+$/, '');
  return `sid=s%3A${encodeURIComponent(`${sid}.${signature}`)}`;
}

/** Where the middle of the list begins. */
async function someCursor({ db }: World, event: BenchEvent): Promise<string> {
  const row = await db('orders')
    .where({ event_id: event.id })
    .orderBy('created_at')
    .offset(500)
    .first('id', db.raw('(extract(epoch FROM created_at) * 1000000)::bigint::text AS at'));
  return `${row.at}.${row.id}`;
}
