/** A small TCP proxy: passes bytes on, and on demand refuses, keeps silent, is slow, cuts, or lets somebody look. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Address {
  host: string;
  port: number;
}

/**
 * `open` passes everything on · `refusing` closes what comes, as if nothing listened · `silent` takes connections and
 * bytes and passes nothing on, as a cable that was pulled
 */
export type ProxyMode = 'open' | 'refusing' | 'silent';

/** `out`: to the server behind · `back`: from it */
export type Direction = 'out' | 'back';

/**
 * Sees every chunk before it is passed on, and holds it until it is done; `drop` keeps it back for good. `memory` is the
 * watcher's own for each connection.
 */
export type Watcher = (
  chunk: Buffer,
  direction: Direction,
  memory: Record<string, string>,
) => void | 'drop' | Promise<void | 'drop'>;

export type TcpProxy = Awaited<ReturnType<typeof startTcpProxy>>;

/** Listens on a free port. Several targets are taken in turn, and the next one if one does not answer: a load balancer. */
export async function startTcpProxy(targets: () => Address[]) {
  const pairs = new Set<[Socket, Socket | null]>();
  const watchers = new Set<Watcher>();
  let mode: ProxyMode = 'open';
  let delayMs = 0;
  let turn = 0;

  async function serve(near: Socket): Promise<void> {
    const pair: [Socket, Socket | null] = [near, null];
    pairs.add(pair);
    near.on('error', () => {}).on('close', () => endPair(pair));
    if (mode === 'refusing') return void near.resetAndDestroy();
    if (mode === 'silent') return void near.resume();
    near.pause();
    const far = await reach();
    if (!far || near.destroyed) return void (far?.destroy(), near.resetAndDestroy());
    pair[1] = far;
    far.on('error', () => {}).on('close', () => endPair(pair));
    const memories = new Map<Watcher, Record<string, string>>();
    pass(near, far, 'out', memories);
    pass(far, near, 'back', memories);
  }

  async function reach(): Promise<Socket | null> {
    const all = targets();
    for (let tried = 0; tried < all.length; tried += 1) {
      const socket = connect({ ...all[turn++ % all.length]!, noDelay: true });
      const connected = await new Promise<boolean>((done) => {
        socket.once('connect', () => done(true)).once('error', () => done(false));
      });
      if (connected) return socket;
    }
    return null;
  }

  /** One chunk after the other, each when those who look have seen it. */
  function pass(
    from: Socket,
    to: Socket,
    direction: Direction,
    memories: Map<Watcher, Record<string, string>>,
  ): void {
    from.setNoDelay(true);
    let last = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      const plain = watchers.size === 0 && delayMs === 0 && mode === 'open';
      last = last.then(async () => {
        if (!plain && !(await mayPass(chunk, direction, memories))) return;
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.on('end', () => void last.then(() => to.end()));
    from.resume();
  }

  async function mayPass(
    chunk: Buffer,
    direction: Direction,
    memories: Map<Watcher, Record<string, string>>,
  ): Promise<boolean> {
    if (delayMs > 0) await sleep(delayMs);
    for (const watcher of watchers) {
      const memory = memories.get(watcher) ?? {};
      memories.set(watcher, memory);
      if ((await watcher(chunk, direction, memory)) === 'drop') return false;
    }
    return mode === 'open';
  }

  function endPair(pair: [Socket, Socket | null]): void {
    pairs.delete(pair);
    for (const socket of pair) socket?.destroy();
  }

  const server: Server = createServer((near) => void serve(near));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));

  return {
    port: (server.address() as { port: number }).port,
    setMode(to: ProxyMode): void {
      mode = to;
    },
    /** Each chunk waits this long, in both directions. */
    setDelay(ms: number): void {
      delayMs = ms;
    },
    /** Ends every connection in the middle of whatever it does. */
    cut(): void {
      for (const pair of [...pairs]) {
        for (const socket of pair) socket?.resetAndDestroy();
      }
    },
    watch(watcher: Watcher): () => void {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    async close(): Promise<void> {
      const closed = new Promise((done) => server.close(done));
      for (const pair of [...pairs]) endPair(pair);
      await closed;
    },
  };
}
