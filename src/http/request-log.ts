import { randomUUID } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { pinoHttp } from 'pino-http';

/**
 * What may be in a log: method, the shape of the path, status, time, and our own words. Order tokens, ticket codes and
 * query strings (codes, states) are cut out of addresses; headers and bodies are never logged; errors lose their
 * configuration, request and response, which could carry credentials.
 */
export function createLogger(level: string, destination?: { write(text: string): void }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: safeError, error: safeError },
    },
    ...(destination ? [destination] : []),
  );
}

export function requestLog(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId: () => randomUUID(),
    serializers: {
      req: (req: { id: string; method: string; url: string }) => ({
        id: req.id,
        method: req.method,
        path: safePath(req.url),
      }),
      res: (res: { statusCode: number }) => ({ status: res.statusCode }),
    },
    customLogLevel: (_req, res, error) =>
      error || res.statusCode >= 500 ? 'warn' : res.statusCode >= 400 ? 'info' : 'debug',
    wrapSerializers: false,
  });
}

/** The path without query, and with what stands for a credential replaced. */
export function safePath(url: string): string {
  return (url.split('?')[0] ?? '')
    .slice(0, 300)
    .replace(/^\/(orders|tickets)\/[^/]+/, '/$1/…')
    .replace(SECRET_SHAPES, '…');
}

/** Shapes that no log line may carry. */
const SECRET_SHAPES =
  /(sk|rk|pk)_(test|live)_\w+|whsec_\w+|\bac_\w+|\brt_\w+|cs_(test|live)_\w+_secret\w*|\b[A-Za-z0-9_-]{43,}\b/g;

export function safeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error).replace(SECRET_SHAPES, '…') };
  const fields: Record<string, unknown> = {
    type: error.name,
    message: error.message.replace(SECRET_SHAPES, '…'),
    stack: error.stack?.replace(SECRET_SHAPES, '…'),
  };
  for (const name of ['code', 'status', 'statusCode', 'requestId', 'constraint', 'table', 'rawType']) {
    const value = (error as unknown as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number')
      fields[name] = typeof value === 'string' ? value.replace(SECRET_SHAPES, '…') : value;
  }
  if (error.cause) fields['cause'] = safeError(error.cause);
  return fields;
}
