/**
 * The load generator, a process of its own: keep-alive connections over bare sockets, each with one request under way,
 * so that little of the machine is spent on asking. Reads its plan from its input, prints what it saw as JSON.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { pause } from '../support/built-app';

export interface LoadPlan {
  ports: number[];
  connections: number;
  seconds: number;
  /** taken in turn */
  requests: { method: 'GET' | 'POST'; path: string; body?: string; headers?: Record<string, string> }[];
  /** offered in all each second; without it every connection asks again as soon as it was answered */
  perSecond?: number;
  /** at most so many in all */
  total?: number;
}

export interface LoadResult {
  answered: number;
  perSecond: number;
  byStatus: Record<string, number>;
  /** milliseconds from when a request was due until its answer was whole */
  p50: number;
  p99: number;
  longest: number;
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const messages = plan.requests.map(toMessage);
  const times: number[] = [];
  const byStatus: Record<string, number> = {};
  let sent = 0;
  const began = performance.now();
  const end = began + plan.seconds * 1000;
  const most = plan.total ?? Infinity;

  const connections = Array.from({ length: plan.connections }, async (_, index) => {
    const connection = await openConnection(plan.ports[index % plan.ports.length]!);
    while (sent < most) {
      const number = sent++;
      const due = plan.perSecond ? began + (number * 1000) / plan.perSecond : performance.now();
      if (due >= end) break;
      const early = due - performance.now();
      if (early > 0) await pause(early);
      const status = await connection.ask(messages[number % messages.length]!);
      times.push(performance.now() - due);
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
    connection.close();
  });
  await Promise.all(connections);

  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10;
  return {
    answered: times.length,
    perSecond: Math.round(times.length / seconds),
    byStatus,
    p50: at(0.5),
    p99: at(0.99),
    longest: Math.round(times.at(-1) ?? 0),
  };
}

function toMessage({ method, path, body, headers }: LoadPlan['requests'][number]): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1'];
  for (const [name, value] of Object.entries(headers ?? {})) lines.push(`${name}: ${value}`);
  if (body !== undefined)
    lines.push(
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${Buffer.byteLength(body)}`,
    );
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

async function openConnection(port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail));
  let answered: (status: string) => void = () => {};
  let failed: (error: Error) => void = () => {};
  let begun: Buffer | null = null;
  let status = '';
  let missing = 0;

  socket.on('data', (chunk: Buffer) => {
    if (missing > 0) missing -= chunk.length;
    else {
      const answer: Buffer = begun ? Buffer.concat([begun, chunk]) : chunk;
      const end = answer.indexOf('\r\n\r\n');
      begun = end < 0 ? answer : null;
      if (end < 0) return;
      const head = answer.toString('latin1', 0, end);
      const length = /\r\ncontent-length: (\d+)/i.exec(head);
      if (!length) return failed(new Error(`An answer without a length: ${head}`));
      status = head.slice(9, 12);
      missing = Number(length[1]) - (answer.length - end - 4);
    }
    if (missing > 0) return;
    missing = 0;
    answered(status);
  });
  socket.on('error', (error) => failed(error));
  socket.on('close', () => failed(new Error('The connection was closed')));

  return {
    ask: (message: Buffer) =>
      new Promise<string>((done, fail) => {
        [answered, failed] = [done, fail];
        socket.write(message);
      }),
    close() {
      failed = () => {};
      socket.destroy();
    },
  };
}

run(JSON.parse(readFileSync(0, 'utf8')) as LoadPlan).then(
  (result) => console.log(JSON.stringify(result)),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
