import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Client } from 'pg';
import { startEmbeddedServer } from '../../src/db/embedded-server';
import { migrateToLatest } from '../../src/db/migrations';
import { removeLeftFolders, throwAwayFolder } from './throw-away-folder';

/** Where the tests' databases live: handed from the global set-up to jest's workers in the environment. */
export interface TestServer {
  /** A database to send CREATE DATABASE to. */
  maintenanceUrl: string;
  /** The database that is migrated once, and cloned for whoever needs one. */
  template: string;
  /** What the names of this run's databases begin with. */
  prefix: string;
  stop(): Promise<void>;
}

/** A throw-away server of our own; or, where DATABASE_URL says so, databases of a name of our own on that one. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env.DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startThrowAwayServer();
  const prefix = `foyer_test_${Date.now().toString(36)}_${randomBytes(3).toString('hex')}_`;
  const template = `${prefix}template`;
  const stop = async () => {
    if (given) await dropDatabases(given, (name) => name.startsWith(prefix));
    await server.stop();
  };
  try {
    if (given) await dropDatabases(given, isLeftOver);
    await runOn(server.url, `CREATE DATABASE ${template}`);
    await migrateToLatest(withDatabase(server.url, template));
    return { maintenanceUrl: server.url, template, prefix, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** One statement on a connection of its own. */
export async function runOn(url: string, statement: string): Promise<{ rows: Record<string, string>[] }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

async function startThrowAwayServer(): Promise<{ url: string; stop(): Promise<void> }> {
  removeLeftFolders();
  const dataDir = throwAwayFolder();
  const server = await startEmbeddedServer({ dataDir, fast: true });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

// What killed runs left on a server that others may be testing on at this moment: only what is a day old.
function isLeftOver(name: string): boolean {
  const made = /^foyer_test_([0-9a-z]+)_/.exec(name)?.[1];
  return made !== undefined && Date.now() - parseInt(made, 36) > 24 * 3_600_000;
}

async function dropDatabases(url: string, which: (name: string) => boolean): Promise<void> {
  const { rows } = await runOn(url, "SELECT datname FROM pg_database WHERE datname LIKE 'foyer\\_test\\_%'");
  for (const name of rows.map((row) => row.datname!).filter(which)) {
    await runOn(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}
