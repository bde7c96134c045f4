/** R1 to R4, R8 and R9: the public page, holds and refusals, on one or two web processes. */
import { helloPerSecond, pgbenchFiveStatements, pgbenchOneRow } from './limits';
import { type LoadResult } from './load';
import { median, type Row } from './rows';
import { type AppProcess, type BenchEvent, load, type World } from './world';

const ROUNDS = 3;
const PLENTY = 100_000_000;

export async function publicPage(world: World, seconds: number): Promise<Row[]> {
  const event = await world.market.addEvent({ types: 5, capacity: 500 });
  const soldOut = await world.market.addEvent({ capacity: 1 });
  const app = await world.startApp();
  const page = pageOf(event);
  await load({ ports: [app.port], connections: 64, seconds: 1, requests: [page] });
  await exhaust(app, soldOut);

  const rounds: {
    hello: number;
    alone: LoadResult;
    beside: LoadResult;
    refusals: LoadResult;
    refused: LoadResult;
  }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const hello = await helloPerSecond(seconds);
    const alone = await load({ ports: [app.port], connections: 64, seconds, requests: [page] });
    const [beside, refusals] = await Promise.all([
      load({ ports: [app.port], connections: 64, seconds, requests: [page] }),
      load({ ports: [app.port], connections: 64, seconds, perSecond: 1000, requests: [holdOf(soldOut)] }),
    ]);
    const refused = await load({ ports: [app.port], connections: 64, seconds, requests: [holdOf(soldOut)] });
    rounds.push({ hello, alone, beside, refusals, refused });
  }
  const memory = app.memory();
  await app.stop();
  const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
  return [
    {
      id: 'R1',
      value: middle(({ alone, hello }) => alone.perSecond / hello),
      goal: 4,
      direction: 'min',
      unit: '× Express hello',
      detail: `page ${middle(({ alone }) => alone.perSecond)}/s, hello ${middle(({ hello }) => hello)}/s`,
    },
    {
      id: 'R4',
      value: middle(({ refused, hello }) => refused.perSecond / hello),
      goal: 0.5,
      direction: 'min',
      unit: '× Express hello',
      detail: `${middle(({ refused }) => refused.perSecond)} refusals/s, p99 ${middle(({ refused }) => refused.p99)} ms, ${JSON.stringify(rounds[0]!.refused.byStatus)}`,
    },
    {
      id: 'R4b',
      value: middle(({ alone, beside }) => beside.perSecond / alone.perSecond),
      goal: 0.6,
      direction: 'min',
      unit: '× R1 alone',
      detail: `page ${middle(({ beside }) => beside.perSecond)}/s beside ${middle(({ refusals }) => refusals.perSecond)} refusals/s`,
    },
    memoryRow(memory, 'after R1 and R4'),
  ];
}

export async function holdsOfOneType(world: World, seconds: number): Promise<Row[]> {
  const rows = await holds(world, seconds, 1);
  return rows;
}

export async function holdsOnTwoProcesses(world: World, seconds: number): Promise<Row[]> {
  return holds(world, seconds, 2);
}

async function holds(world: World, seconds: number, processes: number): Promise<Row[]> {
  const apps: AppProcess[] = [];
  for (let n = 0; n < processes; n += 1) apps.push(await world.startApp());
  const ratios: number[] = [];
  const figures: { perSecond: number; p99: number; limit: number }[] = [];
  const problems: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const limit = await pgbenchOneRow(world, await world.market.addEvent({ capacity: PLENTY }), seconds);
    const event = await world.market.addEvent({ capacity: PLENTY });
    const ports = apps.map((app) => app.port);
    await load({ ports, connections: 64, seconds: 1, requests: [holdOf(event)] });
    const result = await load({ ports, connections: 64, seconds, requests: [holdOf(event)] });
    if (Object.keys(result.byStatus).some((status) => status !== '303'))
      problems.push(JSON.stringify(result.byStatus));
    ratios.push(result.perSecond / limit);
    figures.push({ ...result, limit });
  }
  problems.push(...(await fillUp(world, apps)));
  const memory = apps[0]!.memory();
  for (const app of apps) await app.stop();
  const id = processes === 1 ? 'R2' : 'R9';
  const perSecond = median(figures.map((figure) => figure.perSecond));
  return [
    {
      id,
      value: median(ratios),
      goal: 1,
      direction: 'min',
      unit: '× pgbench, one row',
      detail: `${perSecond} holds/s, pgbench ${median(figures.map((figure) => figure.limit))}/s`,
    },
    {
      id: `${id} p99`,
      value: median(figures.map(({ p99 }) => p99)),
      goal: 100,
      direction: 'max',
      unit: 'ms',
      detail: '',
    },
    {
      id: `${id} wrong`,
      value: problems.length,
      goal: 0,
      direction: 'max',
      unit: 'oversold, wrongly refused, 5xx',
      detail: problems.join('; '),
    },
    memoryRow(memory, `after ${id}`),
  ];
}

/** Twice as many buyers as seats: exactly the seats are given, everybody else is told so. */
async function fillUp(world: World, apps: AppProcess[]): Promise<string[]> {
  const event = await world.market.addEvent({ capacity: 3000 });
  const { byStatus } = await load({
    ports: apps.map((app) => app.port),
    connections: 64,
    seconds: 60,
    total: 6000,
    requests: [holdOf(event)],
  });
  const type = await world.db('ticket_types').where({ id: event.typeIds[0]! }).first();
  const written = await world
    .db('order_lines')
    .where({ ticket_type_id: event.typeIds[0]! })
    .sum('quantity as n')
    .first();
  return byStatus['303'] === 3000 &&
    byStatus['409'] === 3000 &&
    type.held === 3000 &&
    Number(written?.n) === 3000
    ? []
    : [`3000 seats: ${JSON.stringify(byStatus)}, held ${type.held}, in orders ${written?.n}`];
}

export async function holdsOverManyEvents(world: World, seconds: number): Promise<Row[]> {
  const app = await world.startApp();
  const figures: { ratio: number; perSecond: number; limit: number; p99: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const events: BenchEvent[] = [];
    for (let n = 0; n < 100; n += 1) events.push(await world.market.addEvent({ capacity: PLENTY }));
    await world.market.analyse();
    const limit = await pgbenchFiveStatements(world, events, seconds);
    const requests = events.map(holdOf);
    await load({ ports: [app.port], connections: 64, seconds: 1, requests });
    const result = await load({ ports: [app.port], connections: 64, seconds, requests });
    figures.push({ ratio: result.perSecond / limit, perSecond: result.perSecond, limit, p99: result.p99 });
  }
  await app.stop();
  return [
    {
      id: 'R3',
      value: median(figures.map(({ ratio }) => ratio)),
      goal: 0.6,
      direction: 'min',
      unit: '× pgbench, 100 rows',
      detail: `${median(figures.map(({ perSecond }) => perSecond))} holds/s, p99 ${median(figures.map(({ p99 }) => p99))} ms, pgbench ${median(figures.map(({ limit }) => limit))}/s`,
    },
  ];
}

export function pageOf(event: BenchEvent) {
  return { method: 'GET' as const, path: `/events/${event.slug}`, headers: { Accept: 'text/html' } };
}

export function holdOf(event: BenchEvent) {
  return {
    method: 'POST' as const,
    path: `/events/${event.slug}/orders`,
    body: `quantity.${event.typeIds[0]}=1&price.${event.typeIds[0]}=2000`,
  };
}

async function exhaust(app: AppProcess, event: BenchEvent): Promise<void> {
  await load({ ports: [app.port], connections: 1, seconds: 5, total: 3, requests: [holdOf(event)] });
}

function memoryRow(memory: { now: number; peak: number }, when: string): Row {
  return {
    id: 'R8',
    value: memory.peak,
    goal: 180,
    direction: 'max',
    unit: 'MB, most',
    detail: `${when}; ${memory.now} MB at the end`,
  };
}
