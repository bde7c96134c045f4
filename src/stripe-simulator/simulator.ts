/** A stand-in for Stripe on one port: the API, Connect OAuth, the hosted pages, a small dashboard, a control address. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { accountsApi } from './accounts';
import { createApi } from './api';
import { checkoutSessionsApi, expireSession, getSession } from './checkout-sessions';
import { oauthRoutes } from './connect-oauth';
import { createClock, type Simulator, type SimulatorOptions } from './context';
import { controlRoutes } from './control';
import { dashboardRoutes } from './dashboard';
import { createFaults } from './faults';
import { hostedCheckoutRoutes } from './hosted-checkout';
import { ledgerApi } from './ledger';
import { html, readStylesheet, sendPage } from './pages';
import { paymentsApi, settle } from './payments';
import { apiErrorAnswer, Refusal } from './refusal';
import { refundsApi } from './refunds';
import { createRequestLog } from './request-log';
import { openState, type Timer } from './state';
import { createWebhookDelivery } from './webhook-delivery';

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
    server.on('request', createApp(simulator));
  } catch (error) {
    server.close();
    throw error;
  }
  const ticker = setInterval(() => tick(simulator), TICK_MS).unref();
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
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

function createSimulator(options: SimulatorOptions): Simulator {
  const log = options.log ?? (() => undefined);
  const livemode = /^(sk|rk)_live_/.test(options.platform.secretKey);
  const clock = createClock();
  const state = openState(options.stateFile, log);
  return {
    options,
    livemode,
    platformAccount: options.platform.accountId ?? 'acct_1PlatformOfSimulator',
    state,
    clock,
    webhooks: createWebhookDelivery({ state, clock, livemode, webhook: options.webhook, log }),
    faults: createFaults(),
    requests: createRequestLog(),
    log,
  };
}

function createApp(simulator: Simulator): Express {
  const app = express();
  const stylesheet = readStylesheet();
  app.disable('x-powered-by');
  app.get('/simulator.css', (_req, res) => void res.type('css').send(stylesheet));
  app.use('/_control', controlRoutes(simulator));
  app.use(express.text({ type: () => true, limit: '1mb' }));

  const route = createApi(simulator, app);
  accountsApi(simulator, route);
  checkoutSessionsApi(simulator, route);
  paymentsApi(simulator, route);
  refundsApi(simulator, route);
  ledgerApi(simulator, route);
  oauthRoutes(simulator, app);
  hostedCheckoutRoutes(simulator, app);
  dashboardRoutes(simulator, app);

  app.use(notFound);
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) =>
    fail(simulator, error, req, res, next),
  );
  return app;
}

function notFound(req: Request, res: Response): void {
  if (/^\/(v1|oauth|_control)\//.test(req.path)) {
    const message = `Unrecognized request URL (${req.method}: ${req.path}). The simulator plays only what Foyer uses.`;
    res.status(404).json(apiErrorAnswer(message, { status: 404 }).body);
    return;
  }
  const body = html`<div class="narrow">
    <h1>There is nothing here</h1>
    <p><a href="/">All simulated accounts</a></p>
  </div>`;
  sendPage(res, { title: 'Not found', body, status: 404 });
}

function fail(simulator: Simulator, error: unknown, req: Request, res: Response, next: NextFunction): void {
  if (res.headersSent) return next(error);
  const given =
    error instanceof Refusal ? error.answer.status : Number((error as { status?: unknown }).status);
  const status = given >= 400 && given < 500 ? given : 500;
  if (status === 404) return notFound(req, res);
  if (status === 500) simulator.log(`${req.method} ${req.path} failed: ${(error as Error).stack}`);
  const reason =
    error instanceof Refusal ? (error.answer.body as { error: { message?: string } }).error.message : null;
  if (/^\/(v1|oauth|_control)\//.test(req.path)) {
    res.status(status).json(apiErrorAnswer(reason ?? 'The request can not be read.', { status }).body);
    return;
  }
  const body = html`<div class="narrow">
    <h1>This did not work</h1>
    <p>${reason ?? 'The simulator could not do this. Go back and try again.'}</p>
    <p><a href="/">All simulated accounts</a></p>
  </div>`;
  sendPage(res, { title: 'Not done', body, status });
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        busy
          ? new Error(`Port ${port} is in use: the Stripe simulator can't listen on it.`, { cause: error })
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
}

/** What happens by time alone. */
function tick(simulator: Simulator): void {
  try {
    for (const timer of simulator.state.all('timers'))
      if (timer.at <= simulator.clock.seconds()) ring(simulator, timer);
    simulator.webhooks.tick();
    simulator.state.flush();
  } catch (error) {
    simulator.log(`The simulator's clockwork failed: ${(error as Error).stack}`);
  }
}

function ring(simulator: Simulator, { id, outcome }: Timer): void {
  const intent = simulator.state.get('intents', id);
  if (intent) settle(simulator, intent, outcome ?? 'success');
  else expireSession(simulator, getSession(simulator, id));
}
