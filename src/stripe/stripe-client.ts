/**
 * The only place that imports Stripe's SDK. Our verbs, our types, our errors; every call names the account and the mode
 * it is for. Amounts are minor units, times are Dates. No call is made inside a database transaction (promise 4).
 *
 * Never sent: `payment_method_types` (refused since 2026-09-30.endive), a zero application fee, personal data in metadata.
 */
import Stripe from 'stripe';
import { type StripeKeys } from '../config';
import { isInsideTransaction } from '../db/connection';
import { type Endpoint, type RequestPace } from './request-pace';
import { secretStoreVerbs } from './secret-store';
import { type CircuitSettings, type CircuitState, createCircuit, type OnCircuit } from './stripe-circuit';
import { StripeFailure } from './stripe-errors';
import { toAccount, toRefund, toSession } from './stripe-objects';
import { readingVerbs } from './stripe-reading';

/** While a person waits Stripe has eight seconds; then a job goes on. */
const TIMEOUT_MS = 8000;

/** What identifies the other side of a call: whose account, in which mode. */
export interface AccountCall {
  account: string;
  livemode: boolean;
}

export interface CheckoutSession {
  id: string;
  status: 'open' | 'complete' | 'expired';
  paymentStatus: 'paid' | 'unpaid' | 'no_payment_required';
  /** minor units */
  amountTotal: bigint | null;
  currency: string | null;
  paymentIntentId: string | null;
  /** known where the payment intent was asked for (retrieve); tells a failed delayed payment from one on its way */
  paymentIntentStatus: string | null;
  /** minor units; known with `paymentIntentStatus` once there is a charge */
  amountRefunded: bigint | null;
  disputed: boolean | null;
  url: string | null;
  clientReferenceId: string | null;
  metadata: Record<string, string>;
  expiresAt: Date;
}

export interface Refund {
  id: string;
  status: 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled';
  amount: bigint;
  currency: string;
  paymentIntentId: string | null;
  chargeId: string | null;
  failureReason: string | null;
  metadata: Record<string, string>;
}

export interface ConnectedAccount {
  id: string;
  displayName: string | null;
  country: string | null;
  defaultCurrency: string | null;
  chargesEnabled: boolean;
  payoutsEnabled: boolean;
  requirements: {
    currentlyDue: string[];
    pastDue: string[];
    pendingVerification: string[];
    errors: { requirement: string; reason: string }[];
    disabledReason: string | null;
    /** seconds of the epoch */
    currentDeadline: number | null;
  };
}

/** A request to make a Checkout Session, exactly as it is sent. It is frozen in the attempt before it is sent. */
export type CheckoutSessionRequest = Stripe.Checkout.SessionCreateParams;

/** `pace` keeps its requests within Stripe's limits; without one they go out as they come. */
export function createStripeClient(settings: {
  apiUrl: string;
  modes: StripeKeys[];
  pace?: RequestPace;
  circuit?: Partial<CircuitSettings>;
  onCircuit?: OnCircuit;
}) {
  const url = new URL(settings.apiUrl);
  const circuits = new Map(
    settings.modes.map(({ livemode }) => [
      livemode,
      createCircuit(livemode, (error) => toFailure(error).problem === 'unanswered', {
        settings: settings.circuit,
        onChange: settings.onCircuit,
      }),
    ]),
  );
  const clients = new Map(settings.modes.map((keys) => [keys.livemode, newClient(keys.secretKey, url)]));
  /** with the key of the Stripe App's developer, where there is an app */
  const appClients = new Map(
    settings.modes.flatMap(({ livemode, app }) =>
      app ? [[livemode, newClient(app.secretKey, url)] as const] : [],
    ),
  );

  function clientFor(livemode: boolean, asApp: boolean): Stripe {
    if (isInsideTransaction()) throw new Error('Stripe must not be called inside a database transaction');
    const client = (asApp ? appClients : clients).get(livemode);
    if (!client)
      throw new StripeFailure(
        'platform_key',
        `There is no Stripe key for ${livemode ? 'live' : 'test'} mode`,
      );
    return client;
  }

  /** One request at its turn. `slotTaken`: the caller has waited for it already. `asApp`: as the app's developer. */
  async function answered<T>(
    endpoint: Endpoint,
    {
      livemode,
      slotTaken = false,
      asApp = false,
    }: { livemode: boolean; slotTaken?: boolean; asApp?: boolean },
    ask: (client: Stripe) => Promise<T>,
  ): Promise<T> {
    const client = clientFor(livemode, asApp);
    if (!slotTaken) await settings.pace?.wait({ endpoint, livemode });
    try {
      return await circuits.get(livemode)!.run(() => ask(client));
    } catch (error) {
      const failure = toFailure(error);
      if (failure.problem === 'rate_limited')
        await settings.pace?.rest({ endpoint, livemode }, failure.retryAfterSeconds);
      throw failure;
    }
  }

  return {
    /** Makes the session of a payment attempt; the same key and request give the same session, however often sent. */
    async createCheckoutSession(
      call: AccountCall & { request: CheckoutSessionRequest; idempotencyKey: string; slotTaken?: boolean },
    ): Promise<CheckoutSession> {
      return answered('POST /v1/checkout/sessions', call, async (client) =>
        toSession(
          await client.checkout.sessions.create(call.request, {
            stripeAccount: call.account,
            idempotencyKey: call.idempotencyKey,
          }),
        ),
      );
    },

    async retrieveCheckoutSession(call: AccountCall & { id: string }): Promise<CheckoutSession> {
      return answered('GET /v1/checkout/sessions/:id', call, async (client) =>
        toSession(
          await client.checkout.sessions.retrieve(
            call.id,
            { expand: ['payment_intent.latest_charge'] },
            { stripeAccount: call.account },
          ),
        ),
      );
    },

    /** Ends an open session. One that is complete or expired already is refused (`refused`): read it then. */
    async expireCheckoutSession(call: AccountCall & { id: string }): Promise<CheckoutSession> {
      return answered('POST /v1/checkout/sessions/:id/expire', call, async (client) =>
        toSession(await client.checkout.sessions.expire(call.id, {}, { stripeAccount: call.account })),
      );
    },

    /** The session with a client reference among those made since a time, or null. Reads page after page. */
    async findCheckoutSession(
      call: AccountCall & { since: Date; matches: (session: CheckoutSession) => boolean },
    ): Promise<CheckoutSession | null> {
      return answered('GET /v1/checkout/sessions', call, async (client) => {
        const list = client.checkout.sessions.list(
          { created: { gte: Math.floor(call.since.getTime() / 1000) }, limit: 100 },
          { stripeAccount: call.account },
        );
        for await (const session of list) {
          const ours = toSession(session);
          if (call.matches(ours)) return ours;
        }
        return null;
      });
    },

    /** Gives back a payment or a part of it. `refundApplicationFee` only where there was a fee: Stripe refuses it otherwise. */
    async createRefund(
      call: AccountCall & {
        paymentIntentId: string;
        amount: bigint;
        refundApplicationFee: boolean;
        metadata: Record<string, string>;
        idempotencyKey: string;
      },
    ): Promise<Refund> {
      const params: Stripe.RefundCreateParams = {
        payment_intent: call.paymentIntentId,
        amount: Number(call.amount),
        metadata: call.metadata,
      };
      if (call.refundApplicationFee) params.refund_application_fee = true;
      return answered('POST /v1/refunds', call, async (client) =>
        toRefund(
          await client.refunds.create(params, {
            stripeAccount: call.account,
            idempotencyKey: call.idempotencyKey,
          }),
        ),
      );
    },

    async listRefunds(call: AccountCall & { paymentIntentId: string }): Promise<Refund[]> {
      return answered('GET /v1/refunds', call, async (client) => {
        const refunds: Refund[] = [];
        for await (const refund of client.refunds.list(
          { payment_intent: call.paymentIntentId, limit: 100 },
          { stripeAccount: call.account },
        ))
          refunds.push(toRefund(refund));
        return refunds;
      });
    },

    /** How much of the platform's fee on a charge has gone back, in minor units; null where there was no fee. */
    async readFeeRefunded(call: { livemode: boolean; chargeId: string }): Promise<bigint | null> {
      return answered('GET /v1/application_fees', call, async (client) => {
        const { data } = await client.applicationFees.list({ charge: call.chargeId, limit: 1 });
        const refunded = data?.[0]?.amount_refunded;
        return Number.isSafeInteger(refunded) ? BigInt(refunded!) : null;
      });
    },

    async retrieveAccount(call: AccountCall): Promise<ConnectedAccount> {
      return answered('GET /v1/accounts/:id', call, async (client) =>
        toAccount(await client.accounts.retrieve(call.account, {}, {})),
      );
    },

    /** The currencies (lower-case codes) that accounts of a country can charge in (docs.stripe.com/api/country_specs). */
    async listChargeCurrencies(call: { country: string; livemode: boolean }): Promise<string[]> {
      return answered('GET /v1/country_specs/:id', call, async (client) => {
        const spec = await client.countrySpecs.retrieve(call.country);
        if (!Array.isArray(spec?.supported_payment_currencies))
          throw new StripeFailure('unanswered', 'Stripe answered something that is no country');
        return spec.supported_payment_currencies;
      });
    },

    /** The platform's own account id, to refuse that it connects to itself. */
    async retrievePlatformAccountId(livemode: boolean): Promise<string> {
      return answered(
        'GET /v1/accounts/:id',
        { livemode },
        async (client) => toAccount(await client.accounts.retrieveCurrent()).id,
      );
    },

    ...readingVerbs(answered),
    ...secretStoreVerbs((endpoint, { livemode }, ask) => answered(endpoint, { livemode, asApp: true }, ask)),

    /** Has Stripe stopped answering this process? Calls fail at once then, and are made again later. */
    isAway: (livemode: boolean): boolean => circuits.get(livemode)?.state().state === 'open',

    circuits: (): CircuitState[] => [...circuits.values()].map((circuit) => circuit.state()),

    close(): void {
      for (const circuit of circuits.values()) circuit.close();
    },
  };
}

export type StripeClient = ReturnType<typeof createStripeClient>;

function newClient(secretKey: string, url: URL): Stripe {
  return new Stripe(secretKey, {
    host: url.hostname,
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
    protocol: url.protocol === 'https:' ? 'https' : 'http',
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Foyer' },
  });
}

function toFailure(error: unknown): StripeFailure {
  if (error instanceof StripeFailure) return error;
  // The SDK stumbles over answers that are JSON and nothing else ("null"): Stripe may have acted all the same.
  if (!(error instanceof Stripe.errors.StripeError))
    return new StripeFailure(
      'unanswered',
      `Stripe gave no usable answer (${error instanceof Error ? error.name : typeof error})`,
    );
  // The message may name a key or quote what was sent: it stays in the cause's type, never in ours.
  const details = {
    code: error.code ?? null,
    requestId: error.requestId ?? null,
    param: error.param ?? null,
    httpStatus: error.statusCode ?? null,
    retryAfterSeconds: readRetryAfter(error.headers?.['retry-after']),
  };
  const failure = (problem: StripeFailure['problem'], message: string) =>
    new StripeFailure(problem, message, details);
  if (error instanceof Stripe.errors.StripeAuthenticationError)
    return failure('platform_key', 'Stripe did not accept the key of this platform');
  if (error instanceof Stripe.errors.StripePermissionError)
    return failure('access_lost', 'Stripe does not give access to this account');
  if (error instanceof Stripe.errors.StripeRateLimitError)
    return failure('rate_limited', 'Stripe asks to slow down');
  if (error instanceof Stripe.errors.StripeIdempotencyError)
    return failure('key_reused', 'An idempotency key was used for another request');
  if (error.statusCode === 409) return failure('busy', 'Stripe is working on the same request');
  if (
    error instanceof Stripe.errors.StripeInvalidRequestError ||
    error instanceof Stripe.errors.StripeCardError
  )
    return failure(
      'refused',
      `Stripe refused the request (${error.code ?? error.rawType ?? 'invalid request'})`,
    );
  return failure('unanswered', `Stripe gave no usable answer (${error.statusCode ?? error.type})`);
}

/** Seconds; a date is not what Stripe sends there. */
function readRetryAfter(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,4}$/.test(header) ? Number(header) : null;
}
