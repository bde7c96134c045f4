import { type Server, type ServerResponse } from 'node:http';
import { Server as TcpServer } from 'node:net';

/** A connection that was just taken has its first request still on the way. */
const FIRST_REQUEST_MS = 1000;

/**
 * Makes `server` stoppable without cutting anybody off: it takes no new connections, answers what it has begun (for at
 * most `patienceMs`), tells browsers to come back on a new connection, and lets go of the idle ones.
 */
export function gracefulClose(server: Server, { patienceMs }: { patienceMs: number }): () => Promise<void> {
  const unanswered = new Set<ServerResponse>();
  let closing = false;
  server.prependListener('request', (_req, res: ServerResponse) => {
    if (closing) res.setHeader('Connection', 'close');
    unanswered.add(res);
    res.once('close', () => unanswered.delete(res));
  });

  return async () => {
    closing = true;
    for (const res of unanswered) if (!res.headersSent) res.setHeader('Connection', 'close');
    // Not the HTTP server's own close: that ends connections whose request has not been read yet.
    const closed = new Promise<void>((done) => TcpServer.prototype.close.call(server, () => done()));
    const began = Date.now();
    const letGo = setInterval(() => {
      if (Date.now() - began > FIRST_REQUEST_MS) server.closeIdleConnections();
    }, 50);
    const impatience = setTimeout(() => server.closeAllConnections(), patienceMs);
    await closed;
    clearInterval(letGo);
    clearTimeout(impatience);
  };
}
