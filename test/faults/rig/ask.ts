/** One request on a connection of its own: nothing is retried, and nothing of a process that was killed is kept. */
import { request } from 'node:http';

export interface Answer {
  status: number;
  location: string | null;
  cookies: string[];
  text: string;
}

/** Rejects where there was no whole answer. */
export function ask(
  method: 'GET' | 'POST',
  url: string,
  options: {
    form?: Record<string, string>;
    body?: string;
    headers?: Record<string, string>;
    timeoutMs?: number;
  } = {},
): Promise<Answer> {
  const body = options.body ?? (options.form ? new URLSearchParams(options.form).toString() : undefined);
  const origin = new URL(url).origin;
  const ofForm = {
    'Content-Type': 'application/x-www-form-urlencoded',
    Origin: origin,
    'Sec-Fetch-Site': 'same-origin',
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        agent: false,
        headers: {
          ...(method === 'POST' ? { ...ofForm, 'Content-Length': Buffer.byteLength(body ?? '') } : {}),
          ...options.headers,
        },
        timeout: options.timeoutMs ?? 15_000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          if (!response.complete) return reject(new Error('The answer was cut off'));
          resolve({
            status: response.statusCode!,
            location: response.headers.location ?? null,
            cookies: response.headers['set-cookie'] ?? [],
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`No answer in time: ${method} ${url}`)));
    sent.once('error', reject);
    sent.end(body);
  });
}
