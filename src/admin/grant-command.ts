/** `npm run admin:grant -- EMAIL [--revoke]`: makes a person an admin of this Foyer, or takes that back. */
import { existsSync } from 'node:fs';
import { type Knex } from 'knex';
import { createUsersStore } from '../accounts/users-store';
import { loadConfig } from '../config';
import { CommandError, explainCommandError, openCommandDatabase } from '../db/command-database';
import { inTransaction } from '../db/connection';
import { writeAudit } from './audit-log';

const USAGE = 'Usage: npm run admin:grant -- EMAIL [--revoke]';

async function main(args: string[]): Promise<void> {
  const revoke = args.includes('--revoke');
  const [email, ...rest] = args.filter((argument) => argument !== '--revoke');
  if (!email || rest.length > 0 || email.startsWith('-')) throw new CommandError(USAGE);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const database = await openCommandDatabase(loadConfig(process.env));
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

if (require.main === module)
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(explainCommandError(error));
    process.exitCode = 1;
  });
