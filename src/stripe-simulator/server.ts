/** `npm run stripe:simulator`: the simulator alone, with the settings and keys of the app that runs elsewhere. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config';
import { startSimulator } from './simulator';

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  if (env.NODE_ENV === 'production') throw new Error('The Stripe simulator does not run in production.');
  const { baseUrl, dataDir, stripe } = loadConfig(env);
  const { secretKey, clientId, webhookSecrets, app } = stripe.primary;
  const webhook = { url: `${baseUrl}/webhooks/stripe`, secret: webhookSecrets[0]! };
  const simulator = await startSimulator({
    port: stripe.simulatorPort,
    stateFile: join(dataDir, 'stripe-simulator.jsonl'),
    platform: {
      name: 'Foyer',
      secretKey,
      publishableKey: 'pk_test_simulator',
      clientId,
      redirectUris: [`${baseUrl}/stripe/callback`],
      app: app && {
        clientId: app.clientId,
        redirectUris: [`${baseUrl}/stripe-app/callback`],
        signingSecret: app.signingSecrets[0]!,
      },
    },
    webhook,
    log: (line) => console.log(line),
  });
  console.log(`Stripe simulator: ${simulator.url} (no money moves). Events go to ${webhook.url}.`);

  const stop = () => void simulator.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main(process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
