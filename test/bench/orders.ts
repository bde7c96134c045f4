/** R6: the organizer's list and search, with ever more orders of one event. */
import { createHmac, randomBytes } from 'node:crypto';
import { createSessionStore } from '../../src/http/session';
import { newId } from '../../src/lib/ids';
import { type LoadResult } from './load';
import { type Row } from './rows';
import { type BenchEvent, load, type World } from './world';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const SECRET = 'the-session-secret-of-the-bench-only';

export async function orderList(world: World): Promise<Row[]> {
  const cookie = await signIn(world);
  const app = await world.startApp({ SESSION_SECRETS: SECRET });
  const measured: { size: number; list: LoadResult; search: LoadResult }[] = [];
  for (const size of SIZES) {
    const event = await world.market.addEvent({ capacity: 1000 });
    await world.market.addOrders(event, size);
    const ask = (queries: string[]) =>
      load({
        ports: [app.port],
        connections: 1,
        seconds: 30,
        total: 300,
        requests: queries.map((query) => ({
          method: 'GET',
          path: `/organizer/events/${event.id}/orders?${query}`,
          headers: { Cookie: cookie },
        })),
      });
    const after = await someCursor(world, event);
    const list = ['', `after=${after}`, 'status=paid', 'status=ended', 'status=attention', 'status=refunded'];
    const search = [
      'q=ada',
      'q=buyer77%40example.com',
      'q=charles+c',
      'q=nobody',
      'q=ABCD2345',
      'q=grace&status=paid',
    ];
    await ask([...list, ...search]);
    measured.push({ size, list: await ask(list), search: await ask(search) });
  }
  await app.stop();
  const [least, most] = [measured[0]!, measured.at(-1)!];
  const growth = (kind: 'list' | 'search') =>
    measured
      .map(
        ({ size, [kind]: { p99, p50, byStatus } }) =>
          `${size / 1000}k: ${p50}/${p99}${byStatus['200'] === 300 ? '' : JSON.stringify(byStatus)}`,
      )
      .join(', ');
  return (['list', 'search'] as const).flatMap((kind): Row[] => [
    {
      id: `R6 ${kind}`,
      value: most[kind].p99,
      goal: 50,
      direction: 'max',
      unit: 'ms p99 at 1,000,000',
      detail: `p50/p99 ms by orders: ${growth(kind)}`,
    },
    {
      id: `R6 ${kind} ÷`,
      value: most[kind].p99 / least[kind].p99,
      goal: 1.3,
      direction: 'max',
      unit: '× the same at 1,000',
      detail: `of medians ${(most[kind].p50 / least[kind].p50).toFixed(2)}`,
    },
  ]);
}

/** A session as signing in makes it; the password is not what is measured. */
async function signIn({ db, market }: World): Promise<string> {
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
