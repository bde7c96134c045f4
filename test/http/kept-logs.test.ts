/** The twin of the search that runs after the last test: what it must find is found, and what we log every day is not. */
import { newSecretToken } from '../../src/lib/tokens';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOLDER_OF_LOGS, leaksIn, searchKeptLogs } from '../support/kept-logs';

const LINE =
  '{"level":40,"time":"2026-11-20T09:00:00.000Z","req":{"id":"0198c1f2-4242-7aaa-8bbb-0123456789ab",';

test.each([
  ['sk_test_platformOfTheTests'],
  ['rk_live_1234'],
  ['whsec_currentSecretOfTheTests'],
  ['code ac_123456789 was refused'],
  ['rt_123456789'],
  ['"access_token":"x1"'],
  ['{\\"refresh_token\\":\\"x1\\"}'],
  ['/stripe/callback?state=abc'],
  ['/stripe/callback?scope=read_write&code=abc'],
  ['Cookie: sid=abc'],
  ['s%3AAbCdEfGhIjKlMnOpQrStUvWxYz012345.sig'],
  ['Stripe-Signature: t=1763629200,v1=00ff'],
  [`/orders/${newSecretToken()}`],
  ['4242 4242 4242 4242'],
  ['password=four+quiet+words+here'],
])('R1: the search of the logs finds %s', (secret) => {
  expect(leaksIn(`${LINE}"path":"/"}\n${LINE}"msg":"${secret}"}\n`)).toHaveLength(1);
});

test('R1: an ordinary line is none', () => {
  expect(leaksIn(`${LINE}"method":"GET","path":"/orders/…"},"res":{"status":404},"responseTime":3}`)).toEqual(
    [],
  );
});

test('R1: a planted secret fails the run', () => {
  const before = process.env[FOLDER_OF_LOGS];
  const folder = mkdtempSync(join(tmpdir(), 'foyer-planted-'));
  writeFileSync(join(folder, '1.log'), `${LINE}"msg":"sk_live_planted"}`);
  try {
    process.env[FOLDER_OF_LOGS] = folder;
    expect(searchKeptLogs).toThrow('a key of Stripe');
  } finally {
    process.env[FOLDER_OF_LOGS] = before;
  }
});
