/** What the simulator answers, and how it says no in the two shapes that Stripe has. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

export class Refusal extends Error {
  constructor(readonly answer: Answer) {
    super(`refused with ${answer.status}`);
    this.name = 'Refusal';
  }
}

interface ErrorFields {
  status?: number;
  type?: 'invalid_request_error' | 'api_error' | 'idempotency_error';
  code?: string;
  param?: string;
}

/** `{error: {type, code, message, param, doc_url}}`, as every address below /v1 answers. */
export function errorAnswer(message: string, fields: ErrorFields = {}): Answer {
  const { status = 400, type = 'invalid_request_error', code, param } = fields;
  const doc_url = code && `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`;
  return { status, body: { error: { type, code, doc_url, message, param } } };
}

export function refused(message: string, fields: ErrorFields = {}): Refusal {
  return new Refusal(errorAnswer(message, fields));
}

export function noSuch(what: string, id: string, param = 'id'): Refusal {
  return refused(`No such ${what}: '${id}'`, { status: 404, code: 'resource_missing', param });
}

/** `{error, error_description}`, as /oauth answers. */
export function oauthRefused(error: string, description: string, status = 400): Refusal {
  return new Refusal({ status, body: { error, error_description: description } });
}
