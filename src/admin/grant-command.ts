/** `npm run admin:grant -- EMAIL [--revoke]`: makes a person an admin of this Foyer, or takes that back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Knex } from 'knex';
import { createUsersStore } from '../accounts/users-store';
import { type Config, ConfigError, loadConfig } from '../config';
import { createDatabase, inTransaction } from '../db/connection';
import { findRunningServer, startEmbeddedServer } from '../db/embedded-server';
import { writeAudit } from './audit-log';

const USAGE = 'Usage: npm run admin:grant -- EMAIL [--revoke]';

/** A reason that the person at the keyboard can do something about. */
class CommandError extends Error {}

async function main(args: string[]): Promise<void> {
  const revoke = args.includes('--revoke');
  const [email, ...rest] = args.filter((argument) => argument !== '--revoke');
  if (!email || rest.length > 0 || email.startsWith('-')) throw new CommandError(USAGE);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const database = await openDatabase(loadConfig(process.env));
  try {
    console.log(await grantAdmin(database.db, { email, revoke }));
  } finally {
    await database.close();
  }
}

/** Answers a sentence that says what is so now. Throws a CommandError when nobody has the address. */
export async function grantAdmin(db: Knex, grant: { email: string; revoke: boolean }): Promise<string> {
  const email = grant.email.trim().normalize('NFC').toLowerCase();
  const isAdmin = !grant.revoke;
  return inTransaction(db, async (trx) => {
    const users = createUsersStore(trx);
    const user = await users.findByEmail(email);
    if (!user)
      throw new CommandError(
        `Nobody has an account with the address ${email}. Sign up with it first, then run this again.`,
      );
    if (user.isAdmin === isAdmin)
      return isAdmin ? `${email} is an admin already.` : `${email} is not an admin.`;
    await users.markAdmin(user.id, isAdmin);
    await writeAudit(trx, {
      actor: 'system',
      action: isAdmin ? 'user.admin_granted' : 'user.admin_revoked',
      subjectType: 'user',
      subjectId: user.id,
      reason: 'admin:grant on the command line',
    });
    return isAdmin
      ? `${email} is an admin now. The next page they open has "Admin" in its menu.`
      : `${email} is no longer an admin.`;
  });
}

/** The database of DATABASE_URL; else the bundled one, which runs beside a running Foyer, or for the moment of this command. */
async function openDatabase(config: Config): Promise<{ db: Knex; close(): Promise<void> }> {
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

function explain(error: unknown): string {
  if (error instanceof CommandError || error instanceof ConfigError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '42P01') return 'The database has no tables yet. Start Foyer first: npm start';
  return `The database can't be used: ${error instanceof Error ? error.message : String(error)}`;
}

if (require.main === module)
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(explain(error));
    process.exitCode = 1;
  });
