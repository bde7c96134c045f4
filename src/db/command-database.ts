/** The database for a command on the command line, and what goes wrong there in words for the person at the keyboard. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Knex } from 'knex';
import { type Config, ConfigError } from '../config';
import { createDatabase } from './connection';
import { findRunningServer, startEmbeddedServer } from './embedded-server';

/** A reason that the person at the keyboard can do something about. */
export class CommandError extends Error {}

/** The database of DATABASE_URL; else the bundled one, which runs beside a running Foyer, or for the moment of this command. */
export async function openCommandDatabase(config: Config): Promise<{ db: Knex; close(): Promise<void> }> {
  const running = config.databaseUrl ?? findRunningServer(config.dataDir);
  if (running) {
    const db = createDatabase({ url: running, poolSize: 1 });
    return { db, close: () => db.destroy() };
  }
  if (!existsSync(join(config.dataDir, 'postgres')))
    throw new CommandError(`There is no database in ${config.dataDir} yet. Start Foyer first: npm start`);
  const server = await startEmbeddedServer({ dataDir: config.dataDir });
  const db = createDatabase({ url: server.url, poolSize: 1 });
  return {
    db,
    async close() {
      await db.destroy();
      await server.stop();
    },
  };
}

export function explainCommandError(error: unknown): string {
  if (error instanceof CommandError || error instanceof ConfigError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '42P01') return 'The database has no tables yet. Start Foyer first: npm start';
  return `The database can't be used: ${error instanceof Error ? error.message : String(error)}`;
}
