/** `npm run tokens:reencrypt`: puts all that is kept encrypted under the first key of ENCRYPTION_KEYS. */
import { existsSync } from 'node:fs';
import { loadConfig } from '../config';
import { createEncryption } from '../lib/encryption';
import { explainCommandError, openCommandDatabase } from './command-database';
import { type Reencrypted, reencrypt } from './reencrypt';

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const database = await openCommandDatabase(config);
  try {
    const results = await reencrypt(database.db, createEncryption(config.encryptionKeys));
    console.log(results.map(inWords).join('\n'));
    if (results.some(({ unreadable }) => unreadable.length > 0)) process.exitCode = 1;
    else console.log('Everything is under the first key. The others can be taken out of ENCRYPTION_KEYS.');
  } finally {
    await database.close();
  }
}

/** "stripe_connections: 12 written anew, 1 can't be read (ids: …)": never a value. */
export function inWords({ table, changed, unreadable }: Reencrypted): string {
  const lost =
    unreadable.length > 0
      ? `, ${unreadable.length} can't be read with any key of the list, and are left as they are (ids: ${unreadable.join(', ')})`
      : '';
  return `${table}: ${changed} written anew${lost}`;
}

if (require.main === module)
  main().catch((error: unknown) => {
    console.error(explainCommandError(error));
    process.exitCode = 1;
  });
