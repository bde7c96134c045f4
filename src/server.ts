/** The process: database, simulator, worker, web; and the same backwards when it stops. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createListener } from './app';
import { startPaymentDispatcher } from './checkout/payment-dispatcher';
import { type Config, ConfigError, loadConfig } from './config';
import { demoSignIns, insertDemoData } from './db/demo-data';
import { startEmbeddedServer } from './db/embedded-server';
import { migrateToLatest } from './db/migrations';
import { createDependencies, type Dependencies } from './dependencies';
import { gracefulClose } from './http/graceful-close';
import { safeError } from './http/request-log';
import { startWorker } from './jobs/worker';
import { createLifetime, EndedMeanwhile } from './lib/lifetime';
import { paths } from './paths';
// eslint-disable-next-line @typescript-eslint/no-restricted-imports -- started here, and reached over HTTP from then on
import { startSimulator } from './stripe-simulator/simulator';

/** How long requests that have begun may take to end. */
const DRAIN_MS = 10_000;
/** After this long the process ends with whatever has not stopped; Postgres then stops by itself. */
const STOP_MS = 45_000;
/** npm passes on a Ctrl-C that the terminal has sent to everybody already: what comes this soon is the same one. */
const SAME_SIGNAL_MS = 1_000;

let report = (error: unknown, what: string) => console.error(what, safeError(error));
const lifetime = createLifetime({ onStopError: (error) => report(error, 'This did not stop as it should:') });

endOnSignals();
endWithNpm();
endOnMistakes();
lifetime.begin(start).catch((error: unknown) => {
  if (error instanceof EndedMeanwhile) return; // by a signal, which sees to the rest
  explain(error);
  void exit(1);
});

async function start(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const databaseUrl = config.databaseUrl ?? (await startDatabase(config.dataDir));
  const databaseDirectUrl = config.databaseDirectUrl ?? databaseUrl;
  await migrateToLatest(databaseDirectUrl);

  const dependencies = createDependencies({ ...config, databaseUrl, databaseDirectUrl });
  const { logger } = dependencies;
  report = (error, what) => logger.fatal({ err: error }, what);
  lifetime.started(dependencies.close);
  const signIns = config.databaseUrl || config.production ? [] : await prepareDemo(dependencies);
  if (simulatorIsOurs(config)) await startSimulatedStripe(config);
  const worker = await startWorker(dependencies);
  lifetime.started(worker.stop);
  lifetime.started(startPaymentDispatcher(dependencies).stop);
  await listen(dependencies);
  announce(config, signIns);
}

async function startDatabase(dataDir: string): Promise<string> {
  const server = await startEmbeddedServer({
    dataDir,
    log: console.log,
    onLost() {
      report(new Error('The bundled Postgres has ended'), 'Foyer stops:');
      void exit(1);
    },
  });
  lifetime.started(server.stop);
  return server.url;
}

/** Fills our own database as long as nobody is in it. Answers who can sign in, at later starts too. */
async function prepareDemo(dependencies: Dependencies): Promise<typeof demoSignIns> {
  await insertDemoData(dependencies);
  const people = await dependencies.db('users').whereIn(
    'email',
    demoSignIns.map(({ email }) => email),
  );
  return demoSignIns.filter(({ email }) => people.some((person) => person.email === email));
}

/** Where STRIPE_API_URL names another address, a simulator runs there, for several web processes perhaps. */
function simulatorIsOurs({ stripe }: Config): boolean {
  return stripe.simulated && stripe.apiUrl === `http://127.0.0.1:${stripe.simulatorPort}`;
}

async function startSimulatedStripe({ baseUrl, dataDir, stripe }: Config): Promise<void> {
  const { secretKey, clientId, webhookSecrets, app } = stripe.primary;
  const simulator = await startSimulator({
    port: stripe.simulatorPort,
    stateFile: join(dataDir, 'stripe-simulator.jsonl'),
    platform: {
      name: 'Foyer',
      secretKey,
      publishableKey: secretKey.replace(/^sk_/, 'pk_'),
      clientId,
      redirectUris: [baseUrl + paths.stripeCallback()],
      app: app && {
        clientId: app.clientId,
        redirectUris: [baseUrl + paths.stripeAppCallback()],
        signingSecret: app.signingSecrets[0]!,
      },
    },
    webhook: { url: baseUrl + paths.webhooks(), secret: webhookSecrets[0]! },
  }).catch(explainBusyPort(stripe.simulatorPort, 'STRIPE_SIMULATOR_PORT'));
  lifetime.started(simulator.close);
}

async function listen(dependencies: Dependencies): Promise<void> {
  const { config, lifecycle } = dependencies;
  const patience = { headersTimeout: 15_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };
  const server = createServer({ ...patience, keepAliveTimeout: 65_000 }, createListener(dependencies));
  const close = gracefulClose(server, { patienceMs: DRAIN_MS });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(config.port, done);
  }).catch(explainBusyPort(config.port, 'PORT'));
  lifetime.started(async () => {
    lifecycle.draining = true;
    await close();
  });
}

function explainBusyPort(port: number, setting: string) {
  return (error: Error): never => {
    const codes = [error, error.cause].map((each) => (each as NodeJS.ErrnoException | undefined)?.code);
    if (!codes.includes('EADDRINUSE')) throw error;
    throw new Error(`Port ${port} is taken by another program. Stop it, or set ${setting} to a free port.`);
  };
}

function announce(config: Config, signIns: typeof demoSignIns): void {
  const lines = [`Foyer runs at ${config.baseUrl}`];
  if (config.stripe.simulated) lines.push(`  Stripe simulator  ${config.stripe.apiUrl} (no money moves)`);
  if (!config.smtpUrl) lines.push(`  Mail is kept at   ${config.baseUrl}${paths.devMail()}`);
  for (const { role, email, password } of signIns)
    lines.push(`  Sign in as        ${email} / ${password} (${role})`);
  console.log(`\n${lines.join('\n')}\n\nPress Ctrl-C to stop.\n`);
}

function explain(error: unknown): void {
  if (error instanceof ConfigError) console.error(error.message);
  else if (explainsItself(error)) console.error(`Foyer could not start: ${error.message || error.code}`);
  else report(error, 'Foyer could not start:');
}

/** Our own words, or the system's ("connect ECONNREFUSED …"); a mistake in the program needs its stack. */
function explainsItself(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error)) return false;
  return (
    'syscall' in error ||
    (error.constructor === Error && !('code' in error)) ||
    error instanceof AggregateError
  );
}

function endOnSignals(): void {
  let first: number | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      first ??= Date.now();
      if (Date.now() - first > SAME_SIGNAL_MS) process.exit(1);
      void exit(0);
    });
  }
}

/** npm hands a SIGTERM to the shell between us, which dies of it in silence. Whoever ends `npm start` means this process. */
function endWithNpm(): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    void exit(0);
  }, 250).unref();
}

function endOnMistakes(): void {
  process.on('unhandledRejection', (reason) => report(reason, 'A promise was rejected and nobody looked'));
  process.on('uncaughtException', (error) => {
    report(error, 'An error that nobody caught; Foyer stops');
    void exit(1);
  });
}

async function exit(code: number): Promise<void> {
  process.exitCode ||= code;
  setTimeout(() => process.exit(), STOP_MS).unref();
  await lifetime.end();
  process.exit();
}
