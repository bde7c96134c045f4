/** What the apps of a run have logged, gathered in a folder and searched once, after the last test, for what no log may hold. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FOLDER_OF_LOGS = 'FOYER_TEST_LOGS';

/** Shapes and canaries: the tests sign in, connect, pay and fail with real ones of these all the time. */
const SECRETS: [string, RegExp][] = [
  ['a key of Stripe', /\b[sr]k_(?:test|live)_\w+/],
  ['a secret of webhooks', /\bwhsec_\w+/],
  ['a signing secret of the app', /\babsec_\w+/],
  ['an authorization code', /\bac_\w{6,}/],
  ['a refresh token', /\brt_\w{6,}/],
  ['a token under its name', /(?:access|refresh)_token["'=: \\]+\w/],
  ['a state or code in an address', /[?&](?:state|code)=/],
  ['a session', /\bsid=|\bs(?:%3A|:)[\w-]{32}\./],
  ['a signature of Stripe', /\bt=\d{10},v1=/],
  ['a token of ours', /[A-Za-z0-9_-]{43,}/],
  ['a card number', /\b4242[ +-]?4242[ +-]?4242[ +-]?4242\b/],
  ['a password', /four(?: |\+|%20)quiet(?: |\+|%20)words/],
  ['the secret of sessions', /the-session-secret-of-the-tests/],
];

/** Which secrets a text holds, each with where. */
export function leaksIn(text: string): string[] {
  return SECRETS.flatMap(([what, shape]) => {
    const found = shape.exec(text);
    return found ? [`${what}: ${text.slice(Math.max(0, found.index - 160), found.index + 40)}`] : [];
  });
}

/** Before the first test: a folder that all of jest's workers know. */
export function openKeptLogs(): void {
  process.env[FOLDER_OF_LOGS] = mkdtempSync(join(tmpdir(), 'foyer-test-logs-'));
}

/** Called by every app of the tests when it ends. */
export function keepLog(text: string): void {
  const folder = process.env[FOLDER_OF_LOGS];
  if (folder) appendFileSync(join(folder, `${process.pid}.log`), `${text}\n`);
}

/** After the last test. Throws, which fails the run, when a secret stands in what was logged. */
export function searchKeptLogs(): void {
  const folder = process.env[FOLDER_OF_LOGS];
  if (!folder) return;
  const leaks = readdirSync(folder).flatMap((name) => leaksIn(readFileSync(join(folder, name), 'utf8')));
  rmSync(folder, { recursive: true, force: true });
  if (leaks.length > 0) throw new Error(`Secrets reached the logs of this run:\n${leaks.join('\n\n')}`);
}
