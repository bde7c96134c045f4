/** What the simulator answers when it says no, in the two shapes that Stripe has. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

export class Refusal extends Error {
  constructor(
    readonly answer: Answer,
    /** refused before the request was carried out: an idempotency key does not remember it */
    readonly beforeExecution: boolean,
  ) {
    super(`refused with ${answer.status}`);
    this.name = 'Refusal';
  }
}

interface ApiErrorFields {
  status?: number;
  type?: 'invalid_request_error' | 'api_error' | 'idempotency_error' | 'card_error';
  code?: string;
  param?: string;
  headers?: Record<string, string>;
}

/** `{error: {type, code, message, param, doc_url}}`, as every address below /v1 answers. */
export function apiErrorAnswer(message: string, fields: ApiErrorFields = {}): Answer {
  const { status = 400, type = 'invalid_request_error', code, param, headers } = fields;
  const error: Record<string, unknown> = { type, message };
  if (code)
    Object.assign(error, {
      code,
      doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
    });
  if (param) error.param = param;
  return { status, body: { error }, ...(headers ? { headers } : {}) };
}

/** Refused while it was carried out: kept for the idempotency key. */
export function refused(message: string, fields: ApiErrorFields = {}): Refusal {
  return new Refusal(apiErrorAnswer(message, fields), false);
}

/** Refused for its form, its key, its rate: never kept. */
export function refusedAtOnce(message: string, fields: ApiErrorFields = {}): Refusal {
  return new Refusal(apiErrorAnswer(message, fields), true);
}

export function noSuch(what: string, id: string, param = 'id'): Refusal {
  return refused(`No such ${what}: '${id}'`, { status: 404, code: 'resource_missing', param });
}

/** `{error, error_description}`, as /oauth answers. */
export function oauthRefused(error: string, description: string, status = 400): Refusal {
  return new Refusal({ status, body: { error, error_description: description } }, true);
}
