/**
 * The load generator, a process of its own: keep-alive connections over bare sockets, each with one request under way,
 * so that little of the machine is spent on asking. Reads its plan from its input, prints what it saw as JSON.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

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
  /** microseconds of processor time that asking took, for each answer */
  cost: number;
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const messages = plan.requests.map(toMessage);
  const times: number[] = [];
  const byStatus: Record<string, number> = {};
  let sent = 0;
  const spentBefore = process.cpuUsage();
  const began = performance.now();
  const end = began + plan.seconds * 1000;
  const most = plan.total ?? Infinity;

  await Promise.all(
    Array.from({ length: plan.connections }, async (_, index) => {
      const connection = await openConnection(plan.ports[index % plan.ports.length]!);
      await new Promise<void>((done, fail) => {
        const next = () => {
          if (sent >= most) return done();
          const number = sent++;
          const due = plan.perSecond ? began + (number * 1000) / plan.perSecond : performance.now();
          if (due >= end) return done();
          const ask = () =>
            connection.ask(messages[number % messages.length]!, (status) => {
              times.push(performance.now() - due);
              byStatus[status] = (byStatus[status] ?? 0) + 1;
              next();
            });
          const early = due - performance.now();
          if (early > 0) setTimeout(ask, early);
          else ask();
        };
        connection.onFailure(fail);
        next();
      });
      connection.close();
    }),
  );

  const { user, system } = process.cpuUsage(spentBefore);
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
    cost: Math.round((user + system) / times.length),
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

type OnAnswer = (status: string) => void;

async function openConnection(port: number) {
  let answered: OnAnswer = () => {};
  let failed: (error: Error) => void = () => {};
  const reader = createReader(
    (status) => answered(status),
    (error) => failed(error),
  );
  // into one buffer for all of a connection's answers
  const onread = {
    buffer: Buffer.allocUnsafe(65_536),
    callback: (length: number, buffer: Uint8Array) => reader(buffer as Buffer, length),
  };
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
  await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail));
  socket.on('error', (error) => failed(error));
  socket.on('close', () => failed(new Error('The connection was closed')));

  return {
    ask(message: Buffer, onAnswer: OnAnswer) {
      answered = onAnswer;
      socket.write(message);
    },
    onFailure(fail: (error: Error) => void) {
      failed = fail;
    },
    close() {
      failed = () => {};
      socket.destroy();
    },
  };
}

const LENGTH = Buffer.from('\r\ncontent-length: ');
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Reads answers off the wire. It looks for the length and the end of the head where the last answer had them. */
function createReader(onAnswer: OnAnswer, onFailure: (error: Error) => void) {
  let begun: Buffer | null = null;
  let [lengthAt, endAt] = [0, 0];
  let status = '';
  let missing = 0;

  function stands(words: Buffer, buffer: Buffer, at: number): boolean {
    // letters in small: `| 32` changes none of the other bytes of these words but CR and LF, on both sides alike
    for (let n = 0; n < words.length; n += 1) if ((buffer[at + n]! | 32) !== (words[n]! | 32)) return false;
    return true;
  }

  /** False while the head is not whole yet. */
  function readHead(buffer: Buffer, length: number): boolean {
    if (!(
      endAt > 0 &&
      endAt + 4 <= length &&
      stands(END_OF_HEAD, buffer, endAt) &&
      stands(LENGTH, buffer, lengthAt)
    )) {
      endAt = buffer.subarray(0, length).indexOf(END_OF_HEAD);
      if (endAt < 0) return false;
      lengthAt = buffer.toString('latin1', 0, endAt).toLowerCase().indexOf(LENGTH.toString());
      if (lengthAt < 0) {
        onFailure(new Error(`An answer without a length: ${buffer.toString('latin1', 0, endAt)}`));
        return false;
      }
    }
    let bodyLength = 0;
    for (let at = lengthAt + LENGTH.length; buffer[at]! >= 48 && buffer[at]! <= 57; at += 1)
      bodyLength = bodyLength * 10 + buffer[at]! - 48;
    status = buffer.toString('latin1', 9, 12);
    missing = bodyLength - (length - endAt - 4);
    return true;
  }

  return (chunk: Buffer, received: number): boolean => {
    if (missing > 0) missing -= received;
    else {
      const buffer: Buffer = begun ? Buffer.concat([begun, chunk.subarray(0, received)]) : chunk;
      const length = begun ? buffer.length : received;
      if (!readHead(buffer, length)) {
        begun = Buffer.from(buffer.subarray(0, length));
        return true;
      }
      begun = null;
    }
    if (missing <= 0) {
      missing = 0;
      onAnswer(status);
    }
    return true;
  };
}

run(JSON.parse(readFileSync(0, 'utf8')) as LoadPlan).then(
  (result) => console.log(JSON.stringify(result)),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
