import { openKeptLogs } from './kept-logs';
import { startTestServer, type TestServer } from './test-server';

declare global {
  var foyerTestServer: TestServer | undefined;
}

/** Once for a run of jest, before the first test file. The counterpart is in global-teardown.ts. */
export default async function globalSetup(): Promise<void> {
  const server = await startTestServer();
  globalThis.foyerTestServer = server;
  process.env.FOYER_TEST_MAINTENANCE_URL = server.maintenanceUrl;
  process.env.FOYER_TEST_TEMPLATE = server.template;
  process.env.FOYER_TEST_PREFIX = server.prefix;
  openKeptLogs();
}
