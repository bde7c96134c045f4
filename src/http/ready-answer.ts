/**
 * An answer that is the same for everybody and is given very often: made once, plain and compressed, and sent as the bytes
 * that went to the one who asked before.
 */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export type Encoding = 'br' | 'gzip' | 'identity';

export interface ReadyAnswer {
  etag: string;
  whole: Record<Encoding, Message>;
  unchanged: Message;
}

interface Message {
  status: number;
  /** names and values in turn, as `writeHead` takes them */
  headers: string[];
  body: Buffer | null;
  /** what has been sent to the last who asked: head and body as latin1, and until when its Date is right */
  sent: { bytes: string; until: number } | null;
}

/** `headers` are those of all variants: names and values in turn. */
export async function prepareAnswer(body: Buffer, etag: string, headers: string[]): Promise<ReadyAnswer> {
  const common = [...headers, 'ETag', etag, 'Vary', 'Accept-Encoding'];
  const [zipped, br] = await Promise.all([gzipped(body), brotlied(body)]);
  const variant = (bytes: Buffer, ...encoding: string[]): Message => ({
    status: 200,
    headers: [
      ...[...common, 'Content-Type', 'text/html; charset=utf-8', 'Content-Length', String(bytes.length)],
      ...encoding,
    ],
    body: bytes,
    sent: null,
  });
  return {
    etag,
    whole: {
      identity: variant(body),
      gzip: variant(zipped, 'Content-Encoding', 'gzip'),
      br: variant(br, 'Content-Encoding', 'br'),
    },
    unchanged: { status: 304, headers: common, body: null, sent: null },
  };
}

/** Answers a GET or HEAD: whole, by head alone, or with "unchanged". */
export function sendReady(req: IncomingMessage, res: ServerResponse, answer: ReadyAnswer): void {
  const { headers } = req;
  if (headers['if-none-match'] !== undefined && isKnownToClient(req, answer.etag))
    return send(req, res, answer.unchanged);
  const accepted = headers['accept-encoding'];
  send(req, res, answer.whole[accepted === undefined ? 'identity' : encodingFor(accepted as string)]);
}

/**
 * Node makes a response's head anew for each: checks every header, joins them, adds Date and the connection's terms.
 * Where all of that would come out as it did for the one before in the same second, the same text is given to it.
 */
function send(
  req: IncomingMessage,
  res: ServerResponse & { _header?: string | null },
  message: Message,
): void {
  const { status, headers, body, sent } = message;
  const usual = isUsual(req, res);
  if (usual && sent && Date.now() < sent.until) {
    res._header = sent.bytes;
    res.end();
    return;
  }
  res.writeHead(status, headers);
  if (usual && typeof res._header === 'string')
    message.sent = { bytes: res._header + (body?.toString('latin1') ?? ''), until: endOfDate(res._header) };
  if (req.method === 'HEAD' || !body) res.end();
  else res.end(body);
}

/** A GET over a connection that goes on, and nobody has set a header: the head depends on nothing but the answer. */
function isUsual(req: IncomingMessage, res: ServerResponse): boolean {
  return (
    req.method === 'GET' &&
    req.httpVersionMinor === 1 &&
    req.httpVersionMajor === 1 &&
    res.shouldKeepAlive &&
    res.getHeaderNames().length === 0
  );
}

/** When the Date in a head will be over; long ago where there is none. */
function endOfDate(head: string): number {
  return Date.parse(/^Date: (.*)$/im.exec(head)?.[1] ?? '') + 1000 || 0;
}

/** Has the client this very answer? Compared weakly (RFC 9110 §13.1.2); who asks for no cached answer gets none. */
function isKnownToClient(req: IncomingMessage, etag: string): boolean {
  const known = req.headers['if-none-match'];
  if (known === undefined || /(?:^|,)\s*no-cache\s*(?:,|$)/.test(req.headers['cache-control'] ?? ''))
    return false;
  return known
    .split(',')
    .map((tag) => tag.trim())
    .some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag.replace(/^W\//, ''));
}

/** Browsers know few ways to say what they accept. */
const MOST_REMEMBERED = 100;
const remembered = new Map<string, Encoding>();

function encodingFor(accepted: string): Encoding {
  let encoding = remembered.get(accepted);
  if (encoding === undefined) {
    encoding = bestEncoding(accepted);
    if (remembered.size < MOST_REMEMBERED) remembered.set(accepted, encoding);
  }
  return encoding;
}

/** The best of ours that the client takes (RFC 9110 §12.5.3). `q=0` means no. */
export function bestEncoding(header: string | string[] | undefined): Encoding {
  if (header === undefined || header === '') return 'identity';
  const weights = new Map(
    String(header)
      .split(',')
      .map((part) => {
        const [name, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
        const q = parameters.find((parameter) => parameter.startsWith('q='));
        return [name!, q === undefined ? 1 : Number(q.slice(2)) || 0];
      }),
  );
  const weightOf = (name: string) => weights.get(name) ?? weights.get('*') ?? 0;
  const [br, zip] = [weightOf('br'), weightOf('gzip')];
  const plain = weights.get('identity') ?? 0;
  if (br > 0 && br >= zip && br >= plain) return 'br';
  return zip > 0 && zip >= plain ? 'gzip' : 'identity';
}

const gzipped = promisify(gzip) as (body: Buffer) => Promise<Buffer>;

function brotlied(body: Buffer): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    // a page is small, and so may be the memory for it
    [constants.BROTLI_PARAM_LGWIN]: 16,
  };
  return promisify(brotliCompress)(body, { params });
}
