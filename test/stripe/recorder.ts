/** Records what goes over the wire to a host, to the byte, and answers it from a list. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import nock from 'nock';

export interface Sent {
  method: string;
  /** with its query */
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Answer {
  status?: number;
  body: unknown;
  headers?: Record<string, string>;
}

/**
 * Takes every request to `origin`, whatever its path. The answers are given in turn, the last one from then on. A string
 * is sent as it is, everything else as JSON.
 */
export function record(origin: string, ...answers: Answer[]): Sent[] {
  const sent: Sent[] = [];
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    nock(origin)
      .persist()
      .intercept(() => true, method)
      .reply(function (path, body) {
        sent.push({ method, path, headers: oneOfEach(this.req.headers), body: String(body) });
        const answer = answers[Math.min(sent.length, answers.length) - 1]!;
        const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
        const type = typeof answer.body === 'string' ? 'text/html' : 'application/json';
        return [answer.status ?? 200, text, { 'Content-Type': type, ...answer.headers }];
      });
  }
  return sent;
}

/** The fields of a form body in the order of their names. A field that came twice stands there twice. */
export function fieldsOf(sent: Sent): string[] {
  return [...new URLSearchParams(sent.body)].map(([name, value]) => `${name}=${value}`).sort();
}

/** The headers that mean something to Stripe: not those about the connection, nor what the SDK says of itself. */
export function headersOf(sent: Sent): Record<string, string> {
  const plumbing = ['host', 'connection', 'content-length', 'user-agent', 'x-stripe-client-user-agent'];
  return Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !plumbing.includes(name)));
}

/** All that an error would show to a log, a page or a debugger. */
export function everythingOf(error: unknown): string {
  const { message, stack } = error as Error;
  return [
    message,
    stack,
    JSON.stringify(error),
    inspect(error, { depth: 12, showHidden: true, getters: true }),
  ].join('\n');
}

/** What a call throws, or a failure of the test when it does not. */
export async function thrownBy(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => {
      throw new Error(`answered ${inspect(value)} where an error was expected`);
    },
    (error: unknown) => error,
  );
}

/** A real socket that does what no HTTP server does: it reads a request and then `behave`s. Keeps what it has read. */
export async function startRudeServer(behave: (socket: Socket, n: number) => void) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const [head, body] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head!)?.[1] ?? 0);
      if (body === undefined || body.length < length) return;
      requests.push(text);
      text = '';
      behave(socket, requests.length);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function oneOfEach(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
