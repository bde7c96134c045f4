/**
 * Guests who buy, in a process of their own: each goes the whole way, over HTTP, as a browser without JavaScript does.
 * Reads its plan from its input, prints what they met as JSON.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface BuyersPlan {
  /** where the app's processes listen; buyers take them in turn */
  ports: number[];
  event: { slug: string; typeId: string };
  /** so many at once, each beginning anew when they have their tickets, for `seconds` */
  clients?: number;
  /** so many in all, who come evenly within `seconds` */
  buyers?: number;
  seconds: number;
  /** seconds that they take to type their name, at most */
  typing: number;
}

export interface BuyersResult {
  /** orders that ended with tickets, and how long that took from the event's page on */
  bought: number;
  perSecond: number;
  p50: number;
  p99: number;
  /** holds by status, and how long their answers took; milliseconds from when they were due */
  holds: Record<string, number>;
  holdP50: number;
  holdP99: number;
  /** buyers who were shown a place, and how often a page of the queue was asked for */
  waited: number;
  looks: number;
  lookP99: number;
  /** longest that somebody stood in the queue; seconds */
  longestWait: number;
  problems: string[];
}

interface Answer {
  status: number;
  location: string | null;
  body: string;
}

const PATIENCE_SECONDS = 180;
const CARD = { card_number: '4242 4242 4242 4242', exp: '12 / 34', cvc: '123', name: 'Ada' };

const agent = new Agent({ keepAlive: true, maxSockets: 256, noDelay: true });

function ask(url: URL, fields?: Record<string, string>): Promise<Answer> {
  const body = fields && new URLSearchParams(fields).toString();
  const headers = body
    ? { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) }
    : {};
  return new Promise((done, fail) => {
    const asked = request(url, { agent, method: body ? 'POST' : 'GET', headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', fail);
      answer.on('end', () =>
        done({
          status: answer.statusCode!,
          location: answer.headers.location ?? null,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

async function run(plan: BuyersPlan): Promise<BuyersResult> {
  const began = performance.now();
  const end = began + plan.seconds * 1000;
  const [times, holdTimes, lookTimes]: number[][] = [[], [], []];
  const holds: Record<string, number> = {};
  const problems: string[] = [];
  let [waited, looks, longestWait] = [0, 0, 0];

  /** From the event's page to the tickets. `due`: performance's milliseconds. */
  async function buy(number: number, due: number): Promise<void> {
    const base = `http://127.0.0.1:${plan.ports[number % plan.ports.length]}`;
    const at = (path: string) => new URL(path, base);
    if (plan.clients) await ask(at(`/events/${plan.event.slug}`));
    const held = await ask(at(`/events/${plan.event.slug}/orders`), {
      [`quantity.${plan.event.typeId}`]: '1',
    });
    holdTimes!.push(performance.now() - due);
    holds[held.status] = (holds[held.status] ?? 0) + 1;
    if (held.status !== 303) return;
    await ask(at(held.location!));
    await pause(Math.random() * plan.typing * 1000);
    const started = await ask(at(`${held.location}/payment`), {
      name: 'Ada Lovelace',
      email: `ada${number}@example.com`,
    });
    if (started.status !== 303) throw new Error(`details: ${started.status}`);
    const checkout = await waitForTurn(at(`${held.location}/payment`));
    const paid = await ask(checkout, { ...CARD, email: `ada${number}@example.com` });
    if (paid.status !== 303) throw new Error(`paying: ${paid.status}`);
    const back = new URL(paid.location!);
    while (!/Yes, 1 ticket/.test((await ask(back)).body)) {
      if (performance.now() - due > PATIENCE_SECONDS * 1000) throw new Error('paid, and no tickets');
      await pause(plan.clients ? 5 : 2000);
    }
    times!.push(performance.now() - due);
  }

  /** Looks again as often as the page says, until it leads on. */
  async function waitForTurn(page: URL): Promise<URL> {
    const since = performance.now();
    for (let look = 0; ; look += 1) {
      const lookedAt = performance.now();
      const { status, body } = await ask(page);
      const leads = /http-equiv="refresh" content="(\d+);url=([^"]+)"/.exec(body);
      if (status !== 200 || !leads) throw new Error(`payment page: ${status}`);
      const target = new URL(leads[2]!.replaceAll('&amp;', '&'), page);
      if (target.pathname !== page.pathname) {
        if (look > 0) longestWait = Math.max(longestWait, (performance.now() - since) / 1000);
        return target;
      }
      lookTimes!.push(performance.now() - lookedAt);
      looks += 1;
      if (look === 0) waited += 1;
      if (performance.now() - since > PATIENCE_SECONDS * 1000) throw new Error('waited too long');
      await pause(plan.clients ? 5 : Number(leads[1]) * 1000);
    }
  }

  const noted = (buying: Promise<void>) =>
    buying.catch((error: unknown) => void problems.push(error instanceof Error ? error.message : 'unknown'));

  if (plan.clients) {
    let number = 0;
    await Promise.all(
      Array.from({ length: plan.clients }, async () => {
        while (performance.now() < end) await noted(buy(number++, performance.now()));
      }),
    );
  } else {
    const all: Promise<void>[] = [];
    for (let number = 0; number < plan.buyers!; number += 1) {
      const due = began + (number * plan.seconds * 1000) / plan.buyers!;
      const early = due - performance.now();
      if (early > 1) await pause(early);
      all.push(noted(buy(number, due)));
    }
    await Promise.all(all);
  }

  const at = (list: number[], share: number) => {
    list.sort((a, b) => a - b);
    return Math.round(list[Math.floor(list.length * share)] ?? 0);
  };
  return {
    bought: times!.length,
    perSecond: Math.round((times!.length * 10_000) / (performance.now() - began)) / 10,
    p50: at(times!, 0.5),
    p99: at(times!, 0.99),
    holds,
    holdP50: at(holdTimes!, 0.5),
    holdP99: at(holdTimes!, 0.99),
    waited,
    looks,
    lookP99: at(lookTimes!, 0.99),
    longestWait: Math.round(longestWait),
    problems,
  };
}

run(JSON.parse(readFileSync(0, 'utf8')) as BuyersPlan).then(
  (result) => {
    console.log(JSON.stringify(result));
    process.exit(0);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
