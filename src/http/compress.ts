/**
 * What goes over the wire small. Stylesheets and scripts are compressed once; guests' pages as they are sent. Pages behind a
 * session are sent as they are: beside a token that stays the same, the length of a compressed page can tell its secret.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type NextFunction, type Request, type Response } from 'express';
import { bestEncoding, type Encoding } from './ready-answer';

const GUESTS_PAGE = /^\/(?:[?]|$|events\/|organizers\/|orders\/|tickets\/|find-my-tickets)/;
const WORTH_IT = 1400;
const WHILE_SENDING = 4;
const FOR_LONG = 11;

/** These pages have no session and no form's token. */
export function compressGuestPages(req: Request, res: Response, next: NextFunction): void {
  if (!GUESTS_PAGE.test(req.url)) return next();
  const send = res.send.bind(res);
  res.send = (body: unknown) => {
    if (typeof body !== 'string' || body.length < WORTH_IT || res.getHeader('Content-Encoding'))
      return send(body);
    res.vary('Accept-Encoding');
    const encoding = bestEncoding(req.headers['accept-encoding']);
    if (encoding === 'identity') return send(body);
    if (!res.getHeader('Content-Type')) res.type('html');
    res.set('ETag', etagOf(body)).set('Content-Encoding', encoding);
    compress(Buffer.from(body), encoding, WHILE_SENDING).then(send, next);
    return res;
  };
  next();
}

interface KeptFile {
  version: string;
  etag: string;
  type: string;
  bytes: Partial<Record<Encoding, Buffer>>;
}

/** Answers for text files of one folder in a smaller form; all else goes on to whoever serves the folder as it is. */
export function compressedFiles(folder: string, options: { maxAgeSeconds: number }) {
  const kept = new Map<string, KeptFile>();

  return async function compressedFilesOf(req: Request, res: Response, next: NextFunction): Promise<void> {
    const name = /^\/([\w-]+\.(?:css|js|svg))(?:\?|$)/.exec(req.url)?.[1];
    if (!name || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
    res.vary('Accept-Encoding');
    const encoding = bestEncoding(req.headers['accept-encoding']);
    const file = encoding === 'identity' ? null : await find(name);
    if (!file) return next();
    const bytes = (file.bytes[encoding] ??= await compress(file.bytes.identity!, encoding, FOR_LONG));
    res.set({
      'Cache-Control': `public, max-age=${options.maxAgeSeconds}`,
      'Content-Encoding': encoding,
      ETag: file.etag,
    });
    res.type(file.type).send(bytes);
  };

  /** Null where there is no such file. */
  async function find(name: string): Promise<KeptFile | null> {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (!found?.isFile()) return null;
    const version = `${found.mtimeMs} ${found.size}`;
    let file = kept.get(name);
    if (file?.version !== version) {
      const identity = await readFile(path);
      const type = name.slice(name.lastIndexOf('.') + 1);
      kept.set(name, (file = { version, etag: etagOf(identity), type, bytes: { identity } }));
    }
    return file;
  }
}

/** Weak: the same words in another form are the same. */
function etagOf(body: string | Buffer): string {
  return `W/"${createHash('sha1').update(body).digest('base64url')}"`;
}

const gzipped = promisify(gzip);
const brotlied = promisify(brotliCompress);

function compress(body: Buffer, encoding: Encoding, quality: number): Promise<Buffer> {
  if (encoding === 'gzip') return gzipped(body);
  return brotlied(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
}
