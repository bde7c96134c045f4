/**
 * `npm run stripe-app:install [-- --test]`: installs the Stripe App without a page of Foyer. Prints the link, takes the
 * address that Stripe leads back to, and ends as the page does.
 */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { type Config, loadConfig } from '../config';
import { createOAuthStates } from '../connect/oauth-states';
import { CommandError, explainCommandError, openCommandDatabase } from '../db/command-database';
import { createLogger } from '../http/request-log';
import { createEncryption } from '../lib/encryption';
import { newSecretToken } from '../lib/tokens';
import { createAppOAuth } from '../stripe/app-oauth';
import { type AccessTokenDependencies } from './access-token';
import { finishInstalling, type InstallEnding } from './finish-installing';
import { noticeOfInstall } from './install-endings';

const USAGE = 'Usage: npm run stripe-app:install [-- --live | --test]';

async function main(args: string[]): Promise<void> {
  if (args.length > 1 || args.some((argument) => !['--live', '--test'].includes(argument)))
    throw new CommandError(USAGE);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const database = await openCommandDatabase(config);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((done) => terminal.once('close', () => done('')));
  try {
    const ending = await installFromTerminal(commandDependencies(config, database.db), {
      mode: args[0]?.slice(2) ?? null,
      say: (text) => console.log(text),
      ask: (question) => Promise.race([terminal.question(question), closed]),
    });
    console.log(`\n${noticeOfInstall(ending).text}`);
    if (ending.outcome !== 'installed') process.exitCode = 1;
  } finally {
    terminal.close();
    await database.close();
  }
}

export function commandDependencies(
  config: Config,
  db: AccessTokenDependencies['db'],
): AccessTokenDependencies {
  return {
    config,
    db,
    appOAuth: createAppOAuth({
      apiUrl: config.stripe.apiUrl,
      baseUrl: config.baseUrl,
      modes: config.stripe.modes,
    }),
    encryption: createEncryption(config.encryptionKeys),
    logger: createLogger('error'),
  };
}

/** The state is bound to this run of the command: nobody else's way back ends it, and it ends nobody else's. */
export async function installFromTerminal(
  dependencies: AccessTokenDependencies,
  terminal: { mode: string | null; say(text: string): void; ask(question: string): Promise<string> },
): Promise<InstallEnding> {
  const { appOAuth, db } = dependencies;
  const livemode = terminal.mode ? terminal.mode === 'live' : appOAuth.modes[0];
  if (livemode === undefined || !appOAuth.modes.includes(livemode))
    throw new CommandError(
      'There is no Stripe App in this mode: set STRIPE_APP_CLIENT_ID and the settings beside it (.env.example).',
    );
  const sessionId = newSecretToken();
  const state = await createOAuthStates(db).issueForInstall({ livemode, userId: null, sessionId });
  terminal.say(`Open this address in a browser, choose the account and allow the app (within ten minutes):

  ${appOAuth.installUrl({ livemode, state })}

Stripe then leads to ${appOAuth.redirectUri}. Whatever that page says, copy its whole address.`);
  for (;;) {
    const address = (await terminal.ask('\nThe whole address (empty: give up): ')).trim();
    if (!address) return { outcome: 'declined' };
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url && url.origin + url.pathname === appOAuth.redirectUri)
      return finishInstalling(dependencies, sessionId, {
        state: url.searchParams.get('state') ?? undefined,
        code: url.searchParams.get('code') ?? undefined,
        error: url.searchParams.get('error') ?? undefined,
      });
    terminal.say(`That is not an address that begins with ${appOAuth.redirectUri}.`);
  }
}

if (require.main === module)
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(explainCommandError(error));
    process.exitCode = 1;
  });
