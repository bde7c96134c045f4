/** How the extension's backend says no: a status, a code for the program, words for the person, as `contract.ts` has it. */
import { type ErrorRequestHandler } from 'express';
import { type Logger } from 'pino';
import { isDatabaseUnavailable } from '../db/connection';
import { AppError, TooManyRequests } from '../errors';
import { StripeFailure } from '../stripe/stripe-errors';
import { type ApiRefusal, type RefusalCode } from './contract';
import { FoyerOAuthFailure } from './foyer-oauth';

const STATUS: Record<RefusalCode, number> = {
  bad_request: 400,
  bad_signature: 400,
  not_signed_in: 401,
  not_found: 404,
  too_many_requests: 429,
  out_of_reach: 502,
};

const WORDS: Record<RefusalCode, string> = {
  bad_request: 'Foyer could not read this request. Reload the page in Stripe.',
  bad_signature:
    'Foyer could not check that this came from your Stripe Dashboard. Reload the page in Stripe.',
  not_signed_in: 'Sign in to Foyer to see the order of this payment.',
  not_found: 'There is no order in Foyer for this payment that you can see.',
  too_many_requests: 'Too many tries for this account. Wait a minute, then look again.',
  out_of_reach: 'Foyer can’t reach Stripe right now. Try again in a moment.',
};

export class ExtensionRefusal extends AppError {
  constructor(
    readonly code: RefusalCode,
    message = WORDS[code],
    options: { cause?: unknown } = {},
  ) {
    super(STATUS[code], message, options);
  }
}

/** Everything that goes wrong behind these addresses ends as JSON. Stripe's failures are told apart, without the secret. */
export function refuseInJson(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) return next(error);
    const refusal = toRefusal(error);
    if (!refusal) return next(error);
    noteFailure(logger, req.id, error);
    if (error instanceof TooManyRequests) res.set('Retry-After', String(error.retryAfterSeconds));
    const answer: ApiRefusal = { error: { code: refusal.code, message: refusal.publicMessage } };
    res.status(refusal.status).json(answer);
  };
}

/** What is no refusal is a mistake of ours, and the house's error handler's to answer. */
export function toRefusal(error: unknown): ExtensionRefusal | null {
  if (error instanceof ExtensionRefusal) return error;
  if (error instanceof TooManyRequests)
    return new ExtensionRefusal('too_many_requests', error.publicMessage, { cause: error });
  if (error instanceof StripeFailure) return ofStripe(error);
  if (error instanceof FoyerOAuthFailure)
    return new ExtensionRefusal(
      'out_of_reach',
      error.problem === 'setup'
        ? 'Signing in from Stripe is not set up at this Foyer. We have been told; try again later.'
        : 'Foyer can’t check your sign-in right now. Try again in a moment.',
      { cause: error },
    );
  if (isDatabaseUnavailable(error))
    return new ExtensionRefusal('out_of_reach', 'Foyer is busy right now. Try again in a moment.', {
      cause: error,
    });
  return null;
}

function ofStripe(failure: StripeFailure): ExtensionRefusal {
  const { problem } = failure;
  const words =
    problem === 'access_lost'
      ? 'Stripe does not let Foyer into this account. Install Foyer’s app on it again.'
      : problem === 'platform_key' || problem === 'refused' || problem === 'key_reused'
        ? 'Stripe did not accept what Foyer asked. We have been told; try again later.'
        : WORDS.out_of_reach;
  return new ExtensionRefusal('out_of_reach', words, { cause: failure });
}

/** What a person here must act on is an error; that Stripe is away, or lets us in no more, is not. */
export function noteFailure(logger: Logger, requestId: unknown, error: unknown): void {
  if (error instanceof FoyerOAuthFailure)
    logger[error.problem === 'setup' ? 'error' : 'warn'](
      { requestId, problem: error.problem },
      'Foyer’s own OAuth did not serve the Dashboard extension',
    );
  if (!(error instanceof StripeFailure)) return;
  const ours = ['platform_key', 'refused', 'key_reused'].includes(error.problem);
  logger[ours ? 'error' : 'warn'](
    { requestId, problem: error.problem, code: error.code, stripeRequestId: error.requestId },
    'Stripe’s Secret Store gave no usable answer',
  );
}
