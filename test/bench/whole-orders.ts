/** R11 and R12: whole orders by guests, with Stripe's simulator as a process of its own; and the rush on Stripe's limit. */
import { type BuyersResult } from './buyers';
import { median, type Row } from './rows';
import { type BenchEvent, buyersOf, startSimulator, type World } from './world';

const ROUNDS = 3;
/** What the app is told when the simulator enforces nothing. */
const LIFTED = 9999;

/** Eight guests, each beginning the next order as soon as they have their tickets. */
export async function wholeOrders(world: World, seconds: number): Promise<Row[]> {
  const { simulator, app } = await startBoth(world, LIFTED);
  const rounds: BuyersResult[] = [];
  const buy = async (event: BenchEvent, forSeconds: number) =>
    buyersOf({ ports: [app.port], event: saleOf(event), clients: 8, seconds: forSeconds, typing: 0 });
  await buy(await world.market.addEvent({ capacity: 1_000_000 }), 3);
  for (let round = 0; round < ROUNDS; round += 1) {
    await world.market.analyse();
    rounds.push(await buy(await world.market.addEvent({ capacity: 1_000_000 }), seconds));
  }
  await app.stop();
  await simulator.stop();
  const problems = rounds.flatMap((round) => round.problems);
  return [
    {
      id: 'R11',
      value: median(rounds.map(({ perSecond }) => perSecond)),
      goal: 150,
      direction: 'min',
      unit: 'whole orders/s, 8 clients',
      detail: `p50 ${median(rounds.map(({ p50 }) => p50))} ms, p99 ${median(rounds.map(({ p99 }) => p99))} ms, ${problems.length} problems ${problems.slice(0, 3).join(', ')}`,
    },
  ];
}

const PER_SECOND = 25;
const BUYERS = 10_000;
const TICKETS = 2000;

/** 10,000 buyers within a minute for 2,000 tickets, on two web processes; the simulator takes 25 requests/s per endpoint. */
export async function rushForPayment(world: World): Promise<Row[]> {
  const { simulator, app, settings } = await startBoth(world, PER_SECOND);
  const second = await world.startApp(settings);
  await simulator.control('/rate', { requestsPerSecond: PER_SECOND });
  const event = await world.market.addEvent({ capacity: TICKETS });
  const result = await buyersOf({
    ports: [app.port, second.port],
    event: saleOf(event),
    buyers: BUYERS,
    seconds: 60,
    typing: 8,
  });
  const requests = await simulator.requests();
  await second.stop();
  await app.stop();
  await simulator.stop();

  const refused = requests.filter(({ status }) => status === 429).length;
  const sends = requests.filter(
    ({ method, path, status }) => method === 'POST' && path === '/v1/checkout/sessions' && status === 200,
  );
  const attempts: { idempotency_key: string; created_at: Date }[] = await world
    .db('payment_attempts')
    .orderBy('queue_number')
    .select('idempotency_key', 'created_at');
  const place = new Map(attempts.map(({ idempotency_key: key }, index) => [key, index]));
  const cameAt = new Map(attempts.map(({ idempotency_key: key, created_at: at }) => [key, at.getTime()]));
  const passed = sends.filter(
    ({ idempotencyKey }, index) =>
      index > 0 && place.get(idempotencyKey)! < place.get(sends[index - 1]!.idempotencyKey)!,
  ).length;
  const use = useWhileWaiting(
    sends.map(({ at, idempotencyKey }) => ({ at, came: cameAt.get(idempotencyKey)! })),
  );
  const wrong = await wrongOrders(world, event, result);
  const answered = Object.values(result.holds).reduce((sum, count) => sum + count, 0);
  return [
    {
      id: 'R12',
      value: result.holdP99,
      goal: 300,
      direction: 'max',
      unit: 'ms p99, holds of the rush',
      detail: `${answered} of ${BUYERS} answered ${JSON.stringify(result.holds)}, p50 ${result.holdP50} ms; ${result.waited} waited at most ${result.longestWait} s and looked ${result.looks} times, p99 ${result.lookP99} ms`,
    },
    {
      id: 'R12 use',
      value: Math.round(use.share * 1000) / 10,
      goal: 95,
      direction: 'min',
      unit: `% of ${PER_SECOND}/s while buyers wait`,
      detail: `${use.sent} sessions in ${use.seconds.toFixed(1)} s of waiting; ${refused} requests refused with 429`,
    },
    {
      id: 'R12 order',
      value: passed,
      goal: 0,
      direction: 'max',
      unit: 'buyers passed by another',
      detail: `${sends.length} sessions`,
    },
    {
      id: 'R12 wrong',
      value: BUYERS - answered + wrong.count + result.problems.length,
      goal: 0,
      direction: 'max',
      unit: 'unanswered, lost, oversold, stuck',
      detail: `${result.bought} bought; ${wrong.detail} ${result.problems.slice(0, 3).join(', ')}`,
    },
  ];
}

/** How much of the allowed rate was used between sends, as long as the next one was waiting already. */
function useWhileWaiting(sends: { at: number; came: number }[]) {
  let [sent, ms] = [0, 0];
  for (let index = 1; index < sends.length; index += 1) {
    const [before, next] = [sends[index - 1]!, sends[index]!];
    if (next.came > before.at) continue;
    sent += 1;
    ms += next.at - before.at;
  }
  return { sent, seconds: ms / 1000, share: sent / ((ms / 1000) * PER_SECOND) };
}

/** Every ticket is sold once, to somebody who has it, and nothing is left half done. */
async function wrongOrders({ db }: World, event: BenchEvent, { holds }: BuyersResult) {
  const type = await db('ticket_types').where({ id: event.typeIds[0]! }).first('held', 'sold');
  const rows: { status: string; n: string | number }[] = await db('orders')
    .where({ event_id: event.id })
    .groupBy('status')
    .select('status', db.raw('count(*)::integer AS n'));
  const tickets = await db('tickets').where({ event_id: event.id, status: 'valid' }).count('* as n').first();
  const count = (status: string) => Number(rows.find((row) => row.status === status)?.n ?? 0);
  const lost = (holds['303'] ?? 0) - count('paid');
  const oversold = Math.max(0, type.held + type.sold - TICKETS, Number(tickets!['n']) - TICKETS);
  const unsold = TICKETS - type.sold;
  return {
    count: Math.abs(lost) + oversold + unsold,
    detail: `${JSON.stringify(Object.fromEntries(rows.map(({ status, n }) => [status, n])))}, ${tickets!['n']} tickets, held ${type.held}, sold ${type.sold}`,
  };
}

async function startBoth(world: World, requestsPerSecond: number) {
  const simulator = await startSimulator(world.secretsFolder);
  await world.market.connectTo(await simulator.connectAccount());
  const settings = {
    BASE_URL: simulator.platformUrl,
    STRIPE_API_URL: simulator.url,
    STRIPE_CONNECT_URL: simulator.url,
    STRIPE_REQUESTS_PER_SECOND: String(requestsPerSecond),
  };
  const app = await world.startApp({ ...settings, PORT: new URL(simulator.platformUrl).port });
  return { simulator, app, settings };
}

const saleOf = ({ slug, typeIds }: BenchEvent) => ({ slug, typeId: typeIds[0]! });
