/** `npm run stripe:simulator`: the simulator alone, for an app that runs elsewhere on this machine. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startSimulator } from './simulator';

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  if (env.NODE_ENV === 'production') throw new Error('The Stripe simulator does not run in production.');
  const dataDir = resolve(env.DATA_DIR?.trim() || '.data');
  const baseUrl = env.BASE_URL?.trim() || 'http://localhost:3000';
  const made = readOrMakeSecrets(dataDir);
  const simulator = await startSimulator({
    port: readPort(env.STRIPE_SIMULATOR_PORT?.trim() || '4010'),
    stateFile: join(dataDir, 'stripe-simulator.jsonl'),
    platform: {
      name: 'Foyer',
      secretKey: env.STRIPE_SECRET_KEY?.trim() || made.stripeSimulatorSecretKey,
      publishableKey: 'pk_test_simulator',
      clientId: env.STRIPE_CLIENT_ID?.trim() || made.stripeSimulatorClientId,
      redirectUris: [`${baseUrl}/stripe/callback`],
    },
    webhook: {
      url: `${baseUrl}/webhooks/stripe`,
      secret: env.STRIPE_WEBHOOK_SECRETS?.split(',')[0]?.trim() || made.stripeSimulatorWebhookSecret,
    },
    log: (line) => console.log(line),
  });
  console.log(
    `Stripe simulator: ${simulator.url} (no money moves). Events go to ${baseUrl}/webhooks/stripe.`,
  );

  const stop = () => void simulator.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error('STRIPE_SIMULATOR_PORT is a port number.');
  return port;
}

/** The keys that the app made on its first start (or makes of these on its own): one file for both. */
function readOrMakeSecrets(dataDir: string) {
  const file = join(dataDir, 'secrets.json');
  const made = {
    stripeSimulatorSecretKey: `sk_test_simulator${randomBytes(12).toString('hex')}`,
    stripeSimulatorClientId: `ca_simulator${randomBytes(8).toString('hex')}`,
    stripeSimulatorWebhookSecret: `whsec_${randomBytes(24).toString('hex')}`,
  };
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<typeof made>) : {};
  const secrets = { ...made, ...kept };
  if (Object.keys(made).some((name) => !(name in kept))) {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return secrets;
}

main(process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
