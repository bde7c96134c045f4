/** R7: fifty thousand orders as one CSV, and what the web process feels of it. */
import { SECRET, signIn } from './orders';
import { median, type Row } from './rows';
import { pause } from '../support/built-app';
import { type AppProcess, type World } from './world';

const ROUNDS = 3;
const ORDERS = 50_000;

export async function ordersCsv(world: World): Promise<Row[]> {
  const cookie = await signIn(world);
  const [few, many] = [
    await world.market.addEvent({ capacity: 1000 }),
    await world.market.addEvent({ capacity: 1000 }),
  ];
  await world.market.addOrders(few, 2_000);
  await world.market.addOrders(many, ORDERS);
  const app = await world.startApp({ SESSION_SECRETS: SECRET }, { watched: true });
  const download = async (eventId: string) => {
    const response = await fetch(`${app.url}/organizer/events/${eventId}/orders.csv`, {
      headers: { Cookie: cookie },
    });
    let lines = 0;
    for await (const chunk of response.body!)
      for (const byte of chunk as Uint8Array) if (byte === 10) lines += 1;
    return lines - 1;
  };
  // a process that has been at work: the first file brings code and connections into memory
  await download(few.id);
  await pause(1000);

  const rounds: { added: number; delay: number; seconds: number; lines: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = app.memory().now;
    app.forgetPeak();
    await watch(app);
    const began = performance.now();
    const lines = await download(many.id);
    const seconds = (performance.now() - began) / 1000;
    rounds.push({ delay: await watch(app), added: app.memory().peak - before, seconds, lines });
  }
  await app.stop();
  const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
  const detail = `${rounds[0]!.lines} orders in ${middle(({ seconds }) => seconds).toFixed(1)} s`;
  return [
    { id: 'R7', value: middle(({ added }) => added), goal: 40, direction: 'max', unit: 'MB added', detail },
    {
      id: 'R7 delay',
      value: middle(({ delay }) => delay),
      goal: 40,
      direction: 'max',
      unit: 'ms, event loop p99',
      detail: `longest of the rounds ${Math.max(...rounds.map(({ delay }) => delay)).toFixed(1)} ms`,
    },
  ];
}

/** The event loop's delay since this was asked before, p99 in milliseconds. */
function watch(app: AppProcess): Promise<number> {
  return new Promise((done) => {
    app.process.once('message', (p99) => done(p99 as number));
    app.process.send('delay');
  });
}
