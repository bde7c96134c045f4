import { searchKeptLogs } from './kept-logs';

/** Runs after failed tests too. A run that is killed needs no teardown: the server ends with it. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.foyerTestServer?.stop();
  searchKeptLogs();
}
