import { randomBytes } from 'node:crypto';
import { runOn, withDatabase } from './test-server';

/** A database of its own with the newest schema and no rows: a clone of the template. */
export async function createTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = needed('FOYER_TEST_MAINTENANCE_URL');
  const name = `${needed('FOYER_TEST_PREFIX')}${process.env.JEST_WORKER_ID}_${randomBytes(4).toString('hex')}`;
  await clone(server, needed('FOYER_TEST_TEMPLATE'), name);
  return {
    url: withDatabase(server, name),
    async drop() {
      await runOn(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

// A template can't be cloned while anything is connected to it, and autovacuum may be, for a moment.
async function clone(server: string, template: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await runOn(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
      return;
    } catch (error) {
      const inUse = error instanceof Error && 'code' in error && error.code === '55006';
      if (!inUse || attempt >= 10) throw error;
    }
  }
}

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: is test/support/global-setup.ts jest's globalSetup?`);
  return value;
}
