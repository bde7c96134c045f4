/** Errors that a person is told of. The error handler asks an error for its status; everything else is a 500. */
export class AppError extends Error {
  /** A heading for the error page; the message says what to do. */
  readonly heading: string | null;

  constructor(
    readonly status: number,
    readonly publicMessage: string,
    options: { cause?: unknown; heading?: string; retryAfterSeconds?: number } = {},
  ) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.heading = options.heading ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  readonly retryAfterSeconds: number | null;
}

export class NotFound extends AppError {
  constructor(what = 'page') {
    super(404, `We can't find this ${what}. Check the address, or start from the front page.`);
  }
}

export class Forbidden extends AppError {
  constructor(message = "You don't have access to this page.", heading?: string) {
    super(403, message, { heading });
  }
}

export class BadRequest extends AppError {
  constructor(message: string, heading?: string) {
    super(400, message, { heading });
  }
}

export class Conflict extends AppError {
  constructor(message: string, heading?: string) {
    super(409, message, { heading });
  }
}

export class TooManyRequests extends AppError {
  constructor(message: string, retryAfterSeconds: number) {
    super(429, message, { heading: 'Too many tries', retryAfterSeconds });
  }
}

export class Unavailable extends AppError {
  constructor(
    message = 'Foyer is busy right now. Nothing was changed. Try again in a moment.',
    cause?: unknown,
  ) {
    super(503, message, { cause, retryAfterSeconds: 5, heading: 'Please try again in a moment' });
  }
}
