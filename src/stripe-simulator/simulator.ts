/** A stand-in for Stripe on one port: the API, Connect OAuth, the hosted pages, a small dashboard, a control address. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { accountsApi } from './accounts';
import { appInstallRoutes } from './app-installs';
import { createApi } from './api';
import { readingApi } from './balances';
import { checkoutSessionsApi, expireSession, getSession } from './checkout-sessions';
import { oauthRoutes } from './connect-oauth';
import { createClock, type Simulator, type SimulatorOptions } from './context';
import { controlRoutes } from './control';
import { dashboardRoutes } from './dashboard';
import { disputesApi } from './disputes';
import { createFaults } from './faults';
import { hostedCheckoutRoutes } from './hosted-checkout';
import { isForTestMode, ofMode, testModeOf } from './modes';
import { sendPage, VIEWS } from './pages';
import { settle } from './payments';
import { errorAnswer, Refusal } from './refusal';
import { refundsApi } from './refunds';
import { secretStoreApi } from './secret-store';
import { createRequestLog } from './request-log';
import { openState } from './state';
import { createWebhookDelivery } from './webhook-delivery';

export { type SimulatorOptions };

const TICK_MS = 200;

export async function startSimulator(
  options: SimulatorOptions,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  if (process.env.NODE_ENV === 'production')
    throw new Error('The Stripe simulator does not run in production.');
  const host = options.host ?? '127.0.0.1';
  const server = createServer();
  // The port comes first: it keeps a second simulator away from the same state.
  await listen(server, options.port, host);
  let simulator: Simulator;
  try {
    simulator = createSimulator(options);
  } catch (error) {
    server.close();
    throw error;
  }
  const test = testModeOf(simulator);
  const mainApp = createApp(
    test ? { ...simulator, state: ofMode(simulator.state, simulator.livemode) } : simulator,
  );
  const testApp = test && createApp(test);
  server.on('request', (req, res) =>
    testApp && isForTestMode(req, test) ? testApp(req, res) : mainApp(req, res),
  );
  const ticker = setInterval(() => tick(simulator, test), TICK_MS).unref();
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${host}:${port}`,
    port,
    async close() {
      clearInterval(ticker);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      simulator.webhooks.close();
      simulator.state.close();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const busy = cause.code === 'EADDRINUSE';
      reject(
        busy
          ? new Error(`Port ${port} is in use: the Stripe simulator can't listen on it.`, { cause })
          : cause,
      );
    });
    server.listen(port, host, resolve);
  });
}

function createSimulator(options: SimulatorOptions): Simulator {
  const { platform, webhook, log = () => undefined } = options;
  const livemode = /^(sk|rk)_live_/.test(platform.secretKey);
  const clock = createClock();
  const state = openState(options.stateFile, log);
  return {
    options,
    livemode,
    platformAccount: platform.accountId ?? 'acct_1PlatformOfSimulator',
    state,
    clock,
    webhooks: createWebhookDelivery({ state, clock, livemode, webhook, log }),
    faults: createFaults(),
    requests: createRequestLog(),
    keysInUse: new Map(),
    log,
  };
}

function createApp(simulator: Simulator): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/simulator.css', (_req, res) => res.sendFile(join(VIEWS, 'simulator.css')));
  app.use('/_control', controlRoutes(simulator));
  app.use(express.text({ type: () => true, limit: '1mb' }));

  const route = createApi(simulator, app);
  accountsApi(simulator, route);
  checkoutSessionsApi(simulator, route);
  refundsApi(simulator, route);
  disputesApi(simulator, route);
  readingApi(simulator, route);
  secretStoreApi(simulator, route);
  oauthRoutes(simulator, app);
  appInstallRoutes(simulator, app);
  hostedCheckoutRoutes(simulator, app);
  dashboardRoutes(simulator, app);

  app.use((req, res) => answerProblem(req, res, 404, `There is nothing at ${req.path} in this simulator.`));
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    if (error instanceof Refusal) {
      const { message } = (error.answer.body as { error: { message: string } }).error;
      return answerProblem(req, res, error.answer.status, message);
    }
    const { status = 500 } = error as { status?: number };
    if (status >= 500) simulator.log(`${req.method} ${req.path} failed: ${(error as Error).stack}`);
    return answerProblem(req, res, status, 'The simulator could not do this.');
  });
  return app;
}

async function answerProblem(req: Request, res: Response, status: number, message: string): Promise<void> {
  if (/^\/(v1|oauth|_control)\//.test(req.path)) res.status(status).json(errorAnswer(message).body);
  else
    await sendPage(res, 'message', {
      title: 'This did not work',
      message,
      link: ['/', 'All simulated accounts'],
      status,
    });
}

/** What happens by time: sessions expire, delayed payments end, webhooks are tried again. */
function tick(simulator: Simulator, test: Simulator | null): void {
  const { state, clock, webhooks, log } = simulator;
  try {
    for (const { id, at, outcome } of state.all('timers')) {
      if (at > clock.seconds()) continue;
      const intent = state.get('intents', id);
      const isTest = (intent ?? state.get('sessions', id))?.object.livemode === false;
      const player = test && isTest ? test : simulator;
      if (intent) settle(player, intent, outcome ?? 'success');
      else expireSession(player, getSession(player, id));
    }
    webhooks.tick();
  } catch (error) {
    log(`The simulator's clockwork failed: ${(error as Error).stack}`);
  }
}
