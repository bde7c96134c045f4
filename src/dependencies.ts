import { type Knex } from 'knex';
import { type Logger } from 'pino';
import { type Config } from './config';
import { createPaymentQueue, type PaymentQueue } from './checkout/payment-queue';
import { createDatabase } from './db/connection';
import { createEventPages, type EventPages } from './events/page-cache';
import { createRateLimits, type RateLimits } from './http/rate-limits';
import { createLogger } from './http/request-log';
import { createEncryption, type Encryption } from './lib/encryption';
import { createTicketCodes, type TicketCodes } from './lib/ticket-codes';
import { createIdTokens, type IdTokens } from './lib/tokens';
import { createTurns, type Turns } from './lib/turns';
import { createMailSender, type MailSender } from './mail/send-mail';
import { createTicketPrinter, type TicketPrinter } from './orders/ticket-printer';
import { type AppOAuth, createAppOAuth } from './stripe/app-oauth';
import { type ConnectOAuth, createConnectOAuth } from './stripe/connect-oauth';
import { createRequestPace } from './stripe/request-pace';
import { createStripeClient, type StripeClient } from './stripe/stripe-client';

/** Two commits of holds at once, four events whose lock is waited for, the queue for payment. */
const RUSH_POOL_SIZE = 7;

/** Everything that a feature can be given, made once for a process. */
export interface Dependencies {
  config: Config;
  db: Knex;
  /** the same database by a few connections of their own, for what must not wait behind pages: holds, the queue for payment */
  rushDb: Knex;
  logger: Logger;
  lifecycle: { draining: boolean };
  rateLimits: RateLimits;
  encryption: Encryption;
  /** an order's address: id + MAC */
  orderTokens: IdTokens;
  ticketCodes: TicketCodes;
  stripe: StripeClient;
  connectOAuth: ConnectOAuth;
  /** the Stripe App's own OAuth */
  appOAuth: AppOAuth;
  mailSender: MailSender;
  /** tickets as PDF, in a thread of its own */
  ticketPrinter: TicketPrinter;
  /** public event pages, ready to be answered */
  eventPages: EventPages;
  /** payments that are being settled in this process */
  settlements: Turns;
  /** buyers who wait for Stripe */
  paymentQueue: PaymentQueue;
  close(): Promise<void>;
}

/** `config.databaseUrl` must be set by now: the embedded server's address, or the one that was given. */
export function createDependencies(
  config: Config & { databaseUrl: string },
  overrides: Partial<Dependencies> = {},
): Dependencies {
  const db =
    overrides.db ??
    createDatabase({
      url: config.databaseUrl,
      poolSize: config.databasePoolSize,
      prepared: config.databasePrepared,
    });
  const rushDb =
    overrides.rushDb ??
    overrides.db ??
    createDatabase({
      url: config.databaseUrl,
      poolSize: RUSH_POOL_SIZE,
      prepared: config.databasePrepared,
    });
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const mailSender = createMailSender({ db, logger, smtpUrl: config.smtpUrl, mailFrom: config.mailFrom });
  const ticketPrinter = createTicketPrinter();
  const eventPages = createEventPages({ config, db });
  const pace = createRequestPace({ db, perSecond: config.stripe.requestsPerSecond });
  const stripe = createStripeClient({
    apiUrl: config.stripe.apiUrl,
    modes: config.stripe.modes,
    pace,
    circuit: config.stripe.circuit,
    onCircuit: ({ livemode, state }) =>
      state === 'open'
        ? logger.error({ livemode }, 'Stripe does not answer: calls are put off')
        : logger.info({ livemode, state }, 'calls to Stripe are let through again'),
  });
  return {
    config,
    db,
    rushDb,
    logger,
    lifecycle: { draining: false },
    rateLimits: createRateLimits(db),
    encryption: createEncryption(config.encryptionKeys),
    orderTokens: createIdTokens(config.sessionSecrets, 'order-address'),
    ticketCodes: createTicketCodes(config.sessionSecrets),
    stripe,
    connectOAuth: createConnectOAuth({
      connectUrl: config.stripe.connectUrl,
      baseUrl: config.baseUrl,
      redirectUris: config.stripe.redirectUris,
      modes: config.stripe.modes,
    }),
    appOAuth: createAppOAuth({
      apiUrl: config.stripe.apiUrl,
      baseUrl: config.baseUrl,
      modes: config.stripe.modes,
    }),
    mailSender,
    eventPages,
    ticketPrinter,
    settlements: createTurns(),
    paymentQueue: createPaymentQueue({ db: rushDb, spacing: pace.spacing }),
    async close() {
      await eventPages.close();
      await ticketPrinter.close();
      mailSender.close();
      stripe.close();
      await rushDb.destroy();
      await db.destroy();
    },
    ...overrides,
  };
}
