/** R5: whatever fails, its page says nothing of how Foyer is built, and whoever asks for JSON reads no more. */
import express, { type Express } from 'express';
import supertest from 'supertest';
import {
  AppError,
  BadRequest,
  Conflict,
  Forbidden,
  NotFound,
  TooManyRequests,
  Unavailable,
} from '../../src/errors';
import { errorHandler, pageNotFound } from '../../src/http/error-pages';
import { createLogger } from '../../src/http/request-log';
import { useViews } from '../../src/http/views';

const SECRET_CAUSE = Object.assign(
  new Error(
    'insert into "users" ("email") values ($1) - duplicate key value violates constraint "users_email"',
  ),
  { detail: 'Key (email)=(ada@example.com) already exists.', table: 'users', code: '23505' },
);

const FAILURES: [number, unknown][] = [
  [400, new BadRequest('Words for people')],
  [400, Object.assign(new SyntaxError('Unexpected token } in JSON at position 7'), { status: 400 })],
  [400, Object.assign(new URIError('Failed to decode param %E0%A4%A'), { status: 400 })],
  [403, new Forbidden()],
  [403, Object.assign(new Error('invalid csrf token'), { status: 403, code: 'EBADCSRFTOKEN' })],
  [404, new NotFound('order')],
  [409, new Conflict('Words for people')],
  [413, Object.assign(new Error('request entity too large'), { status: 413, type: 'entity.too.large' })],
  [415, Object.assign(new Error('unsupported charset "UTF-7"'), { status: 415 })],
  [422, new AppError(422, 'Words for people', { cause: SECRET_CAUSE })],
  [429, new TooManyRequests('Words for people', 60)],
  [500, SECRET_CAUSE],
  [500, new TypeError("Cannot read properties of undefined (reading 'id')")],
  [500, 'a text that was thrown'],
  [500, { status: 200, message: 'SELECT * FROM users' }],
  [503, new Unavailable('Words for people', SECRET_CAUSE)],
  [503, Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' })],
];

const INSIDE =
  /insert into|select \*|constraint|\$1|ada@example|users|23505|10\.0\.0\.7|5432|ECONN|TypeError|SyntaxError|position 7|\bat \S+ \(|node_modules|\.ts\b|\.ejs|\/src\/|\/work|express|node v?\d|x-powered|undefined|csrf|UTF-7|%E0/i;

let app: Express;
let failure: unknown;
const logged: string[] = [];

beforeAll(() => {
  app = express();
  app.disable('x-powered-by');
  useViews(app, { cache: true, simulated: false });
  app.get('/fails', (req) => {
    req.id = 'the-number-of-the-request';
    throw failure;
  });
  app.use(pageNotFound);
  app.use(errorHandler(createLogger('info', { write: (line) => logged.push(line) })));
});

test.each(FAILURES)('%i for %s', async (status, thrown) => {
  failure = thrown;
  for (const accept of ['text/html', 'application/json']) {
    const answer = await supertest(app).get('/fails').set('Accept', accept);
    expect(answer.status).toBe(status);
    expect(answer.text.replace(/\/assets\/[\w.-]+/g, '')).not.toMatch(INSIDE);
    expect(JSON.stringify(answer.headers)).not.toMatch(INSIDE);
    expect(answer.headers['cache-control']).toBe('no-store');
    // enough to find it in the log
    if (status >= 500) expect(answer.text).toContain('the-number-of-the-request');
  }
});

test('404 for an address that is not there', async () => {
  const answer = await supertest(app).get('/users.ejs');
  expect([answer.status, INSIDE.test(answer.text)]).toEqual([404, false]);
});
