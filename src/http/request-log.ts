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
      // The last net, over whole lines: pino takes an error's message for a line that has none of its own.
      hooks: { streamWrite: withoutSecrets },
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

const SECRET_SEGMENTS = /^(\/*(?:orders|tickets|password-resets|account\/+email-confirmations)\/+)[^/]+/i;

/** The path without query, and with what stands for a credential replaced. */
export function safePath(url: string): string {
  return withoutSecrets((url.split('?')[0] ?? '').replace(SECRET_SEGMENTS, '$1…')).slice(0, 300);
}

/** Shapes that no log line may carry: keys, codes, and any token of ours (they have 43 characters or more). */
const SECRET_SHAPES =
  /(sk|rk|pk)_(test|live)_\w+|whsec_\w+|absec_\w+|\bac_\w+|\brt_\w+|cs_(test|live)_\w+_secret\w*|[A-Za-z0-9_-]{43,}/g;

const DEEPEST_CAUSE = 5;

/** Never throws, whatever was thrown: it is called where errors are handled. */
export function safeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: withoutSecrets(error) };
  const fields: Record<string, unknown> = {
    type: error.name,
    message: withoutSecrets(error.message),
    stack: withoutSecrets(error.stack),
  };
  for (const name of ['code', 'status', 'statusCode', 'requestId', 'constraint', 'table', 'rawType']) {
    const value = (error as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') fields[name] = value;
    if (typeof value === 'string') fields[name] = withoutSecrets(value);
  }
  if (error.cause && depth < DEEPEST_CAUSE) fields['cause'] = safeError(error.cause, depth + 1);
  return fields;
}

function withoutSecrets(value: unknown): string {
  // String() of an object runs code of its own, or throws
  const text = typeof value === 'object' && value !== null ? 'an object' : String(value);
  return text.replace(SECRET_SHAPES, '…');
}
